"""Clustering metrics against hand counts, against sets, and against scikit-learn."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, v_measure_score

from matcher.errors import DataError
from matcher.metrics import (
    adjusted_rand_index,
    bcubed_f1,
    bcubed_precision,
    bcubed_recall,
    exact_cluster_f1,
    exact_cluster_precision,
    exact_cluster_recall,
    v_measure,
)
from matcher.metrics.contingency import tabulate

METRICS = [
    adjusted_rand_index,
    bcubed_f1,
    bcubed_precision,
    bcubed_recall,
    exact_cluster_f1,
    exact_cluster_precision,
    exact_cluster_recall,
    v_measure,
]
SYMMETRIC = [adjusted_rand_index, bcubed_f1, exact_cluster_f1, v_measure]

# Clusters {0, 1, 2, 3}, {4, 5} and {6}; groups {0, 1, 2}, {3, 4}, {5} and {6}.
LABELS = np.array([1, 1, 1, 1, 0, 0, 5])
GROUPS = np.array([7, 7, 7, 8, 8, 9, 6])

PARTITIONS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n)] * 2)
)


def members(values):
    return [frozenset(i for i, v in enumerate(values) if v == value) for value in set(values)]


def test_cells_of_the_cross_table_by_hand():
    table = tabulate(LABELS, GROUPS)
    # Clusters in order of label: 0, 1, 5; groups: 6, 7, 8, 9.
    cells = list(zip(table.clusters, table.groups, table.counts, strict=True))
    assert cells == [(0, 2, 1), (0, 3, 1), (1, 1, 3), (1, 2, 1), (2, 0, 1)]
    assert table.cluster_sizes.tolist() == [2, 4, 1]
    assert table.group_sizes.tolist() == [1, 3, 2, 1]
    assert table.n == 7


def test_bcubed_by_hand():
    # Listings 0-2 share 3 of a cluster of 4, listing 3 is 1 of 4, 4 and 5 are 1 of 2, 6 is alone.
    precision = (3 * 3 / 4 + 1 / 4 + 1 / 2 + 1 / 2 + 1) / 7
    # Listings 0-2 have all 3 of their group, 3 and 4 are 1 of 2, 5 and 6 are alone.
    recall = (3 * 3 / 3 + 1 / 2 + 1 / 2 + 1 + 1) / 7
    assert bcubed_precision(LABELS, GROUPS) == pytest.approx(precision)
    assert bcubed_recall(LABELS, GROUPS) == pytest.approx(recall)
    expected = 2 * precision * recall / (precision + recall)
    assert bcubed_f1(LABELS, GROUPS) == pytest.approx(expected)


def test_exact_clusters_by_hand():
    # Only {6} is both: 1 of 3 clusters, 1 of 4 groups.
    assert exact_cluster_precision(LABELS, GROUPS) == pytest.approx(1 / 3)
    assert exact_cluster_recall(LABELS, GROUPS) == pytest.approx(1 / 4)
    assert exact_cluster_f1(LABELS, GROUPS) == pytest.approx(2 * 1 / (3 + 4))


def test_adjusted_rand_index_by_hand():
    # Pairs: 6 + 1 together, 3 + 1 true, 3 both, 7 · 6 / 2 = 21 in all.
    expected_by_chance = 7 * 4 / 21
    by_hand = (3 - expected_by_chance) / ((7 + 4) / 2 - expected_by_chance)
    assert adjusted_rand_index(LABELS, GROUPS) == pytest.approx(by_hand)


def test_v_measure_by_hand():
    # Sizes of clusters 4, 2, 1; of groups 3, 2, 1, 1. Cells: 3 + 1 | 1 + 1 | 1.
    clusters = -(4 / 7 * log(4 / 7) + 2 / 7 * log(2 / 7) + 1 / 7 * log(1 / 7))
    groups = -(3 / 7 * log(3 / 7) + 2 / 7 * log(2 / 7) + 2 * 1 / 7 * log(1 / 7))
    groups_given_cluster = -(3 / 7 * log(3 / 4) + 1 / 7 * log(1 / 4) + 2 * 1 / 7 * log(1 / 2))
    clusters_given_group = -(2 * 1 / 7 * log(1 / 2))  # only group 8 is split
    homogeneity = 1 - groups_given_cluster / groups
    completeness = 1 - clusters_given_group / clusters
    expected = 2 * homogeneity * completeness / (homogeneity + completeness)
    assert v_measure(LABELS, GROUPS) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_bcubed_same_as_python_sets(partitions):
    labels, groups = (np.array(p) for p in partitions)
    precision, recall = 0.0, 0.0
    for i in range(len(labels)):
        cluster = {j for j in range(len(labels)) if labels[j] == labels[i]}
        group = {j for j in range(len(labels)) if groups[j] == groups[i]}
        precision += len(cluster & group) / len(cluster) / len(labels)
        recall += len(cluster & group) / len(group) / len(labels)
    assert bcubed_precision(labels, groups) == pytest.approx(precision)
    assert bcubed_recall(labels, groups) == pytest.approx(recall)


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_exact_clusters_same_as_python_sets(partitions):
    clusters, groups = (members(p) for p in partitions)
    exact = len(set(clusters) & set(groups))
    ours = [metric(*map(np.array, partitions)) for metric in METRICS[4:7]]
    theirs = [2 * exact / (len(clusters) + len(groups)), exact / len(clusters), exact / len(groups)]
    assert ours == pytest.approx(theirs)


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_adjusted_rand_index_same_as_scikit_learn(partitions):
    labels, groups = (np.array(p) for p in partitions)
    assert adjusted_rand_index(labels, groups) == pytest.approx(adjusted_rand_score(groups, labels))


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_v_measure_same_as_scikit_learn(partitions):
    labels, groups = (np.array(p) for p in partitions)
    expected = v_measure_score(groups, labels)
    assert v_measure(labels, groups) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(PARTITIONS, st.permutations(range(5)))
def test_only_the_partition_matters(partitions, names):
    labels, groups = (np.array(p) for p in partitions)
    renamed = np.array(names)[labels] - 2  # a cluster, unlike a group, may be called -1
    for metric in METRICS:
        assert metric(renamed, groups) == pytest.approx(metric(labels, groups))


@settings(deadline=None, max_examples=50)
@given(PARTITIONS)
def test_clusters_and_groups_can_be_swapped(partitions):
    labels, groups = (np.array(p) for p in partitions)
    for metric in SYMMETRIC:
        assert metric(labels, groups) == pytest.approx(metric(groups, labels))
    assert bcubed_precision(labels, groups) == pytest.approx(bcubed_recall(groups, labels))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "groups",
    [np.zeros(0, np.int64), np.array([3]), np.arange(9), np.full(9, 4), GROUPS],
    ids=["none", "one", "all singletons", "one big group", "mixed"],
)
def test_the_truth_scores_exactly_one(metric, groups):
    assert metric(groups * 10, groups) == 1.0


def test_all_singletons_against_one_big_group():
    alone, one = np.arange(4), np.zeros(4, np.int64)
    assert bcubed_precision(alone, one) == 1
    assert bcubed_recall(alone, one) == pytest.approx(1 / 4)
    assert exact_cluster_f1(alone, one) == 0
    assert adjusted_rand_index(alone, one) == 0
    assert v_measure(alone, one) == 0


def test_independent_partitions_share_no_information():
    assert v_measure(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) == pytest.approx(0, abs=1e-12)
    # Worse than chance: no pair right, 2 · 2 / 6 expected.
    expected = (0 - 4 / 6) / (2 - 4 / 6)
    ours = adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert ours == pytest.approx(expected)


def test_a_large_table_agrees_with_scikit_learn(rng):
    groups = rng.integers(0, 30_000, 100_000)
    labels = np.where(rng.random(100_000) < 0.8, groups, rng.integers(0, 30_000, 100_000))
    assert adjusted_rand_index(labels, groups) == pytest.approx(adjusted_rand_score(groups, labels))
    assert v_measure(labels, groups) == pytest.approx(v_measure_score(groups, labels))


@pytest.mark.parametrize("metric", METRICS)
def test_other_length_is_refused_with_both_lengths(metric):
    with pytest.raises(DataError, match=r"labels of shape \(7,\), groups of shape \(6,\)"):
        metric(LABELS, GROUPS[:6])


@pytest.mark.parametrize("metric", METRICS)
def test_unlabelled_listings_are_refused(metric):
    with pytest.raises(DataError, match="1 of 2 unlabelled"):
        metric(np.array([0, 0]), np.array([3, -1]))
