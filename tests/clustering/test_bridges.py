"""Hubs: capped by every clusterer, and named by the report of bridges."""

import itertools
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import available_clusterers, bridges, make_clusterer
from matcher.errors import DataError
from matcher.similarity import build_graph
from matcher.types import Clusters

N = 7
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0, 1, width=32), max_size=15)
NAMES = [n for n in available_clusterers() if n != "leiden" or find_spec("igraph")]


def both_ways(a, b, scores, n):
    scores = np.float32(scores)
    return build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)


def graph(edges, n=N):
    return both_ways(*np.array([*edges], np.int64).reshape(-1, 2).T, [*edges.values()], n)


def test_hubs_come_by_the_number_of_clusters_then_by_their_best_score():
    # clusters {0, 1}, {2}, {3, 4}, {5}, {6}
    labels = Clusters(np.array([0, 0, 1, 2, 2, 3, 4]))
    edges = {(0, 1): 1.0, (0, 3): 0.9, (0, 4): 0.95, (0, 5): 0.6, (0, 6): 0.49}
    edges |= {(2, 5): 0.7, (2, 3): 0.8, (1, 2): 0.5}
    found = bridges(graph(edges), labels)
    # 2 reaches {0, 1}, {3, 4} and {5}; 0 reaches {3, 4} and {5} (its pair with 6 falls short);
    # 3 reaches {0, 1} and {2}; 5 reaches {0, 1} and {2} by 0.7 at best; 1 and 4 one each
    np.testing.assert_array_equal(found.row, [2, 0, 3, 5])
    np.testing.assert_array_equal(found.n_clusters, [3, 2, 2, 2])
    np.testing.assert_array_equal(found.strongest, np.float32([0.8, 0.95, 0.9, 0.7]))
    assert len(found) == 4
    assert bridges(graph(edges), labels, least=3).row.tolist() == [2]
    assert bridges(graph(edges), labels, min_score=0.8).row.tolist() == [3]
    assert bridges(graph(edges), labels, min_score=0.49).row.tolist() == [0, 2, 3, 5]
    assert bridges(graph(edges), labels, least=1).row.tolist() == [2, 0, 3, 5, 4, 1]


@settings(max_examples=80, deadline=None)
@given(EDGES, st.lists(st.integers(0, 3), min_size=N, max_size=N), st.integers(1, 3))
def test_bridges_are_those_of_counting(edges, labels, least):
    # Clusters in use, numbered by first member.
    labels = [list(dict.fromkeys(labels)).index(label) for label in labels]
    expected = []
    for row in range(N):
        reached = [
            (score, labels[b if a == row else a])
            for (a, b), score in edges.items()
            if row in (a, b) and labels[a] != labels[b] and score >= 0.5
        ]
        n_clusters = len({cluster for _, cluster in reached})
        if n_clusters >= least:
            expected.append((-n_clusters, -max(reached)[0], row))
    found = bridges(graph(edges), Clusters(np.array(labels)), least=least)
    columns = (-found.n_clusters, -found.strongest, found.row)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == sorted(expected)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_nothing_to_report(n):
    assert len(bridges(graph({}, n), Clusters(np.arange(n)))) == 0


def test_other_listings_are_refused():
    with pytest.raises(DataError, match="3 rows in the graph, 2 labels"):
        bridges(graph({}, 3), Clusters(np.array([0, 1])))


def thousand_cliques(links):
    """Row 0, linked at 0.9 to the first ``links`` members of each of 1,000 cliques of five."""
    starts = 1 + 5 * np.arange(1000)
    inside = np.array([*itertools.combinations(range(5), 2)])
    a, b = (np.add.outer(starts, inside[:, side]).ravel() for side in (0, 1))
    reached = np.add.outer(starts, np.arange(links)).ravel()
    scores = np.r_[np.full(len(a), 0.95), np.full(len(reached), 0.9)]
    return both_ways(np.r_[a, np.zeros(len(reached), int)], np.r_[b, reached], scores, 5001)


@pytest.mark.parametrize("links", [1, 5])
@pytest.mark.parametrize("name", NAMES)
def test_a_hub_is_capped_and_reported(name, links):
    linked = thousand_cliques(links)
    clusters = make_clusterer(name)(linked)
    size = np.bincount(clusters.labels)
    assert size.max() <= 50
    whole = sum(len({*clusters.labels[i : i + 5].tolist()}) == 1 for i in range(1, 5001, 5))
    assert whole >= 950
    found = bridges(linked, clusters)
    assert found.row[0] == 0
    assert found.n_clusters[0] > 900
    assert found.strongest[0] == np.float32(0.9)


@pytest.mark.parametrize("shape", ["ring", "star", "first"])
@pytest.mark.parametrize("n", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_identical_listings_by_the_thousand(name, n, shape):
    every = np.arange(n)
    if shape == "ring":  # each with the 25 before and the 25 after it
        a = np.repeat(every, 25)
        b = (a + np.tile(np.arange(1, 26), n)) % n
    elif shape == "star":
        a, b = np.zeros(n - 1, int), every[1:]
    else:  # each with the first 50, as a search finds them that breaks ties by row
        a, b = np.repeat(np.arange(50), n), np.tile(every, 50)
        a, b = a[a < b], b[a < b]
    clusters = make_clusterer(name)(both_ways(a, b, np.ones(len(a)), n))
    assert 1 < np.bincount(clusters.labels).max() <= 50
