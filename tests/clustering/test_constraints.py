"""Decided pairs: how they are checked, and clusters under them against slower ways."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import Constraints, make_clusterer
from matcher.errors import DataError
from matcher.similarity import build_graph

N = 8
PAIRS = list(itertools.combinations(range(N), 2))


def pairs(*given):
    return np.array(given, np.int64).reshape(-1, 2)


def graph(edges, n=N):
    a, b = pairs(*edges).T
    scores = np.float32([*edges.values()])
    return build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cannot_link": np.array([0, 1])}, r"cannot_link .*shape=\(2,\)"),
        ({"must_link": np.array([[0, 1, 2]])}, r"must_link .*shape=\(1, 3\)"),
        ({"must_link": np.array([[0.0, 1.0]])}, r"must_link .*float64"),
        ({"cannot_link": np.array([[0, -1]])}, r"from 0 up. Received: -1"),
        ({"cannot_link": np.array([[4, 5], [7, 7]])}, r"row 7 with itself"),
        ({"must_link": np.array([[3, 3]])}, r"row 3 with itself"),
    ],
)
def test_what_are_no_pairs_is_refused(wrong, message):
    with pytest.raises(DataError, match=message):
        Constraints(**wrong)


def test_a_contradiction_is_refused_and_names_the_two():
    with pytest.raises(DataError, match=r"Rows 900 and 5 .*Take back"):
        Constraints(pairs((0, 1), (900, 5)), pairs((5, 3), (3, 70), (900, 70)))


def test_leaders_are_the_lowest_rows_of_the_closure():
    decided = Constraints(pairs((0, 6)), pairs((6, 2), (4, 6), (5, 3), (3, 5)))
    assert len(decided) == 5
    np.testing.assert_array_equal(decided.leaders(8), [0, 1, 2, 3, 2, 3, 2, 7])


def test_decisions_move_to_a_part_of_the_listings():
    decided = Constraints(pairs((9, 2)), pairs((2, 5), (7, 5)))
    np.testing.assert_array_equal(decided.rows(), [2, 5, 7, 9])
    moved = decided.among(np.array([1, 2, 5, 7, 8, 9]))
    np.testing.assert_array_equal(moved.cannot_link, [[5, 1]])
    np.testing.assert_array_equal(moved.must_link, [[1, 2], [3, 2]])
    assert len(Constraints().among(np.arange(3))) == len(Constraints().rows()) == 0
    decided.check_rows(10)
    with pytest.raises(DataError, match=r"0 to 8\. Received: row 9"):
        decided.check_rows(9)


def test_many_decisions_are_checked_at_once():
    chain = np.stack([np.arange(200_000), np.arange(1, 200_001)], axis=1)
    with pytest.raises(DataError, match="Rows 200000 and 0 "):
        Constraints(pairs((200_000, 0)), chain)


def test_a_broken_component_is_built_anew_from_its_strongest_pairs():
    # 0.95 joins 1-2, 0.9 joins 0-1-2, 0.8 would bring 3 to 0: refused. 0.6 brings 4 to 3.
    edges = {(0, 1): 0.9, (1, 2): 0.95, (2, 3): 0.8, (3, 4): 0.6, (5, 6): 0.5}
    labels = make_clusterer("components")(graph(edges), Constraints(pairs((3, 0)))).labels
    np.testing.assert_array_equal(labels, [0, 0, 0, 1, 1, 2, 2, 3])


def test_a_pair_that_is_kept_apart_holds_nobody_up():
    # Were 0 and 1 to join, 1 would be no centre for 2. As it is, 0 takes 3 and 1 takes 2.
    edges = {(0, 1): 0.9, (0, 3): 0.85, (1, 2): 0.8}
    labels = make_clusterer("center")(graph(edges, 4), Constraints(pairs((0, 1)))).labels
    np.testing.assert_array_equal(labels, [0, 1, 1, 0])


def test_linkage_counts_all_scores_of_those_that_are_linked():
    # 2 with {0, 1}: (0.9 + 0.3) / 2 = 0.6; lowest: 0.3; 3 with {0, 1}: (0.9 + 0) / 2 = 0.45
    edges = {(0, 2): 0.9, (1, 2): 0.3, (0, 3): 0.9}
    decided = Constraints(must_link=pairs((0, 1)))
    average = make_clusterer("average")(graph(edges, 4), decided).labels
    np.testing.assert_array_equal(average, [0, 0, 0, 1])
    complete = make_clusterer("complete")(graph(edges, 4), decided).labels
    np.testing.assert_array_equal(complete, [0, 0, 1, 2])
    # the others see the best of the scores
    components = make_clusterer("components")(graph(edges, 4), decided).labels
    np.testing.assert_array_equal(components, [0, 0, 0, 0])


def merge_by_hand(scores, n, decided, cap, score_of):
    """The two closest clusters that may join, over all pairs of clusters, again and again."""
    lead = decided.leaders(n)
    clusters = [{i for i in range(n) if lead[i] == k} for k in np.unique(lead)]
    foes = [{*p} for p in decided.cannot_link.tolist()]

    def may_join(one, two):
        both = one | two
        return len(both) <= cap and not any(pair <= both for pair in foes)

    while True:
        found = [
            (score_of([scores.get((min(p), max(p)), 0.0) for p in itertools.product(x, y)]), x, y)
            for x, y in itertools.combinations(clusters, 2)
            if may_join(x, y)
        ]
        best = max(found, key=lambda entry: entry[0], default=(0, 0, 0))
        if best[0] < 0.5:
            return {frozenset(c) for c in clusters}
        clusters = [c for c in clusters if c not in best[1:]] + [best[1] | best[2]]


def partition(labels):
    return {frozenset(np.flatnonzero(labels == c).tolist()) for c in range(labels.max() + 1)}


@pytest.mark.parametrize(("name", "score_of"), [("average", np.mean), ("complete", min)])
@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    truth=st.lists(st.integers(0, 2), min_size=N, max_size=N),
    chosen=st.lists(st.sampled_from(PAIRS), max_size=6),
    cap=st.sampled_from([3, 50]),
)
def test_linkages_under_constraints_are_those_of_the_slow_way(
    name, score_of, seed, truth, chosen, cap
):
    rng = np.random.default_rng(seed)
    scores = {p: float(np.float32(rng.uniform(0.3, 1))) for p in PAIRS if rng.random() < 0.8}
    same = [p for p in chosen if truth[p[0]] == truth[p[1]]]
    other = [p for p in chosen if truth[p[0]] != truth[p[1]]]
    decided = Constraints(pairs(*other), pairs(*same))
    found = make_clusterer(name, max_size=cap)(graph(scores), decided).labels
    assert partition(found) == merge_by_hand(scores, N, decided, cap, score_of)


def test_a_hundred_thousand_decisions_on_ten_thousand_identical_listings():
    # 200 stand for all of a clique; every fiftieth is decided to be another product.
    n = 10_000
    rows = np.repeat(np.arange(n), 25)
    cols = (rows + np.tile(np.arange(1, 26), n)) % n
    ones = np.ones(len(rows) * 2, np.float32)
    big = build_graph(np.r_[rows, cols], np.r_[cols, rows], ones, n, n)
    special = np.arange(0, n, 50)
    cannot = np.array([*itertools.combinations(special.tolist(), 2)])
    must = np.stack([np.arange(1, n, 50), np.arange(2, n, 50)], axis=1)
    for name in ("average", "components"):
        labels = make_clusterer(name)(big, Constraints(cannot, must)).labels
        assert len(set(labels[special].tolist())) == len(special)
        assert (labels[must[:, 0]] == labels[must[:, 1]]).all()
        assert np.bincount(labels).max() <= 50
