"""Ranking metrics against hand counts, against plain loops, and against ranx."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.metrics import (
    average_precision_at_k,
    capped_recall_at_k,
    hit_at_k,
    mean_average_precision,
    mean_average_recall,
    mean_capped_recall,
    recall_at_k,
    top_k_accuracy,
)
from matcher.similarity import build_graph

MEANS = {
    top_k_accuracy: hit_at_k,
    mean_average_recall: recall_at_k,
    mean_average_precision: average_precision_at_k,
    mean_capped_recall: capped_recall_at_k,
}
METRICS = [*MEANS, *MEANS.values()]


def ranked(rankings, n_cols):
    """A graph whose row q holds rankings[q] in that order."""
    edges = [
        (q, col, 1 - rank / 100) for q, row in enumerate(rankings) for rank, col in enumerate(row)
    ]
    rows, cols, scores = np.array(edges, float).reshape(-1, 3).T
    return build_graph(rows.astype(int), cols.astype(int), scores, len(rankings), n_cols)


# Gallery of seven; query 0 looks for rows 0, 2 and 5, query 1 for row 1, query 2 for nothing.
GALLERY = np.array([7, 8, 7, 9, 9, 7, 9])
QUERIES = np.array([7, 8, 4])
# Query 0: wrong, right, right, wrong (row 5 is not found). Query 1: right at rank 3 only.
FOUND = ranked([[3, 2, 0, 1], [4, 6, 1], [0, 1]], 7)


def test_hits_by_hand():
    np.testing.assert_array_equal(hit_at_k(FOUND, QUERIES, GALLERY, 1), [0, 0, np.nan])
    np.testing.assert_array_equal(hit_at_k(FOUND, QUERIES, GALLERY, 2), [1, 0, np.nan])
    np.testing.assert_array_equal(hit_at_k(FOUND, QUERIES, GALLERY, 3), [1, 1, np.nan])
    assert top_k_accuracy(FOUND, QUERIES, GALLERY, 2) == 1 / 2


def test_recall_by_hand():
    np.testing.assert_allclose(recall_at_k(FOUND, QUERIES, GALLERY, 2), [1 / 3, 0, np.nan])
    np.testing.assert_allclose(recall_at_k(FOUND, QUERIES, GALLERY, 9), [2 / 3, 1, np.nan])
    assert mean_average_recall(FOUND, QUERIES, GALLERY, 9) == pytest.approx((2 / 3 + 1) / 2)


def test_capped_recall_by_hand():
    # At 2 only 2 of the 3 relevant rows could have been shown; at 9 all 3 could.
    np.testing.assert_allclose(capped_recall_at_k(FOUND, QUERIES, GALLERY, 2), [1 / 2, 0, np.nan])
    np.testing.assert_allclose(capped_recall_at_k(FOUND, QUERIES, GALLERY, 9), [2 / 3, 1, np.nan])
    assert mean_capped_recall(FOUND, QUERIES, GALLERY, 2) == pytest.approx((1 / 2 + 0) / 2)


def test_average_precision_by_hand():
    # Query 0 is right at ranks 2 and 3, where 1 of 2 and 2 of 3 are right; query 1 at rank 3.
    expected = [(1 / 2 + 2 / 3) / 3, (1 / 3) / 1, np.nan]
    np.testing.assert_allclose(average_precision_at_k(FOUND, QUERIES, GALLERY, 9), expected)
    expected = [(1 / 2) / 2, 0, np.nan]  # the denominator is min(2, 3) and min(2, 1)
    np.testing.assert_allclose(average_precision_at_k(FOUND, QUERIES, GALLERY, 2), expected)
    assert mean_average_precision(FOUND, QUERIES, GALLERY, 2) == pytest.approx((1 / 4 + 0) / 2)


def test_within_one_table_a_query_does_not_look_for_itself():
    groups = np.array([5, 5, 5, 6])
    found = ranked([[1, 3], [3, 0], [3], [0]], 4)
    np.testing.assert_allclose(
        recall_at_k(found, groups, groups, 2, within=True), [1 / 2, 1 / 2, 0 / 2, np.nan]
    )
    # Searched as another table of the same groups, each query has one relevant row more.
    np.testing.assert_allclose(recall_at_k(found, groups, groups, 2), [1 / 3, 1 / 3, 0 / 3, 0 / 1])


@st.composite
def searches(draw):
    within = draw(st.booleans())
    n_rows, n_cols = draw(st.integers(0, 5)), draw(st.integers(0, 7))
    groups = st.integers(0, 3)
    gallery = draw(st.lists(groups, min_size=n_cols, max_size=n_cols))
    queries = gallery if within else draw(st.lists(groups, min_size=n_rows, max_size=n_rows))
    rankings = []
    for q in range(len(queries)):
        order = draw(st.permutations([c for c in range(n_cols) if not (within and c == q)]))
        rankings.append(order[: draw(st.integers(0, n_cols))])
    return rankings, queries, gallery, draw(st.integers(1, 8)), within


@settings(deadline=None, max_examples=50)
@given(searches())
def test_same_as_plain_loops(search):
    rankings, queries, gallery, k, within = search
    expected = {metric: [] for metric in MEANS.values()}
    for q, ranking in enumerate(rankings):
        relevant = {c for c, g in enumerate(gallery) if g == queries[q] and not (within and c == q)}
        precisions = [
            len(relevant & set(ranking[:r])) / r
            for r in range(1, min(k, len(ranking)) + 1)
            if ranking[r - 1] in relevant
        ]
        hits, n = len(precisions), len(relevant)
        expected[hit_at_k].append(float(hits > 0) if n else np.nan)
        expected[recall_at_k].append(hits / n if n else np.nan)
        expected[capped_recall_at_k].append(hits / min(k, n) if n else np.nan)
        expected[average_precision_at_k].append(sum(precisions) / min(k, n) if n else np.nan)
    graph = ranked(rankings, len(gallery))
    groups = (np.array(queries, np.int64), np.array(gallery, np.int64))
    for mean, metric in MEANS.items():
        ours = metric(graph, *groups, k, within=within)
        np.testing.assert_allclose(ours, np.array(expected[metric], float), rtol=1e-12)
        known = [value for value in expected[metric] if value == value]
        average = np.mean(known) if known else np.nan
        np.testing.assert_allclose(mean(graph, *groups, k, within=within), average, rtol=1e-12)


@settings(deadline=None, max_examples=50)
@given(searches())
def test_looking_further_never_finds_less(search):
    rankings, queries, gallery, k, within = search
    graph = ranked(rankings, len(gallery))
    groups = (np.array(queries, np.int64), np.array(gallery, np.int64))
    for metric in (hit_at_k, recall_at_k):
        near = np.nan_to_num(metric(graph, *groups, k, within=within))
        far = np.nan_to_num(metric(graph, *groups, k + 1, within=within))
        assert (near <= far).all()


@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_a_perfect_ranking_scores_one_but_for_recall_below_the_group_size(k):
    groups = np.repeat([3, 4], 3)
    best = ranked([[1, 2, 3, 4, 5], [0, 2, 3], [0, 1, 5], [4, 5], [3, 5], [3, 4]], 6)
    for metric in (top_k_accuracy, mean_average_precision, mean_capped_recall):
        assert metric(best, groups, groups, k, within=True) == 1
    assert mean_average_recall(best, groups, groups, k, within=True) == min(k, 2) / 2


def test_no_query_has_a_relevant_row():
    found = ranked([[0, 1], [1, 0]], 2)
    for mean, metric in MEANS.items():
        values = metric(found, np.array([5, 6]), np.array([7, 8]), 2)
        np.testing.assert_array_equal(values, [np.nan, np.nan])
        assert np.isnan(mean(found, np.array([5, 6]), np.array([7, 8]), 2))


def test_no_queries_and_no_gallery():
    none = np.zeros(0, np.int64)
    for metric in MEANS.values():
        assert metric(ranked([], 0), none, none, 3, within=True).shape == (0,)
        np.testing.assert_array_equal(metric(ranked([[]], 0), np.array([1]), none, 3), [np.nan])


# In a process of its own, without numba's compiler: that takes a minute, counting a moment.
RANX = """
import json, sys
from ranx import Qrels, Run, evaluate
truth, run, names = json.load(sys.stdin)
found = evaluate(Qrels(truth), Run(run), names, return_mean=False)
print(json.dumps({name: values.tolist() for name, values in found.items()}))
"""


def ask_ranx(*question):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    told = subprocess.run(
        [sys.executable, "-c", RANX],
        input=json.dumps(question), env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(told.stdout)


@pytest.mark.slow
def test_same_as_ranx(rng):
    n, k = 30, 5
    queries, gallery = rng.integers(0, 4, n), rng.integers(0, 4, 40)
    rankings = [rng.permutation(40)[:20] for _ in range(n)]
    # ranx answers in alphabetical order of the queries, hence q00, q01 and so on.
    truth = {
        f"q{q:02}": {f"d{c}": 1 for c in np.flatnonzero(gallery == queries[q])} for q in range(n)
    }
    run = {
        f"q{q:02}": {f"d{c}": 1 - r / 100 for r, c in enumerate(row)}
        for q, row in enumerate(rankings)
    }
    names = [f"hit_rate@{k}", f"recall@{k}", f"precision@{k}", f"map@{k}"]
    theirs = ask_ranx(truth, run, names)
    args = (ranked(rankings, 40), queries, gallery, k)
    n_relevant = np.array([len(truth[f"q{q:02}"]) for q in range(n)])
    assert n_relevant.min() > k  # so that the cap on the denominator is put to the test
    np.testing.assert_allclose(hit_at_k(*args), theirs[names[0]])
    np.testing.assert_allclose(recall_at_k(*args), theirs[names[1]])
    # Where more than k rows are relevant, hits / min(k, n_relevant) is precision at k.
    np.testing.assert_allclose(capped_recall_at_k(*args), theirs[names[2]])
    # ranx divides by n_relevant, here we divide by min(k, n_relevant) = k.
    np.testing.assert_allclose(average_precision_at_k(*args) * k / n_relevant, theirs[names[3]])


@pytest.mark.parametrize("metric", METRICS)
def test_k_below_one_is_refused(metric):
    with pytest.raises(ConfigError, match=r"k must be at least 1\. Received: 0"):
        metric(FOUND, QUERIES, GALLERY, 0)


@pytest.mark.parametrize("metric", METRICS)
def test_groups_of_another_length_are_refused_with_both_lengths(metric):
    with pytest.raises(DataError, match=r"query_groups .* shape \(3,\)\. Received: shape \(2,\)"):
        metric(FOUND, QUERIES[:2], GALLERY, 1)
    with pytest.raises(DataError, match=r"gallery_groups .* shape \(7,\)\. Received: shape \(8,\)"):
        metric(FOUND, QUERIES, np.append(GALLERY, 1), 1)


def test_within_one_table_the_groups_must_be_the_same():
    found = ranked([[1], [0]], 2)
    with pytest.raises(DataError, match=r"two that differ\. .* within=False"):
        hit_at_k(found, np.array([1, 1]), np.array([1, 2]), 1, within=True)


def test_within_one_table_a_query_ranked_for_itself_is_refused():
    with pytest.raises(DataError, match="row 1 paired with itself"):
        hit_at_k(ranked([[1], [1]], 2), np.array([1, 1]), np.array([1, 1]), 1, within=True)


def test_unlabelled_rows_are_refused():
    with pytest.raises(DataError, match=r"query_groups .* 1 of 3 unlabelled"):
        hit_at_k(FOUND, np.array([7, -1, 4]), GALLERY, 1)
    with pytest.raises(DataError, match=r"gallery_groups .* 3 of 7 unlabelled"):
        hit_at_k(FOUND, QUERIES, np.where(GALLERY == 9, -1, GALLERY), 1)
