"""Thresholds from scores alone: the level that neighbours too far down to be partners reach."""

from __future__ import annotations

import numpy as np

from matcher.types import Float32, ScoredPairs

FAR = 10  # neighbours of a listing beyond which partners are rare
SHARE = 0.01  # of those impostors that may reach the threshold
LEAST_FAR = 100
LOWEST = 0.05


def impostor_bounds(pairs: ScoredPairs, far: int = FAR, share: float = SHARE) -> dict[str, float]:
    """Find the score that few impostors reach, by modality.

    Few products have many listings, so that a listing's neighbours from the ``far``-th on, by
    one modality, are nearly all impostors. The bound is the score that ``share`` of them exceed.

    Args:
        pairs: Candidates within one table.
        far: Neighbours of each listing that are passed over.
        share: Of the rest, in (0, 1).

    Returns:
        A score in [0.05, 1] by modality; modalities with too few far neighbours are left out.
    """
    bounds = {}
    for name, scores in pairs.scores.items():
        beyond = _far_scores(pairs, np.nan_to_num(scores, nan=-1.0), far)
        if len(beyond) >= LEAST_FAR:
            bounds[name] = float(np.clip(np.quantile(beyond, 1 - share), LOWEST, 1.0))
    return bounds


def _far_scores(pairs: ScoredPairs, scores: Float32, far: int) -> Float32:
    """Scores of each listing's neighbours from the ``far``-th best on; -1 stands for none."""
    rows = np.concatenate([pairs.left, pairs.right])
    both = np.concatenate([scores, scores])
    order = np.lexsort((-both, rows))
    ordered = rows[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    beyond = both[order][rank >= far]
    return beyond[beyond > -1]
