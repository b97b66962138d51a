"""What every clusterer promises, and each against a slower, obviously right way."""

import itertools
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import available_clusterers, make_clusterer
from matcher.similarity import build_graph

N = 9
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0.0625, 1, width=32), max_size=20)

NEEDS = {"leiden": "igraph"}
NAMES = [n for n in available_clusterers() if find_spec(NEEDS.get(n, "numpy"))]


def graph(edges: dict[tuple[int, int], float], n: int = N):
    rows = np.array([a for a, _ in edges] + [b for _, b in edges], np.int64)
    cols = np.array([b for _, b in edges] + [a for a, _ in edges], np.int64)
    return build_graph(rows, cols, np.float32([*edges.values()] * 2), n, n)


@pytest.fixture(params=NAMES)
def clusterer(request):
    return make_clusterer(request.param)


def test_no_listings_and_no_edges(clusterer):
    assert len(clusterer(graph({}, 0))) == 0
    np.testing.assert_array_equal(clusterer(graph({}, 3)).labels, [0, 1, 2])


def test_a_strong_pair_joins_and_a_weak_one_does_not(clusterer):
    found = clusterer(graph({(0, 3): 0.5, (1, 2): 0.49}, 4)).labels
    np.testing.assert_array_equal(found, [0, 1, 2, 0])


@settings(max_examples=60, deadline=None)
@given(EDGES, st.integers(1, 4), st.sampled_from(NAMES))
def test_size_cap_and_numbering(edges, cap, name):
    labels = make_clusterer(name, max_size=cap)(graph(edges)).labels
    assert np.bincount(labels).max() <= cap
    firsts = [labels.tolist().index(c) for c in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


@settings(max_examples=60, deadline=None)
@given(EDGES, st.sampled_from(NAMES))
def test_sweep_equals_one_run_a_bound(edges, name):
    cuts = (0.3, 0.5, 0.7)
    swept = [c.labels.tolist() for c in make_clusterer(name).sweep(graph(edges), cuts)]
    alone = [make_clusterer(name, min_score=c)(graph(edges)).labels.tolist() for c in cuts]
    assert swept == alone


def same_partition(a, b) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize("max_size", [3, 50])
@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_does_not_matter_where_scores_are_distinct(name, max_size):
    # Irregular scores, so that sums and means are distinct too.
    clusterer = make_clusterer(name, max_size=max_size)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        n = 14
        pairs = [p for p in itertools.combinations(range(n), 2) if rng.random() < 0.4]
        edges = {pair: rng.uniform(0.3, 1) for pair in pairs}
        new = rng.permutation(n)
        moved = {tuple(sorted((int(new[a]), int(new[b])))): s for (a, b), s in edges.items()}
        before = clusterer(graph(edges, n)).labels
        after = clusterer(graph(moved, n)).labels[new]
        assert same_partition(before.tolist(), after.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_two_cliques_with_a_weak_bridge_stay_two(name):
    left, right = range(4), range(4, 8)
    edges = {p: 0.9 for side in (left, right) for p in itertools.combinations(side, 2)}
    labels = make_clusterer(name)(graph(edges | {(3, 4): 0.49}, 8)).labels
    np.testing.assert_array_equal(labels, [0] * 4 + [1] * 4)


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


def test_a_large_component_keeps_its_strongest_pairs():
    edges = {(0, 1): 0.9, (1, 2): 0.8, (2, 3): 0.95}
    labels = make_clusterer("components", max_size=2)(graph(edges, 4)).labels
    np.testing.assert_array_equal(labels, [0, 0, 1, 1])
