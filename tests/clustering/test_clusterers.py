"""What every clusterer promises, and each against a slower, obviously right way."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from matcher.clustering import available_clusterers, make_clusterer
from matcher.similarity import build_graph

N = 9
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0.0625, 1, width=32), max_size=20)


def graph(edges: dict[tuple[int, int], float], n: int = N):
    rows = np.array([a for a, _ in edges] + [b for _, b in edges], np.int64)
    cols = np.array([b for _, b in edges] + [a for a, _ in edges], np.int64)
    return build_graph(rows, cols, np.float32([*edges.values()] * 2), n, n)


@pytest.fixture(params=available_clusterers())
def clusterer(request):
    return make_clusterer(request.param)


def test_no_listings_and_no_edges(clusterer):
    assert len(clusterer(graph({}, 0))) == 0
    np.testing.assert_array_equal(clusterer(graph({}, 3)).labels, [0, 1, 2])


def test_a_strong_pair_joins_and_a_weak_one_does_not(clusterer):
    found = clusterer(graph({(0, 3): 0.5, (1, 2): 0.49}, 4)).labels
    np.testing.assert_array_equal(found, [0, 1, 2, 0])


@settings(max_examples=60, deadline=None)
@given(EDGES, st.integers(1, 4), st.sampled_from(available_clusterers()))
def test_size_cap_and_numbering(edges, cap, name):
    labels = make_clusterer(name, max_size=cap)(graph(edges)).labels
    assert np.bincount(labels).max() <= cap
    firsts = [labels.tolist().index(c) for c in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


@settings(max_examples=60, deadline=None)
@given(EDGES, st.sampled_from(available_clusterers()))
def test_sweep_equals_one_run_a_bound(edges, name):
    cuts = (0.3, 0.5, 0.7)
    swept = [c.labels.tolist() for c in make_clusterer(name).sweep(graph(edges), cuts)]
    alone = [make_clusterer(name, min_score=c)(graph(edges)).labels.tolist() for c in cuts]
    assert swept == alone


def flood_fill(edges, n):
    label = list(range(n))
    while True:
        before = list(label)
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
        if label == before:
            return label


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_components_are_those_of_flood_fill(edges):
    strong = [pair for pair, score in edges.items() if score >= 0.5]
    expected = np.unique(flood_fill(strong, N), return_inverse=True)[1]
    np.testing.assert_array_equal(make_clusterer("components")(graph(edges)).labels, expected)


def same_partition(a, b) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(len(PAIRS))))
def test_average_linkage_is_scipys(order):
    # Irregular scores: where means tie, either library may merge either pair first.
    table = np.float32(np.random.default_rng(7).random(len(PAIRS)))
    scores = {pair: table[rank] for pair, rank in zip(PAIRS, order, strict=True)}
    distances = np.zeros((N, N))
    for (a, b), score in scores.items():
        distances[a, b] = distances[b, a] = 1 - np.float64(score)
    cut = 0.5
    expected = fcluster(linkage(squareform(distances), "average"), 1 - cut, "distance")
    found = make_clusterer("average", min_score=cut)(graph(scores)).labels
    assert same_partition(found.tolist(), expected.tolist())


def test_average_linkage_holds_a_chain_apart():
    chain = {(i, i + 1): 0.9 for i in range(6)}
    joined = make_clusterer("components")(graph(chain, 7)).labels
    held = make_clusterer("average")(graph(chain, 7)).labels
    assert joined.max() == 0
    assert np.bincount(held).max() == 2


def test_a_large_component_keeps_its_strongest_pairs():
    edges = {(0, 1): 0.9, (1, 2): 0.8, (2, 3): 0.95}
    labels = make_clusterer("components", max_size=2)(graph(edges, 4)).labels
    np.testing.assert_array_equal(labels, [0, 0, 1, 1])
