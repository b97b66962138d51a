"""Correlation clustering, Leiden and Markov clustering against slower ways."""

import itertools
import random
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from matcher.clustering import make_clusterer
from matcher.clustering._ranking import rank_edges
from matcher.clustering.markov import first_steps, keep_best
from matcher.errors import BackendError, ConfigError
from matcher.similarity import build_graph

N = 8
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0.0625, 1, width=32), max_size=25)


def graph(edges, n=N):
    a, b = np.array([*edges], np.int64).reshape(-1, 2).T
    scores = np.float32([*edges.values()])
    return build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)


def random_edges(seed, n, share=0.5):
    rng = np.random.default_rng(seed)
    pairs = [p for p in itertools.combinations(range(n), 2) if rng.random() < share]
    return {pair: float(np.float32(rng.uniform(0.4, 1))) for pair in pairs}


def same_partition(a, b) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


def agreement(labels, edges, bound):
    """Sum over all pairs inside clusters of score - bound, absent pairs scoring 0."""
    inside = [
        p for p in itertools.combinations(range(len(labels)), 2) if labels[p[0]] == labels[p[1]]
    ]
    return sum(edges.get(p, 0) - bound for p in inside)


@settings(max_examples=100, deadline=None)
@given(EDGES, st.sampled_from([2, 3, 50]))
def test_no_listing_can_move_and_raise_the_sum(edges, cap):
    found = make_clusterer("correlation", max_size=cap)(graph(edges)).labels.tolist()
    total = agreement(found, edges, 0.5)
    accepted = {p for p, score in edges.items() if score >= 0.5}
    for place, target in itertools.product(range(N), range(N + 1)):
        if any(place in p for p in accepted):
            moved = [*found[:place], target, *found[place + 1 :]]
            if moved.count(target) <= cap:
                assert agreement(moved, edges, 0.5) <= total + 1e-6


@settings(max_examples=60, deadline=None)
@given(EDGES)
def test_moves_never_lower_the_sum_of_the_pivots(edges):
    pivots, moved = (
        agreement(make_clusterer("correlation", passes=p)(graph(edges)).labels, edges, 0.5)
        for p in (0, 20)
    )
    assert moved >= pivots - 1e-6


def test_a_weak_pair_counts_more_than_an_absent_one():
    # 2 moves in: 0.9 + 0.45 - 2 · 0.5 = 0.35 against 0; absent: 0.9 - 2 · 0.5 = -0.1
    edges = {(0, 1): 0.95, (1, 2): 0.9}
    with_weak = make_clusterer("correlation")(graph(edges | {(0, 2): 0.45}, 3)).labels
    without = make_clusterer("correlation")(graph(edges, 3)).labels
    np.testing.assert_array_equal(with_weak, [0, 0, 0])
    np.testing.assert_array_equal(without, [0, 0, 1])


def partitions(n):
    """All partitions of n things, as labels."""
    found = [[0]]
    for _ in range(n - 1):
        found = [[*labels, c] for labels in found for c in range(max(labels) + 2)]
    return found


@pytest.mark.parametrize("seed", range(8))
def test_leiden_finds_the_best_of_all_partitions(seed):
    pytest.importorskip("igraph")
    edges = random_edges(seed, 7)
    found = make_clusterer("leiden", min_score=0.4, resolution=0.45)(graph(edges, 7)).labels
    best = max(agreement(labels, edges, 0.45) for labels in partitions(7))
    assert agreement(found, edges, 0.45) == pytest.approx(best, abs=1e-6)


def test_leiden_repeats_itself_and_leaves_random_numbers_alone():
    pytest.importorskip("igraph")
    big = graph(random_edges(3, 60, 0.2), 60)
    clusterer = make_clusterer("leiden")
    random.seed(1)
    first, number = clusterer(big).labels, random.random()
    random.seed(1)
    assert random.random() == number
    np.testing.assert_array_equal(clusterer(big).labels, first)


def test_leiden_without_igraph_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(BackendError, match=r"matcher\[cluster\]"):
        make_clusterer("leiden")(graph({(0, 1): 0.9}))


def dense_markov(edges, n, inflation):
    """Van Dongen's iteration on a full matrix, nothing pruned but rounding."""
    weights = np.zeros((n, n))
    for (a, b), score in edges.items():
        weights[a, b] = weights[b, a] = score
    weights[np.diag_indices(n)] = np.where(weights.any(axis=1), weights.max(axis=1), 1)
    walks = weights / weights.sum(axis=1, keepdims=True)
    for _ in range(200):
        walks = (walks @ walks) ** inflation
        walks /= walks.sum(axis=1, keepdims=True)
    return connected_components(walks > 1e-3, directed=False)[1]


@pytest.mark.parametrize("inflation", [1.5, 2.0, 4.0])
def test_markov_is_the_dense_iteration(inflation):
    n_split = 0
    for seed in range(15):
        edges = random_edges(seed, 14, 0.25)
        expected = dense_markov(edges, 14, inflation)
        clusterer = make_clusterer("markov", min_score=0.4, inflation=inflation, pruning=1e-5)
        assert same_partition(clusterer(graph(edges, 14)).labels.tolist(), expected.tolist())
        n_split += len(set(expected.tolist())) > 1
    assert n_split > 5


def test_higher_inflation_splits_a_chain_further():
    chain = {(i, i + 1): 0.9 for i in range(11)}
    counts = [
        make_clusterer("markov", inflation=inflation)(graph(chain, 12)).n_clusters
        for inflation in (1.2, 2.0, 6.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.parametrize("pruning", [0.1, 0.03])
def test_a_hub_walks_along_its_best_pairs_only(pruning):
    # The hub's best pairs, itself among them: as many as a row may keep.
    most = int(1 / pruning)
    star = {(0, i): 0.5 + i / 1000 for i in range(1, 101)}
    edges = rank_edges(graph(star, 101), 0.5)
    walks = keep_best(first_steps(edges), most)
    assert np.diff(walks.indptr).max() == most
    hub = walks[[edges.nodes.tolist().index(0)]]
    kept = {int(edges.nodes[place]) for place in hub.indices}
    assert kept == {0, *range(102 - most, 101)}
    np.testing.assert_allclose(walks.sum(axis=1), 1)


def test_more_listings_than_one_block():
    pairs = {(i, i + 1): 0.9 for i in range(0, 1400, 2)}
    labels = make_clusterer("markov")(graph(pairs, 1400)).labels
    np.testing.assert_array_equal(labels, np.arange(1400) // 2)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("markov", "inflation", 1.0),
        ("markov", "pruning", 0.5),
        ("leiden", "resolution", -0.1),
        ("correlation", "passes", -1),
    ],
)
def test_settings_out_of_range_are_refused(name, setting, value):
    with pytest.raises(ConfigError, match=setting):
        make_clusterer(name, **{setting: value})


@pytest.mark.parametrize("name", ["correlation", "markov", "leiden"])
def test_pairs_that_score_0_are_accepted_at_0(name):
    if name == "leiden":
        pytest.importorskip("igraph")
    settings = {"resolution": 0} if name == "leiden" else {}
    labels = make_clusterer(name, min_score=0, **settings)(graph({(0, 1): 0.0, (2, 3): 1.0}, 4))
    assert labels.labels.tolist()[2:] in ([1, 1], [2, 2])
