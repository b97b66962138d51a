"""The settings of a fusion and of a clusterer with the best F1.

Both searches go over a fixed grid, one setting at a time, so that the same labels always give
the same thresholds. They see the labels of some rows only; score on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher.calibration._judges import Judge, cluster_row_f1
from matcher.calibration._pair_model import Reliability, train_pairs
from matcher.clustering._base import ClustererSettings
from matcher.fusion import PairsFusion, VetoingFusion
from matcher.progress import tracked
from matcher.types import Bool, Float32, Int64, SimilarityGraph

# The scores that may suffice alone. Beyond 1 a modality only ever helps others.
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
ONLY_HELPING = (1.1, 1.25, 1.5, 2.0, 3.0)
WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
RANKS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
ROUNDS = 4
CUTS = tuple(np.round(np.arange(0.40, 0.601, 0.01), 2).tolist())
# A pair that is more likely wrong than right may still be worth its while for row F1.
PROBABILITY_CUTS = tuple(np.round(np.arange(0.15, 0.601, 0.025), 3).tolist())


@dataclass(frozen=True, slots=True)
class FittedFusion:
    """A fusion fitted to labels.

    Attributes:
        fusion: With its thresholds, weights or model.
        fused: Fused score of each of the judge's pairs. A pair model's come from models that
            saw no pair of its two products, so that a cut can be chosen on them.
        score: What the judge makes of ``fused``.
        reliability: How far the probabilities of a pair model are true.
    """

    fusion: VetoingFusion
    fused: Float32
    score: float
    reliability: Reliability | None = None


def fit_fusion(fusion: VetoingFusion, judge: Judge) -> FittedFusion:
    """Find the thresholds (or weights) that a judge likes best, or train the pair model.

    Thresholds by coordinate ascent over a fixed grid, and over leaving out each veto, in at most
    ``ROUNDS`` rounds. It starts from the same values for every modality, so that nothing a config
    has learnt from other labels shows in the result.

    Args:
        fusion: Its modalities, vetoes and other settings; bound, where it needs to be.
        judge: Candidates and labels.

    Raises:
        DataError: If the labels are too few for a pair model.
    """
    if isinstance(fusion, PairsFusion):
        trained = train_pairs(fusion, judge.pairs, judge.examples())
        score = judge(trained.fused)
        return FittedFusion(trained.fusion, trained.fused, score, trained.reliability)
    best = _untaught(fusion)
    best_score = judge(best(judge.pairs))
    for _ in tracked(range(ROUNDS), "thresholds", ROUNDS):
        before = best_score
        for candidate in _grid_around(best):
            # Each candidate changes one setting of the start of this round's best.
            changed = _with(best, *candidate)
            score = judge(changed(judge.pairs))
            if score > best_score:
                best, best_score = changed, score
        if best_score == before:
            break
    return FittedFusion(best, best(judge.pairs), best_score)


def _untaught(fusion: VetoingFusion) -> VetoingFusion:
    """The same fusion with one threshold, or weight, for all."""
    start: dict[str, object] = {}
    if "thresholds" in type(fusion).model_fields:
        start["thresholds"] = dict.fromkeys(fusion.thresholds, 0.9)  # type: ignore[attr-defined]
    if "weights" in type(fusion).model_fields:
        start["weights"] = dict.fromkeys(fusion.weights, 1.0)  # type: ignore[attr-defined]
    for bound, value in (("threshold", 0.7), ("rank", 2.0)):
        if bound in type(fusion).model_fields:
            start[bound] = value
    return fusion.model_copy(update=start)


def _grid_around(fusion: VetoingFusion) -> list[tuple[str, str, float | None]]:
    """Single changes to try, as (setting, modality, value); None takes a veto away."""
    changes: list[tuple[str, str, float | None]] = []
    fields = type(fusion).model_fields
    if "thresholds" in fields:
        thresholds: dict[str, float] = fusion.thresholds  # type: ignore[attr-defined]
        values = THRESHOLDS + ONLY_HELPING
        changes += [("thresholds", name, value) for name in thresholds for value in values]
    if "weights" in fields:
        weights: dict[str, float] = fusion.weights  # type: ignore[attr-defined]
        changes += [("weights", name, value) for name in weights for value in WEIGHTS]
    for bound, grid in (("threshold", THRESHOLDS), ("rank", RANKS)):
        if bound in fields:
            changes += [(bound, "", value) for value in grid]
    return changes + [("vetoes", name, None) for name in fusion.vetoes]


def _with(fusion: VetoingFusion, setting: str, name: str, value: float | None) -> VetoingFusion:
    """Copy a fusion with one setting changed."""
    if not name:
        return fusion.model_copy(update={setting: value})
    table = {**getattr(fusion, setting), name: value}
    kept = {key: given for key, given in table.items() if given is not None}
    return fusion.model_copy(update={setting: kept})


def fit_clusterer(
    clusterer: ClustererSettings,
    graph: SimilarityGraph,
    groups: Int64,
    rows: Bool,
    cuts: Sequence[float] = CUTS,
) -> tuple[ClustererSettings, float]:
    """Find the ``min_score`` with the best mean row F1 of clusters.

    Args:
        clusterer: Its other settings are kept.
        graph: Fused scores of the candidates, symmetric.
        groups: True product of each listing, shape ``(n,)``.
        rows: Listings over which the mean is taken, shape ``(n,)``.
        cuts: What to try.

    Returns:
        The fitted clusterer, and its mean row F1 on ``rows``.
    """
    best, best_score = clusterer, -1.0
    for cut, clusters in zip(cuts, clusterer.sweep(graph, cuts), strict=True):
        score = cluster_row_f1(clusters.labels, groups, rows)
        if score > best_score:
            best, best_score = clusterer.model_copy(update={"min_score": cut}), score
    return best, best_score
