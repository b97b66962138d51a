"""Average and complete linkage, by hand and against SciPy."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from matcher.clustering import make_clusterer
from matcher.similarity import build_graph

N = 9
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0.0625, 1, width=32), max_size=25)


def graph(edges, n=N):
    a, b = np.array([*edges], np.int64).reshape(-1, 2).T
    scores = np.float32([*edges.values()])
    return build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)


def same_partition(a, b) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize("name", ["average", "complete"])
@settings(max_examples=60, deadline=None)
@given(order=st.permutations(range(len(PAIRS))))
def test_linkage_is_scipys(name, order):
    # Irregular scores: where means tie, either library may merge either pair first.
    table = np.float32(np.random.default_rng(7).random(len(PAIRS)))
    scores = {pair: table[rank] for pair, rank in zip(PAIRS, order, strict=True)}
    distances = np.zeros((N, N))
    for (a, b), score in scores.items():
        distances[a, b] = distances[b, a] = 1 - np.float64(score)
    for cut in (0.25, 0.5):
        expected = fcluster(linkage(squareform(distances), name), 1 - cut, "distance")
        found = make_clusterer(name, min_score=cut)(graph(scores)).labels
        assert same_partition(found.tolist(), expected.tolist())


def test_average_linkage_holds_a_chain_apart():
    chain = {(i, i + 1): 0.9 for i in range(6)}
    joined = make_clusterer("components")(graph(chain, 7)).labels
    held = make_clusterer("average")(graph(chain, 7)).labels
    assert joined.max() == 0
    assert np.bincount(held).max() == 2


def test_one_weak_pair_splits_under_complete_linkage_only():
    # average of 2 with {0, 1}: (0.8 + 0.4) / 2 = 0.6; lowest: 0.4
    edges = {(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.4}
    np.testing.assert_array_equal(make_clusterer("average")(graph(edges, 3)).labels, [0, 0, 0])
    np.testing.assert_array_equal(make_clusterer("complete")(graph(edges, 3)).labels, [0, 0, 1])
    loose = make_clusterer("complete", min_score=0.4)
    np.testing.assert_array_equal(loose(graph(edges, 3)).labels, [0, 0, 0])


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_clusters_of_complete_linkage_are_cliques_that_cannot_merge(edges):
    labels = make_clusterer("complete")(graph(edges)).labels
    clusters = [np.flatnonzero(labels == c).tolist() for c in range(labels.max() + 1)]
    for members in clusters:
        assert all(edges.get(p, 0) >= 0.5 for p in itertools.combinations(members, 2))
    for one, two in itertools.combinations(clusters, 2):
        across = [tuple(sorted(p)) for p in itertools.product(one, two)]
        assert min(edges.get(p, 0) for p in across) < 0.5
