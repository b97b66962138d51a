"""Center, merge_center and star: one listing at the heart of each cluster."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import make_clusterer
from matcher.similarity import build_graph

N = 9
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0.0625, 1, width=32), max_size=25)


def labels(name, edges, n=N, **given):
    a, b = np.array([*edges], np.int64).reshape(-1, 2).T
    scores = np.float32([*edges.values()])
    graph = build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)
    return make_clusterer(name, **given)(graph).labels.tolist()


# Sums: 1: 0.9 + 0.7 = 1.6, 3: 0.8 + 0.6 = 1.4, 2: 0.7 + 0.6 = 1.3, 0: 0.9, 4: 0.8.
TWO_CENTERS = {(0, 1): 0.9, (3, 4): 0.8, (1, 2): 0.7, (2, 3): 0.6}
# Sums: 1: 0.9 + 0.8 = 1.7, 2: 0.8 + 0.7 = 1.5, 3: 0.7 + 0.6 = 1.3, 0: 0.9, 4: 0.6.
CHAIN = {(0, 1): 0.9, (1, 2): 0.8, (2, 3): 0.7, (3, 4): 0.6}


@pytest.mark.parametrize(
    ("name", "edges", "expected"),
    [
        # 1 is made a centre by 0, 3 by 4; 2 joins 1 before it meets 3
        ("center", TWO_CENTERS, [0, 0, 0, 1, 1]),
        ("merge_center", TWO_CENTERS, [0, 0, 0, 0, 0]),
        # 1 takes 0 and 2; 2 is no centre, so that 3 is still free when it meets 4
        ("center", CHAIN, [0, 0, 0, 1, 1]),
        # (2, 3) has gone by when 3 becomes a centre with 4: nobody resembles both centres
        ("merge_center", CHAIN, [0, 0, 0, 1, 1]),
        # 1, 2 and 3 have two pairs each; 1 has the best, then 3 of those left
        ("star", CHAIN, [0, 0, 0, 1, 1]),
        # 1 is in two pairs and comes before 3 by its sum; 3 finds 4 free, 2 taken
        ("star", TWO_CENTERS, [0, 0, 0, 1, 1]),
    ],
)
def test_by_hand(name, edges, expected):
    assert labels(name, edges, 5) == expected


def test_two_centres_that_resemble_each_other_are_joined_by_merge_center_only():
    # sums: 1: 0.9 + 0.5 = 1.4, 2: 0.8 + 0.5 = 1.3
    edges = {(0, 1): 0.9, (2, 3): 0.8, (1, 2): 0.5}
    assert labels("center", edges, 4) == [0, 0, 1, 1]
    assert labels("merge_center", edges, 4) == [0, 0, 0, 0]


def test_a_star_needs_more_pairs_not_better_ones():
    # 2 has three pairs (sum 1.6), 0 has two (sum 1.8)
    edges = {(0, 1): 1.0, (0, 2): 0.6, (2, 3): 0.5, (2, 4): 0.5}
    assert labels("star", edges, 5) == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("name", ["center", "merge_center", "star"])
def test_whom_a_full_cluster_turns_away_may_start_another(name):
    # 0 takes 1 and is full; 2 and 3 find each other
    edges = {(0, 1): 0.9, (0, 2): 0.8, (0, 3): 0.7, (2, 3): 0.6}
    assert labels(name, edges, 4, max_size=2) == [0, 0, 1, 1]


@pytest.mark.parametrize("name", ["center", "star"])
@settings(max_examples=80, deadline=None)
@given(edges=EDGES)
def test_each_cluster_has_a_listing_that_resembles_all_others(name, edges):
    found = np.array(labels(name, edges))
    for cluster in range(found.max() + 1):
        members = np.flatnonzero(found == cluster).tolist()
        assert any(
            all(edges.get((min(a, b), max(a, b)), 0) >= 0.5 for b in members if b != a)
            for a in members
        )


@settings(max_examples=80, deadline=None)
@given(EDGES)
def test_merge_center_lies_between_center_and_components(edges):
    fine, middle, coarse = (labels(n, edges) for n in ("center", "merge_center", "components"))
    assert len(set(zip(fine, middle, strict=True))) == len(set(fine))
    assert len(set(zip(middle, coarse, strict=True))) == len(set(middle))
