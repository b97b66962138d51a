import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.audit import (
    ALONE,
    NOBODY,
    find_contradictions,
    fit_chance,
    judge_labels,
)
from matcher.errors import DataError
from matcher.similarity import build_graph


def graph_of(n, pairs):
    """A symmetric graph of (left, right, score)."""
    left, right = (np.array([p[side] for p in pairs], np.int64) for side in (0, 1))
    scores = np.array([p[2] for p in pairs], np.float32)
    rows, cols = np.r_[left, right], np.r_[right, left]
    return build_graph(rows, cols, np.r_[scores, scores], n, n)


# 0-2 are of one product, 3-5 of another; 2 carries the label of 3-5.
MOVED = [(0, 1, 0.8), (0, 2, 0.8), (1, 2, 0.8), (3, 4, 0.8), (3, 5, 0.8), (4, 5, 0.8)]
MOVED += [(2, 3, 0.1), (2, 4, 0.1), (2, 5, 0.1)]


def test_a_listing_among_strangers_is_the_first_suspect():
    found = judge_labels(graph_of(6, MOVED), np.array([0, 0, 1, 1, 1, 1]))
    assert found.ranked()[0] == 2
    assert found.scores[2] > 0.5 > np.delete(found.scores, 2).max()
    assert found.suggested.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.closest[2] == 0
    assert found.closest_own[2] == 3


def test_of_two_under_one_label_the_one_that_fits_elsewhere_is_to_blame():
    pairs = [(0, 1, 0.05), (1, 2, 0.8), (1, 3, 0.8), (2, 3, 0.8)]
    found = judge_labels(graph_of(4, pairs), np.array([0, 0, 1, 1]))
    assert found.ranked()[0] == 1
    assert found.suggested[1] == 1
    assert found.suggested[0] == ALONE
    assert found.scores[1] > found.scores[0] + 0.1


def test_the_one_that_is_left_behind_is_less_suspicious_than_the_one_that_moved():
    # 0 and 1 are of one product; 1 carries the label of 2-4.
    pairs = [(0, 1, 0.9), (2, 3, 0.8), (2, 4, 0.8), (3, 4, 0.8)]
    pairs += [(1, 2, 0.0), (1, 3, 0.0), (1, 4, 0.0)]
    found = judge_labels(graph_of(5, pairs), np.array([0, 1, 1, 1, 1]))
    assert found.ranked()[0] == 1
    assert found.scores[0] < 0.5


def test_support_by_hand():
    """One pair: the voice is the mean of score and chance, the support 1 / 1.1 of it."""
    groups = np.array([0, 0, 1, 1])
    pairs = [(0, 1, 0.75), (2, 3, 0.75)]
    graph = graph_of(4, pairs)
    found = judge_labels(graph, groups)
    chance = fit_chance(graph.scores, np.ones(4, bool))[0]
    assert chance == pytest.approx(1)
    # Both rows of a label are as suspicious in the first round, so trust is 1 throughout.
    own = (0.75 + 1) / 2 / 1.1
    np.testing.assert_allclose(found.own, own)
    np.testing.assert_allclose(found.other, 0)
    np.testing.assert_allclose(found.scores, (1 + 0.2 - own) / 2)


def test_a_lone_listing_is_suspicious_only_where_it_resembles_something():
    pairs = [(0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.9), (3, 4, 0.1)]
    found = judge_labels(graph_of(5, pairs), np.array([0, 0, 1, 2, 3]))
    assert found.ranked()[0] == 2
    assert found.scores[2] > 0.5
    assert max(found.scores[3:]) < 0.35


def test_rows_without_a_label_neither_speak_nor_stand_trial():
    groups = np.array([0, 0, 1, 1, 1, 1, -1])
    with_one = [*MOVED, *((6, i, 0.99) for i in range(6))]
    found, without = (
        judge_labels(graph_of(7, with_one), groups),
        judge_labels(graph_of(6, MOVED), groups[:6]),
    )
    assert np.isnan(found.scores[6])
    assert 6 not in found.ranked()
    assert 6 not in found.closest
    np.testing.assert_allclose(found.scores[:6], without.scores)


@pytest.mark.parametrize("groups", [[], [0], [-1], [-1, -1], [0, 0], [0, 1]])
def test_next_to_nothing(groups):
    found = judge_labels(graph_of(len(groups), []), np.array(groups, np.int64))
    assert len(found.ranked()) == sum(g >= 0 for g in groups)
    assert (found.closest == NOBODY).all()
    assert not np.isnan(found.scores[np.array(groups, np.int64) >= 0]).any()


def test_labels_must_fit_the_graph():
    with pytest.raises(DataError, match=r"one label per row.* Received: \(3,\) labels, 2 rows"):
        judge_labels(graph_of(2, []), np.zeros(3, np.int64))


EDGES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 1000)),
    max_size=28,
    unique_by=lambda e: frozenset(e[:2]),
).map(lambda edges: [(a, b, s / 1000) for a, b, s in edges if a != b])
LABELS = st.lists(st.integers(-1, 3), min_size=8, max_size=8)


@given(EDGES, LABELS)
def test_support_is_what_a_plain_loop_finds(edges, labels):
    groups = np.array(labels, np.int64)
    graph = graph_of(8, edges)
    known = [e for e in edges if groups[e[0]] >= 0 and groups[e[1]] >= 0]
    same = np.array([groups[a] == groups[b] for a, b, _ in known] * 2, bool)
    scores = np.array([s for *_, s in known] * 2, np.float32)
    chance = dict(zip(scores.tolist(), fit_chance(scores, same).tolist(), strict=True))
    voice = {}
    for a, b, score in known:
        single = float(np.float32(score))
        voice[a, b] = voice[b, a] = (single + chance[single]) / 2

    def support(i, label, trust):
        mates = [j for j in range(8) if j != i and groups[j] == label]
        heard = sum(trust[j] for j in mates if (i, j) in voice)
        size = 0 if label == groups[i] else sum(trust[j] for j in mates)
        said = sum(trust[j] * voice.get((i, j), 0) for j in mates)
        return said / (max(heard, size) + 0.1)

    def judge(trust):
        own, other = np.zeros(8), np.zeros(8)
        for i in np.flatnonzero(groups >= 0):
            lone = (groups == groups[i]).sum() == 1
            own[i] = 0.5 if lone else support(i, groups[i], trust)
            others = [support(i, g, trust) for g in set(labels) - {-1, labels[i]}]
            other[i] = max(others, default=0)
            scores_of[i] = (1 + max(other[i], 0 if lone else 0.2) - own[i]) / 2
        return own, other

    scores_of = np.full(8, 0.5)
    judge(np.ones(8))
    own, other = judge(np.clip(2 - 2 * scores_of, 0.05, 1))
    found = judge_labels(graph, groups)
    rows = groups >= 0
    np.testing.assert_allclose(found.own[rows], own[rows], atol=1e-9)
    np.testing.assert_allclose(found.other[rows], other[rows], atol=1e-9)
    np.testing.assert_allclose(found.scores[rows], scores_of[rows], atol=1e-9)
    assert ((found.scores[rows] >= 0) & (found.scores[rows] <= 1)).all()


@given(EDGES, LABELS, st.permutations(range(8)))
def test_the_order_of_the_rows_plays_no_part(edges, labels, order):
    place = np.argsort(order)
    moved = [(int(place[a]), int(place[b]), s) for a, b, s in edges]
    groups = np.array(labels, np.int64)
    found = judge_labels(graph_of(8, edges), groups)
    again = judge_labels(graph_of(8, moved), groups[list(order)])
    np.testing.assert_allclose(again.scores, found.scores[list(order)], atol=1e-9)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 2)), max_size=10))
def test_contradictions_are_what_a_plain_loop_finds(rows):
    codes, groups = (np.array([r[side] for r in rows], np.int64) for side in (0, 1))
    expected = [
        next(
            (
                j
                for j, (other, label) in enumerate(rows)
                if code >= 0 and other == code and label >= 0 and own >= 0 and label != own
            ),
            NOBODY,
        )
        for code, own in rows
    ]
    assert find_contradictions(codes, groups).tolist() == expected


def test_chance_learns_from_labels_and_believes_the_fusion_without_any():
    none = fit_chance(np.float32([]), np.array([], bool))
    assert none.shape == (0,)
    few = fit_chance(np.float32([0.1, 0.9]), np.array([False, True]))
    np.testing.assert_allclose(few, [0, 1])
    scores = np.repeat(np.float32([0.3, 0.6, 0.9]), 1000)
    same = np.concatenate([np.arange(1000) < part for part in (100, 300, 950)])
    chance = fit_chance(scores, same)
    np.testing.assert_allclose(chance[[0, 1000, 2000]], [0.1, 0.3, 0.95], atol=0.02)
    assert (np.diff(chance) >= 0).all()
