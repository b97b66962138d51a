"""Accuracy by class size, and scores of right and wrong candidates: by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.metrics import accuracy_by_class_size, right_and_wrong_scores, top_k_accuracy
from matcher.metrics.class_size import SizeBucket
from matcher.similarity import build_graph
from matcher.types import UNLABELLED

# Query 0 (class 7) finds 7, 8; query 1 (8) finds 7, 8; query 2 (9) finds 8, 9; query 3 (6) has
# no relevant row.
RANKING = build_graph(
    np.array([0, 0, 1, 1, 2, 2, 3]),
    np.array([0, 1, 0, 1, 1, 2, 0]),
    np.float32([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]),
    4,
    3,
)
QUERIES, GALLERY = np.array([7, 8, 9, 6]), np.array([7, 8, 9])


def test_classes_of_two_and_three_samples_share_a_bucket():
    buckets = accuracy_by_class_size(RANKING, QUERIES, GALLERY, np.array([2, 3, 8, 1]))
    assert buckets == (
        SizeBucket(least=2, most=3, classes=2, queries=2, accuracy=0.5),
        SizeBucket(least=8, most=15, classes=1, queries=1, accuracy=0.0),
    )


def test_classes_that_were_not_trained_on_have_a_bucket_of_their_own():
    buckets = accuracy_by_class_size(RANKING, QUERIES, GALLERY, np.array([0, 0, 1, 0]), k=2)
    assert [(b.least, b.most, b.queries, b.accuracy) for b in buckets] == [
        (0, 0, 2, 1.0),
        (1, 1, 1, 1.0),
    ]


def test_queries_of_one_class_count_as_one_class():
    within = build_graph(np.array([0, 1, 2]), np.array([1, 0, 0]), np.ones(3), 3, 3)
    groups = np.array([4, 4, 4])
    (bucket,) = accuracy_by_class_size(within, groups, groups, np.array([3, 3, 3]), within=True)
    assert (bucket.classes, bucket.queries, bucket.accuracy) == (1, 3, 1.0)


@given(st.lists(st.integers(0, 2**40), min_size=4, max_size=4))
def test_every_query_stands_in_the_bucket_of_its_size(samples):
    samples = np.array(samples)
    buckets = accuracy_by_class_size(RANKING, QUERIES, GALLERY, samples)
    inside = [int(((samples[:3] >= b.least) & (samples[:3] <= b.most)).sum()) for b in buckets]
    assert inside == [b.queries for b in buckets]
    assert sum(inside) == 3
    mean = sum(b.accuracy * b.queries for b in buckets) / 3
    assert mean == pytest.approx(top_k_accuracy(RANKING, QUERIES, GALLERY, 1))


@pytest.mark.parametrize("samples", [np.array([1, 2]), np.array([1, 2, 3, -1])])
def test_samples_that_do_not_fit_are_refused(samples):
    with pytest.raises(DataError, match="a number of 0 or more for each query"):
        accuracy_by_class_size(RANKING, QUERIES, GALLERY, samples)


def test_scores_of_right_and_wrong_candidates():
    right, wrong = right_and_wrong_scores(RANKING, QUERIES, GALLERY, k=2)
    np.testing.assert_array_equal(right, np.float32([0.9, 0.6, 0.4]))
    np.testing.assert_array_equal(wrong, np.float32([0.8, 0.7, 0.5, 0.3]))


def test_only_the_first_candidates_are_looked_at():
    right, wrong = right_and_wrong_scores(RANKING, QUERIES, GALLERY, k=1)
    np.testing.assert_array_equal(right, np.float32([0.9]))
    np.testing.assert_array_equal(wrong, np.float32([0.7, 0.5, 0.3]))


def test_unlabelled_candidates_are_neither_right_nor_wrong():
    gallery = np.array([UNLABELLED, 8, 9])
    right, wrong = right_and_wrong_scores(RANKING, np.array([7, 8, 9, UNLABELLED]), gallery, k=2)
    np.testing.assert_array_equal(right, np.float32([0.6, 0.4]))
    np.testing.assert_array_equal(wrong, np.float32([0.8, 0.5]))


@pytest.mark.parametrize("score", [accuracy_by_class_size, right_and_wrong_scores])
def test_no_rank_is_refused(score):
    more = (np.ones(4, np.int64),) if score is accuracy_by_class_size else ()
    with pytest.raises(ConfigError, match="k must be at least 1"):
        score(RANKING, QUERIES, GALLERY, *more, k=0)
