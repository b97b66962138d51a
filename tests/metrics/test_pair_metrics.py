"""Pair metrics against hand counts, against every pair listed, and against scikit-learn."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from sklearn.metrics.cluster import pair_confusion_matrix

from matcher.errors import DataError
from matcher.metrics import (
    Counts,
    labelled_pair_counts,
    labelled_pair_f1,
    labelled_pair_precision,
    labelled_pair_recall,
    pair_counts,
    pair_f1,
    pair_precision,
    pair_recall,
)
from matcher.metrics.contingency import Contingency
from matcher.metrics.pairs import count_pairs

# Clusters {0, 1, 2, 3} and {4, 5}; groups {0, 1, 2}, {3, 4} and {5}.
LABELS = np.array([1, 1, 1, 1, 0, 0])
GROUPS = np.array([7, 7, 7, 8, 8, 9])

PARTITIONS = st.integers(0, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n)] * 2)
)


def test_counts_by_hand():
    # Together: 4 · 3 / 2 + 1. True: 3 · 2 / 2 + 1 + 0. Both: the 3 pairs within {0, 1, 2}.
    assert pair_counts(LABELS, GROUPS) == Counts(correct=3, predicted=6 + 1, true=3 + 1 + 0)


def test_precision_recall_and_f1_by_hand():
    assert pair_precision(LABELS, GROUPS) == pytest.approx(3 / 7)
    assert pair_recall(LABELS, GROUPS) == pytest.approx(3 / 4)
    assert pair_f1(LABELS, GROUPS) == pytest.approx(2 * (3 / 7) * (3 / 4) / (3 / 7 + 3 / 4))


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_same_as_listing_every_pair(partitions):
    labels, groups = (np.array(p, np.int64) for p in partitions)
    together = {(a, b) for a, b in combinations(range(len(labels)), 2) if labels[a] == labels[b]}
    same = {(a, b) for a, b in combinations(range(len(labels)), 2) if groups[a] == groups[b]}
    assert pair_counts(labels, groups) == (len(together & same), len(together), len(same))


@settings(deadline=None, max_examples=50)
@given(PARTITIONS.filter(lambda p: len(p[0]) > 0))
def test_same_as_scikit_learn(partitions):
    labels, groups = (np.array(p, np.int64) for p in partitions)
    (_, wrong), (missed, right) = pair_confusion_matrix(groups, labels) // 2
    assert pair_counts(labels, groups) == (right, right + wrong, right + missed)


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_swapping_clusters_and_groups_swaps_precision_and_recall(partitions):
    labels, groups = (np.array(p, np.int64) for p in partitions)
    assert pair_precision(labels, groups) == pair_recall(groups, labels)


def test_all_singletons_against_one_big_group():
    alone, one = np.arange(4), np.zeros(4, np.int64)
    assert pair_counts(alone, one) == (0, 0, 6)
    assert (pair_precision(alone, one), pair_recall(alone, one), pair_f1(alone, one)) == (1, 0, 0)
    assert (pair_precision(one, alone), pair_recall(one, alone), pair_f1(one, alone)) == (0, 1, 0)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_no_pair_found_and_none_to_find_is_perfect(n):
    assert pair_counts(np.arange(n), np.arange(n)) == (0, 0, 0)
    assert pair_f1(np.arange(n), np.arange(n)) == 1


def test_a_cluster_too_large_to_list_its_pairs():
    n = 300_000
    one = np.zeros(n, np.int64)
    assert pair_counts(one, one) == (44_999_850_000,) * 3  # 300,000 · 299,999 / 2


def test_three_thousand_million_listings_do_not_overflow():
    one, sizes = np.zeros(1, np.int64), np.array([3_000_000_000])
    table = Contingency(one, one, sizes, sizes, sizes)
    assert count_pairs(table).true == 3_000_000_000 * 2_999_999_999 // 2


def test_other_length_is_refused_with_both_lengths():
    with pytest.raises(DataError, match=r"labels of shape \(2,\), groups of shape \(3,\)"):
        pair_f1(np.array([0, 1]), np.array([0, 1, 2]))


def test_two_dimensions_are_refused():
    with pytest.raises(DataError, match=r"labels of shape \(2, 1\)"):
        pair_f1(np.array([[0], [1]]), np.array([[0], [1]]))


def test_unlabelled_listings_are_refused():
    with pytest.raises(DataError, match="1 of 2 unlabelled"):
        pair_f1(np.array([0, 0]), np.array([3, -1]))


# Given pairs: 2 accepted rightly, 1 wrongly, 3 missed, 1 rightly left alone.
PREDICTED = np.array([1, 1, 1, 0, 0, 0, 0], bool)
TRUTH = np.array([1, 1, 0, 1, 1, 1, 0], bool)


def test_labelled_pairs_by_hand():
    assert labelled_pair_counts(PREDICTED, TRUTH) == (2, 2 + 1, 2 + 3)
    assert labelled_pair_precision(PREDICTED, TRUTH) == pytest.approx(2 / 3)
    assert labelled_pair_recall(PREDICTED, TRUTH) == pytest.approx(2 / 5)
    assert labelled_pair_f1(PREDICTED, TRUTH) == pytest.approx(2 * 2 / (3 + 5))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_labelled_pair_f1_same_as_scikit_learn(pairs):
    predicted, truth = np.array(pairs, bool).T
    expected = f1_score(truth, predicted, zero_division=1.0)
    assert labelled_pair_f1(predicted, truth) == pytest.approx(expected)


def test_no_labelled_pair_at_all_is_perfect():
    none = np.zeros(0, bool)
    assert labelled_pair_f1(none, none) == 1


def test_no_match_accepted():
    nothing = np.zeros(7, bool)
    assert labelled_pair_counts(nothing, TRUTH) == (0, 0, 5)
    assert labelled_pair_precision(nothing, TRUTH) == 1
    assert labelled_pair_recall(nothing, TRUTH) == 0
    assert labelled_pair_f1(nothing, TRUTH) == 0


def test_scores_for_predictions_are_refused_with_the_way_out():
    with pytest.raises(DataError, match=r"predicted must be boolean.*scores >= threshold"):
        labelled_pair_f1(np.float32([0.9, 0.1]), np.array([True, False]))


def test_labelled_pairs_of_other_length_are_refused_with_both_lengths():
    with pytest.raises(DataError, match=r"predicted of shape \(6,\), truth of shape \(7,\)"):
        labelled_pair_f1(PREDICTED[:6], TRUTH)
