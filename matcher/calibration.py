"""Thresholds from labels: the settings of a fusion and a clusterer with the best row F1.

Both searches are exhaustive along one setting at a time, so that the same labels always give
the same thresholds. They see the labels of ``rows`` only; score on others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from matcher.clustering._base import ClustererSettings
from matcher.errors import DataError
from matcher.fusion import ACCEPTED, VetoingFusion
from matcher.progress import tracked
from matcher.types import Bool, Float32, Int64, ScoredPairs, SimilarityGraph

# The scores that may suffice alone. Beyond 1 a modality only ever helps others.
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
ONLY_HELPING = (1.1, 1.25, 1.5, 2.0, 3.0)
WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
ROUNDS = 4
CUTS = tuple(np.round(np.arange(0.40, 0.601, 0.01), 2).tolist())


@dataclass(slots=True)
class PairJudge:
    """Mean row F1 of accepting some of the candidate pairs.

    Attributes:
        pairs: Candidate pairs within one table.
        groups: True product of each listing, shape ``(n,)``.
        rows: Listings over which the mean is taken.
    """

    pairs: ScoredPairs
    groups: Int64
    rows: Bool
    _right: Bool = field(init=False)
    _size: Int64 = field(init=False)

    def __post_init__(self) -> None:
        if len(self.groups) != self.pairs.n_left or not self.rows.any():
            raise DataError(
                f"Thresholds need labelled listings: {self.pairs.n_left} listings, "
                f"{len(self.groups)} groups, {int(self.rows.sum())} rows to score."
            )
        self._right = self.groups[self.pairs.left] == self.groups[self.pairs.right]
        _, inverse, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
        self._size = counts[inverse]

    def __call__(self, fused: Float32) -> float:
        """Score the pairs that reach the acceptance bound."""
        accepted = fused >= ACCEPTED
        right = accepted & self._right
        hits, found = 1 + self._per_row(right), 1 + self._per_row(accepted)
        return float((2 * hits / (found + self._size))[self.rows].mean())

    def _per_row(self, chosen: Bool) -> Int64:
        """How many of the chosen pairs each listing is in."""
        n = len(self.groups)
        left = np.bincount(self.pairs.left[chosen], minlength=n)
        return left + np.bincount(self.pairs.right[chosen], minlength=n)


def fit_fusion(fusion: VetoingFusion, judge: PairJudge) -> tuple[VetoingFusion, float]:
    """Find the thresholds (or weights) with the best mean row F1 of accepted pairs.

    Coordinate ascent over a fixed grid from the fusion's own values, then over leaving out
    each veto; at most ``ROUNDS`` rounds.

    Args:
        fusion: Where to start.
        judge: The labelled candidates.

    Returns:
        The fitted fusion, and its mean row F1 on the rows of the judge.
    """
    best, best_score = fusion, judge(fusion(judge.pairs))
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
    return best, best_score


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
        changes += [("threshold", "", value) for value in THRESHOLDS]
    return changes + [("vetoes", name, None) for name in fusion.vetoes]


def _with(fusion: VetoingFusion, setting: str, name: str, value: float | None) -> VetoingFusion:
    """Copy a fusion with one setting changed."""
    if not name:
        return fusion.model_copy(update={setting: value})
    table = {**getattr(fusion, setting), name: value}
    kept = {key: given for key, given in table.items() if given is not None}
    return fusion.model_copy(update={setting: kept})


def fit_clusterer(
    clusterer: ClustererSettings, graph: SimilarityGraph, groups: Int64, rows: Bool
) -> tuple[ClustererSettings, float]:
    """Find the ``min_score`` with the best mean row F1 of clusters.

    Args:
        clusterer: Its other settings are kept.
        graph: Fused scores of the candidates, symmetric.
        groups: True product of each listing, shape ``(n,)``.
        rows: Listings over which the mean is taken, shape ``(n,)``.

    Returns:
        The fitted clusterer, and its mean row F1 on ``rows``.
    """
    best, best_score = clusterer, -1.0
    for cut in tracked(CUTS, "clusters", len(CUTS)):
        changed = clusterer.model_copy(update={"min_score": cut})
        score = cluster_row_f1(changed(graph).labels, groups, rows)
        if score > best_score:
            best, best_score = changed, score
    return best, best_score


def cluster_row_f1(labels: Int64, groups: Int64, rows: Bool) -> float:
    """Mean over ``rows`` of each listing's F1 when it matches all of its cluster."""
    _, cluster, size = np.unique(labels, return_inverse=True, return_counts=True)
    _, group, group_size = np.unique(groups, return_inverse=True, return_counts=True)
    _, inverse, hits = np.unique(
        cluster * len(group_size) + group, return_inverse=True, return_counts=True
    )
    return float((2 * hits[inverse] / (size[cluster] + group_size[group]))[rows].mean())
