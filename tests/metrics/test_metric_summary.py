"""The dictionaries of metrics, and what they make of unlabelled rows."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import metrics
from matcher.errors import ConfigError, DataError
from matcher.metrics import score_clusters, score_matches, score_ranking
from matcher.similarity import build_graph
from matcher.types import UNLABELLED


def graph(edges, n_rows, n_cols):
    """Edges of one row are ranked in the order given."""
    rows, cols = np.array(edges, np.int64).reshape(-1, 2).T
    scores = 1 - np.arange(len(rows)) / 100
    return build_graph(rows, cols, scores.astype(np.float32), n_rows, n_cols)


# Listing 2 is unlabelled; without it 0 finds 1, 1 finds nothing, 3 (alone) finds 0.
EDGES = [(0, 2), (0, 1), (1, 2), (2, 0), (3, 0)]
GROUPS = np.array([7, 7, UNLABELLED, 8])


def test_matches_by_hand():
    scores = score_matches(graph(EDGES, 4, 4), GROUPS)
    assert scores == pytest.approx(
        {
            "rowwise_precision": (2 / 2 + 1 / 1 + 1 / 2) / 3,
            "rowwise_recall": (2 / 2 + 1 / 2 + 1 / 1) / 3,
            "rowwise_f1": (2 * 2 / (2 + 2) + 2 * 1 / (1 + 2) + 2 * 1 / (2 + 1)) / 3,
        }
    )


def test_clusters_name_every_metric_by_its_function():
    labels = np.array([0, 0, 0, 1, 1, 2])
    groups = np.array([5, 5, UNLABELLED, 6, 7, 7])
    known = [0, 1, 3, 4, 5]
    expected = {name: getattr(metrics, name)(labels[known], groups[known]) for name in EXPECTED}
    assert score_clusters(labels, groups) == pytest.approx(expected)


EXPECTED = [
    "pair_precision",
    "pair_recall",
    "pair_f1",
    "bcubed_precision",
    "bcubed_recall",
    "bcubed_f1",
    "exact_cluster_precision",
    "exact_cluster_recall",
    "exact_cluster_f1",
    "adjusted_rand_index",
    "v_measure",
]


def test_rankings_by_hand():
    # Gallery row 1 is unlabelled, so query 0 is right at rank 2, not 3; query 1 has no label.
    found = graph([(0, 0), (0, 1), (0, 2), (1, 2)], 2, 3)
    scores = score_ranking(found, np.array([5, UNLABELLED]), np.array([6, UNLABELLED, 5]), [1, 2])
    assert scores == pytest.approx(
        {"top1": 0, "map@1": 0, "mar@1": 0, "capped_recall@1": 0}
        | {"top2": 1, "map@2": (1 / 2) / 1, "mar@2": 1, "capped_recall@2": 1}
    )


def test_rankings_are_scored_at_1_5_and_10_unless_told():
    scores = score_ranking(graph([(0, 0)], 1, 1), np.array([5]), np.array([5]))
    assert list(scores)[::4] == ["top1", "top5", "top10"]
    assert set(scores.values()) == {1.0}


def test_only_the_capped_recall_can_be_one_at_a_k_below_the_group_size():
    scores = score_ranking(graph([(0, 0), (0, 1)], 1, 3), np.array([5]), np.array([5, 5, 5]), [2])
    assert (scores["mar@2"], scores["capped_recall@2"]) == (2 / 3, 2 / 2)


def test_rankings_within_one_table():
    found = graph([(0, 1), (1, 2), (2, 0)], 3, 3)
    groups = np.array([5, 5, 6])
    scores = score_ranking(found, groups, groups, [1], within=True)
    assert scores["top1"] == (1 + 0) / 2  # listing 2 has no mate and is left out


@st.composite
def partly_labelled(draw):
    n = draw(st.integers(0, 7))
    groups = draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return edges, np.array(groups, np.int64)


@settings(deadline=None, max_examples=50)
@given(partly_labelled())
def test_unlabelled_rows_might_as_well_not_be_there(table):
    edges, groups = table
    n = len(groups)
    new = {int(old): i for i, old in enumerate(np.flatnonzero(groups != UNLABELLED))}
    kept = [(new[a], new[b]) for a, b in edges if a in new and b in new]
    whole, part = graph(edges, n, n), graph(kept, len(new), len(new))
    known = groups[list(new)]
    both = [
        (score_matches(whole, groups), score_matches(part, known)),
        (
            score_clusters(np.arange(n) // 2, groups),
            score_clusters(np.array(list(new)) // 2, known),
        ),
        (
            score_ranking(whole, groups, groups, [1, 3], within=True),
            score_ranking(part, known, known, [1, 3], within=True),
        ),
    ]
    for ours, expected in both:
        assert ours == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_labelled_is_not_a_number(n):
    groups = np.full(n, UNLABELLED)
    found = graph([], n, n)
    scores = score_matches(found, groups)
    scores |= score_clusters(np.zeros(n, np.int64), groups)
    scores |= score_ranking(found, groups, groups, [1], within=True)
    assert len(scores) == 3 + 11 + 4
    assert np.isnan(list(scores.values())).all()


def test_one_listing():
    assert set(score_matches(graph([], 1, 1), np.array([4])).values()) == {1.0}
    assert set(score_clusters(np.array([0]), np.array([4])).values()) == {1.0}


def test_values_are_plain_floats():
    found, groups = graph([(0, 1)], 2, 2), np.array([5, 5])
    scores = score_matches(found, groups) | score_clusters(groups, groups)
    scores |= score_ranking(found, groups, groups, [1], within=True)
    assert {type(value) for value in scores.values()} == {float}


def test_other_lengths_are_refused_with_both_lengths():
    found = graph([], 4, 5)
    with pytest.raises(DataError, match=r"shape \(4,\)\. Received: shape \(3,\)"):
        score_matches(graph([], 4, 4), GROUPS[:3])
    with pytest.raises(DataError, match=r"labels of shape \(3,\), groups of shape \(4,\)"):
        score_clusters(np.zeros(3, np.int64), GROUPS)
    with pytest.raises(DataError, match=r"gallery_groups .* shape \(5,\)\. Received: shape \(4,\)"):
        score_ranking(found, GROUPS, GROUPS)


def test_a_self_pair_is_named_by_its_row_in_the_whole_table():
    with pytest.raises(DataError, match="row 3 paired with itself"):
        score_matches(graph([(3, 3)], 4, 4), GROUPS)
    with pytest.raises(DataError, match="row 3 paired with itself"):
        score_ranking(graph([(3, 3)], 4, 4), GROUPS, GROUPS, within=True)


def test_within_one_table_the_same_rows_are_unlabelled():
    found = graph([(0, 1)], 3, 3)
    queries, gallery = np.array([5, UNLABELLED, 6]), np.array([5, 6, UNLABELLED])
    with pytest.raises(DataError, match="two that differ"):
        score_ranking(found, queries, gallery, within=True)


def test_k_below_one_is_refused():
    with pytest.raises(ConfigError, match=r"k must be at least 1\. Received: 0"):
        score_ranking(graph([], 4, 4), GROUPS, GROUPS, [5, 0])


def test_all_is_sorted_and_there():
    assert metrics.__all__ == sorted(metrics.__all__)
    assert all(callable(getattr(metrics, name)) for name in metrics.__all__)


def test_importing_the_metrics_loads_no_heavy_library():
    code = "import sys, matcher.metrics; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"sklearn", "tensorflow", "keras", "PIL", "pandas", "matplotlib", "transformers"}
    assert not heavy & set(loaded.stdout.split())
