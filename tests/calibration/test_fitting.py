"""Thresholds from labels, on tables small enough to see the answer."""

import numpy as np
import pytest

from matcher.calibration import (
    LabelledPairJudge,
    PairJudge,
    cluster_row_f1,
    fit_clusterer,
    fit_fusion,
)
from matcher.clustering import make_clusterer
from matcher.errors import DataError
from matcher.fusion import make_fusion
from matcher.metrics import rowwise_f1
from matcher.similarity import build_graph
from matcher.types import ScoredPairs

GROUPS = np.array([0, 0, 1, 1, 2])


def pairs(edges: dict[tuple[int, int], float], n: int = 5) -> ScoredPairs:
    left, right = (np.array(column, np.int64) for column in zip(*edges, strict=True))
    return ScoredPairs(left, right, {"title": np.float32([*edges.values()])}, n, n)


# right pairs at 0.72 and 0.66, wrong ones at 0.58 and 0.3: any threshold in (0.58, 0.66]
SEPARABLE = pairs({(0, 1): 0.72, (2, 3): 0.66, (1, 2): 0.58, (3, 4): 0.3})
ALL = np.ones(5, bool)


def test_judge_is_the_mean_row_f1():
    judge = PairJudge(SEPARABLE, GROUPS, ALL)
    fused = np.float32([0.9, 0.9, 0.9, 0.1])  # accepts 0-1, 2-3 and the wrong 1-2
    rows, cols = np.array([0, 1, 1, 2, 2, 3]), np.array([1, 0, 2, 1, 3, 2])
    graph = build_graph(rows, cols, np.ones(6, np.float32), 5, 5)
    assert judge(fused) == pytest.approx(rowwise_f1(graph, GROUPS).mean())
    # by hand: rows 0, 3, 4 are perfect; 1 and 2 find one wrong: 2·2 / (3 + 2) = 0.8
    assert judge(fused) == pytest.approx((1 + 0.8 + 0.8 + 1 + 1) / 5)


def test_judge_looks_at_its_rows_only():
    rows = np.array([True, False, False, True, True])
    assert PairJudge(SEPARABLE, GROUPS, rows)(np.float32([0.9, 0.9, 0.9, 0.1])) == 1


@pytest.mark.parametrize("start", [0.4, 1.0])
def test_a_threshold_that_separates_is_found(start):
    fusion = make_fusion("union", thresholds={"title": start})
    found = fit_fusion(fusion, PairJudge(SEPARABLE, GROUPS, ALL))
    fitted, score = found.fusion, found.score
    assert score == 1
    assert 0.58 < fitted.thresholds["title"] <= 0.66


def test_a_veto_that_hurts_is_dropped_and_one_that_helps_stays():
    sizes = {"size": np.float32([0.0, np.nan, np.nan, np.nan])}  # speaks against the right 0-1
    hurting = ScoredPairs(SEPARABLE.left, SEPARABLE.right, {**SEPARABLE.scores, **sizes}, 5, 5)
    fusion = make_fusion("union", thresholds={"title": 0.6}, vetoes={"size": 0.5})
    assert not fit_fusion(fusion, PairJudge(hurting, GROUPS, ALL)).fusion.vetoes
    helping = {"size": np.float32([np.nan, np.nan, 0.0, np.nan])}
    wrong_on_top = pairs({(0, 1): 0.7, (2, 3): 0.7, (1, 2): 0.9, (3, 4): 0.3})
    table = ScoredPairs(
        wrong_on_top.left, wrong_on_top.right, {**wrong_on_top.scores, **helping}, 5, 5
    )
    assert fit_fusion(fusion, PairJudge(table, GROUPS, ALL)).fusion.vetoes == {"size": 0.5}


def test_labelled_pairs_will_do():
    judge = LabelledPairJudge(SEPARABLE, np.array([True, True, False, False]))
    found = fit_fusion(make_fusion("union", thresholds={"title": 0.9}), judge)
    fitted, score = found.fusion, found.score
    assert score == 1
    assert 0.58 < fitted.thresholds["title"] <= 0.66


def test_cut_of_the_clusters():
    rows = np.array([0, 1, 2, 3, 1, 2])
    cols = np.array([1, 0, 3, 2, 2, 1])
    graph = build_graph(rows, cols, np.float32([0.55, 0.55, 0.57, 0.57, 0.51, 0.51]), 5, 5)
    fitted, score = fit_clusterer(make_clusterer("components"), graph, GROUPS, ALL)
    assert 0.51 < fitted.min_score <= 0.55
    assert score == 1


def test_cluster_row_f1_by_hand():
    # clusters {0, 1, 2}, {3}, {4}: rows 0 and 1: 2·2/(3+2); 2: 2·1/(3+2); 3: 2·1/(1+2); 4: 1
    found = cluster_row_f1(np.array([0, 0, 0, 1, 2]), GROUPS, ALL)
    assert found == pytest.approx((0.8 + 0.8 + 0.4 + 2 / 3 + 1) / 5)


def test_no_rows_to_score_is_refused():
    with pytest.raises(DataError, match="need labelled listings"):
        PairJudge(SEPARABLE, GROUPS, np.zeros(5, bool))
