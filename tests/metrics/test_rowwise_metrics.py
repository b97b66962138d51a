"""Row-wise metrics against hand counts and against sets of listings."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import DataError
from matcher.metrics import rowwise_f1, rowwise_precision, rowwise_recall
from matcher.similarity import build_graph
from matcher.types import Matches

METRICS = [rowwise_precision, rowwise_recall, rowwise_f1]


def graph(edges, n_rows, n_cols=None):
    rows, cols = np.array(sorted(edges), np.int64).reshape(-1, 2).T
    n_cols = n_rows if n_cols is None else n_cols
    return build_graph(rows, cols, np.ones(len(rows), np.float32), n_rows, n_cols)


# Groups {0, 1, 2} and {3}. With itself, 0 is matched with {0, 1}, 1 with {0, 1, 2},
# 2 with {2, 3}, 3 with {3} alone.
EDGES = [(0, 1), (1, 0), (1, 2), (2, 3)]
GROUPS = np.array([5, 5, 5, 6])


def test_precision_by_hand():
    np.testing.assert_allclose(rowwise_precision(graph(EDGES, 4), GROUPS), [2 / 2, 3 / 3, 1 / 2, 1])


def test_recall_by_hand():
    np.testing.assert_allclose(rowwise_recall(graph(EDGES, 4), GROUPS), [2 / 3, 3 / 3, 1 / 3, 1])


def test_f1_by_hand():
    expected = [2 * 2 / (2 + 3), 2 * 3 / (3 + 3), 2 * 1 / (2 + 3), 2 * 1 / (1 + 1)]
    np.testing.assert_allclose(rowwise_f1(graph(EDGES, 4), GROUPS), expected)


def test_matches_are_scored_like_any_graph():
    plain = graph(EDGES, 4)
    matches = Matches(plain.indptr, plain.indices, plain.scores, plain.n_cols)
    np.testing.assert_array_equal(rowwise_f1(matches, GROUPS), rowwise_f1(plain, GROUPS))


def test_a_listing_alone_in_its_group_and_unmatched_is_perfect():
    for metric in METRICS:
        np.testing.assert_array_equal(metric(graph([], 3), np.array([4, 5, 6])), [1, 1, 1])


def test_one_big_group_fully_matched_is_perfect():
    every = [(a, b) for a in range(4) for b in range(4) if a != b]
    for metric in METRICS:
        np.testing.assert_array_equal(metric(graph(every, 4), np.full(4, 9)), [1, 1, 1, 1])


@pytest.mark.parametrize("n", [0, 1])
def test_few_listings(n):
    for metric in METRICS:
        result = metric(graph([], n), np.zeros(n, np.int64))
        np.testing.assert_array_equal(result, np.ones(n))
        assert result.dtype == np.float64


@st.composite
def matched_tables(draw):
    n = draw(st.integers(1, 8))
    listing = st.integers(0, n - 1)
    edges = draw(st.sets(st.tuples(listing, listing).filter(lambda e: e[0] != e[1])))
    groups = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return edges, np.array(groups, np.int64)


@settings(deadline=None, max_examples=50)
@given(matched_tables())
def test_same_as_python_sets(table):
    edges, groups = table
    expected = []
    for i in range(len(groups)):
        matched = {i} | {b for a, b in edges if a == i}
        group = {j for j in range(len(groups)) if groups[j] == groups[i]}
        p, r = len(matched & group) / len(matched), len(matched & group) / len(group)
        expected.append((p, r, 2 * p * r / (p + r)))
    ours = np.column_stack([metric(graph(edges, len(groups)), groups) for metric in METRICS])
    np.testing.assert_allclose(ours, expected)


def test_groups_of_another_length_are_refused_with_both_lengths():
    with pytest.raises(DataError, match=r"shape \(4,\)\. Received: shape \(3,\)"):
        rowwise_f1(graph(EDGES, 4), GROUPS[:3])


def test_a_graph_between_two_tables_is_refused():
    with pytest.raises(DataError, match=r"one group per column .* graph of 4 x 5"):
        rowwise_f1(graph(EDGES, 4, 5), GROUPS)


def test_a_stored_self_pair_is_refused():
    with pytest.raises(DataError, match="row 2 paired with itself"):
        rowwise_f1(graph([(0, 1), (2, 2)], 4), GROUPS)


def test_unlabelled_listings_are_refused_with_the_way_out():
    with pytest.raises(DataError, match=r"2 of 4 unlabelled \(-1\)\. .* score_\*"):
        rowwise_f1(graph(EDGES, 4), np.array([5, -1, 5, -1]))


@pytest.mark.data
def test_equal_image_hashes_on_the_shopee_table_score_as_published(real_data):
    table = real_data / "shopee" / "train.csv"
    if not table.is_file():
        pytest.skip(f"no {table}")
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    groups = np.array([int(row["label_group"]) for row in rows])
    same = {}
    for i, row in enumerate(rows):
        same.setdefault(row["image_phash"], []).append(i)
    edges = [(a, b) for hashed in same.values() for a in hashed for b in hashed if a != b]
    assert rowwise_f1(graph(edges, len(rows)), groups).mean() == pytest.approx(0.5514, abs=5e-5)
