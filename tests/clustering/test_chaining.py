"""Chain reports, worked out by hand and against threshold by threshold."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import chaining
from matcher.errors import DataError
from matcher.similarity import build_graph
from matcher.types import Clusters

N = 6
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0, 1, width=32), max_size=15)


def graph(edges, n):
    a, b = np.array([*edges], np.int64).reshape(-1, 2).T
    scores = np.float32([*edges.values()])
    return build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)


def report(edges, labels):
    return chaining(graph(edges, len(labels)), Clusters(np.array(labels, np.int64)))


def test_a_chain_a_clique_and_a_listing_alone():
    chain = {(0, 1): 0.9, (1, 2): 0.6, (2, 3): 0.8, (0, 2): 0.5}
    clique = {(5, 6): 0.9, (6, 7): 0.7, (5, 7): 0.55}
    across = {(3, 5): 0.99}
    found = report(chain | clique | across, [0, 0, 0, 0, 1, 2, 2, 2])
    np.testing.assert_array_equal(found.cluster, [0, 2])
    np.testing.assert_array_equal(found.size, [4, 3])
    # trees: 0.9, 0.8, then 0.6 rather than 0.5; and 0.9, 0.7
    np.testing.assert_array_equal(found.weakest_link, np.float32([0.6, 0.7]))
    # of the chain's 4 · 3 / 2 = 6 pairs, (0, 3) and (1, 3) are absent
    np.testing.assert_array_equal(found.least_alike, np.float32([0, 0.55]))
    np.testing.assert_array_equal(found.n_absent, [2, 0])
    assert len(found) == 2


def test_a_cluster_that_no_pair_holds_together():
    found = report({(0, 1): 0.9}, [0, 0, 0])
    np.testing.assert_array_equal(found.weakest_link, [0])
    np.testing.assert_array_equal(found.least_alike, [0])
    np.testing.assert_array_equal(found.n_absent, [2])


def test_a_score_below_0_is_less_alike_than_no_candidate():
    found = report({(0, 1): -0.25, (1, 2): 0.5}, [0, 0, 0])
    np.testing.assert_array_equal(found.least_alike, np.float32([-0.25]))
    np.testing.assert_array_equal(found.weakest_link, np.float32([-0.25]))


@pytest.mark.parametrize("labels", [[], [0, 1, 2]])
def test_nothing_to_report(labels):
    assert len(report({}, labels)) == 0


def test_other_listings_are_refused():
    with pytest.raises(DataError, match="3 rows in the graph, 2 labels"):
        chaining(graph({}, 3), Clusters(np.array([0, 1])))


def holds(members, edges, bound):
    """Whether pairs from a bound up connect the members."""
    reached = {members[0]}
    for _ in members:
        reached |= {m for p in edges if edges[p] >= bound and reached & {*p} for m in p}
        reached &= {*members}
    return len(reached) == len(members)


@settings(max_examples=100, deadline=None)
@given(EDGES, st.lists(st.integers(0, 1), min_size=N, max_size=N))
def test_the_weakest_link_is_the_highest_bound_that_holds(edges, labels):
    found = report(edges, labels)
    sizes = [labels.count(c) for c in (0, 1)]
    assert found.cluster.tolist() == [c for c in (0, 1) if sizes[c] > 1]
    for cluster, weakest, least in zip(
        found.cluster, found.weakest_link, found.least_alike, strict=True
    ):
        members = [i for i in range(N) if labels[i] == cluster]
        inside = {p: s for p, s in edges.items() if {*p} <= {*members}}
        bounds = [s for s in inside.values() if holds(members, inside, s)]
        assert weakest == max(bounds, default=0)
        assert least == min(edges.get(p, 0) for p in itertools.combinations(members, 2))
