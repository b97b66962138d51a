"""Accept a pair that stands high in the lists of both its listings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from pydantic import Field, PrivateAttr

from matcher.fusion._base import ContextualFusion
from matcher.fusion._context import Ranking
from matcher.types import Encoded, Float32, ScoredPairs


class RankFusion(ContextualFusion):
    r"""Reciprocal rank fusion.

    Each modality ranks the candidates of a listing; a pair at ranks :math:`r` and :math:`r'`
    of its two listings gets :math:`(1 / (k + r) + 1 / (k + r')) / 2`, and its score :math:`s` is
    the weighted mean over the modalities that both listings have. That is what a pair at rank
    :math:`1 / s - k` in every list would get; it is accepted up to ``rank``. Ranks know nothing
    of how close the best candidate is: every listing has one.

    Attributes:
        weights: By modality, how much its rank counts; positive.
        rank: Last rank accepted, 1 or more; the bound included.
        k: Dampens the first ranks; the paper's 60 by default.

    Source:
        Cormack, Clarke & Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual
        rank learning methods", SIGIR 2009.

    Example:
        >>> pairs = ScoredPairs(np.array([0, 0]), np.array([1, 2]), {
        ...     "title": np.float32([0.8, 0.6]),
        ... }, 3, 3)
        >>> RankFusion(weights={"title": 1}, rank=1, k=1).bind(pairs, {})(pairs).round(3)
        array([0.5  , 0.417], dtype=float32)
    """

    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    rank: float = Field(2.0, ge=1)
    k: float = Field(60, ge=0, le=10_000)
    _rankings: dict[str, tuple[Ranking, Ranking]] = PrivateAttr(default_factory=dict)

    def bind(self, candidates: ScoredPairs, *tables: Mapping[str, Encoded]) -> Self:
        """The same fusion, with the lists of these candidates."""
        bound = super().bind(candidates, *tables)
        bound._rankings = {n: bound.context.rankings(s) for n, s in candidates.scores.items()}
        return bound

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return fused scores in [0, 1]; a pair is accepted at 0.5 and above."""
        _ = self.context  # or it has not been bound
        total, weight = np.zeros(len(pairs)), np.zeros(len(pairs))
        for name, own in self.weights.items():
            if name not in self._rankings or name not in pairs.scores:
                continue
            scores = pairs.scores[name]
            left, right = self._rankings[name]
            ranks = left.rank(pairs.left, scores), right.rank(pairs.right, scores)
            share = sum(1 / (self.k + rank.astype(np.float64)) for rank in ranks) / 2
            total += own * np.nan_to_num(share)
            weight += own * ~np.isnan(scores)
        known = weight > 0
        place = weight / np.where(known, total, 1) - self.k
        ratio = np.where(known, self.rank / np.where(known, place, 1), 0)
        return self.finish(ratio.astype(np.float32), pairs)


Spec = RankFusion
