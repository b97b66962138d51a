"""From fused scores to probabilities, by pairs whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.catalog._content import read_label
from matcher.catalog._links import Links
from matcher.store import Snapshot
from matcher.types import Bool, Float32, Float64, Int64

# Pairs of either kind without which nothing is fitted.
LEAST = 20
# Labelled listings whose edges are looked at.
SAMPLE = 5_000
ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Platt:
    """``p = 1 / (1 + exp(-(slope * score + offset)))``, which rises with the score.

    Attributes:
        slope: Above 0.
        offset: Any number.

    Source:
        Platt, "Probabilistic outputs for support vector machines", 1999, with the targets of its
        section 2.2; fitted by Newton's method as in Lin, Lin & Weng, 2007.
    """

    slope: float
    offset: float

    def __call__(self, scores: Float32) -> Float64:
        """Probability that belongs to each fused score, in (0, 1)."""
        z = np.clip(self.slope * scores.astype(np.float64) + self.offset, -30, 30)
        return np.asarray(1 / (1 + np.exp(-z)), np.float64)


def fit_platt(scores: Float32, same: Bool) -> Platt | None:
    """Fit to pairs whose truth is known.

    Args:
        scores: Fused scores, shape ``(m,)``.
        same: Whether each pair is one product, shape ``(m,)``.

    Returns:
        None where there are fewer than 20 pairs of either kind, or higher scores are not more
        often of one product.
    """
    n_same, n_other = int(same.sum()), int((~same).sum())
    if min(n_same, n_other) < LEAST:
        return None
    target = np.where(same, (n_same + 1) / (n_same + 2), 1 / (n_other + 2))
    x = np.stack([scores.astype(np.float64), np.ones(len(scores))])
    weights = np.array([0.0, np.log((n_same + 1) / (n_other + 1))])
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(weights @ x, -30, 30)))
        gradient = x @ (p - target)
        curvature = (x * (p * (1 - p) + 1e-9)) @ x.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while _loss(weights - step, x, target) > _loss(weights, x, target) + 1e-12:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return Platt(float(weights[0]), float(weights[1])) if weights[0] > 0 else None


def _loss(weights: Float64, x: Float64, target: Float64) -> float:
    z = weights @ x
    return float((np.logaddexp(0, z) - target * z).sum())


def known_pairs(snapshot: Snapshot, links: Links) -> tuple[Float32, Bool]:
    """Fused scores of edges whose truth is known, and whether they are of one product.

    Known are pairs that a person has decided, directly or through others, and pairs of
    listings that came with labels in one table. Of these at most 5,000 listings, evenly spread,
    bring their edges.
    """
    rows = _labelled(snapshot)
    ids = [id for group in range(len(links)) for id in links.members(group)]
    decided = snapshot.rows_of(ids)
    asked = np.union1d(rows, decided[decided >= 0])
    edges = snapshot.edges(asked)
    ends = np.unique(np.concatenate([edges.left, edges.right]))
    if not len(ends):
        return np.zeros(0, np.float32), np.zeros(0, np.bool_)
    kept = snapshot.listings(ends)
    names = dict(zip(ends.tolist(), kept.ids, strict=True))
    labels = dict(zip(ends.tolist(), map(read_label, kept.extra or ()), strict=True))
    truth = [
        _truth(names[a], names[b], labels[a], labels[b], links)
        for a, b in zip(edges.left.tolist(), edges.right.tolist(), strict=True)
    ]
    known = np.array([one is not None for one in truth], np.bool_)
    same = np.array([bool(one) for one in truth], np.bool_)
    return edges.scores[known], same[known]


def _labelled(snapshot: Snapshot) -> Int64:
    """Those of a sample of listings that came with a label."""
    rows = snapshot.rows()
    kept = snapshot.listings(rows[:: max(1, len(rows) // SAMPLE)])
    has = np.array([read_label(extra) is not None for extra in kept.extra or ()], np.bool_)
    return kept.rows[has]


def _truth(
    left: str, right: str, first: str | None, second: str | None, links: Links
) -> bool | None:
    """Whether two listings are one product; None where that is not known."""
    if links.are_same(left, right):
        return True
    if links.are_different(left, right):
        return False
    if first is None or second is None or first.split(":")[0] != second.split(":")[0]:
        return None
    return first == second
