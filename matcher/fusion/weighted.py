"""Accept a pair whose weighted mean score is high enough."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from matcher.fusion._base import VetoingFusion
from matcher.types import Float32, ScoredPairs


class WeightedFusion(VetoingFusion):
    """Weighted mean of the scores of the modalities that both listings have.

    Attributes:
        weights: By modality, how much its score counts; positive.
        threshold: Lowest weighted mean accepted, in (0, 1]; the bound included.

    Example:
        >>> pairs = ScoredPairs(*np.array([[0, 0], [1, 2]]), {
        ...     "title": np.float32([0.4, 0.6]), "image": np.float32([0.8, np.nan]),
        ... }, 3, 3)
        >>> WeightedFusion(weights={"title": 1, "image": 1}, threshold=0.6)(pairs)
        array([0.5, 0.5], dtype=float32)
    """

    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    threshold: float = Field(gt=0, le=1)

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return fused scores in [0, 1]; a pair is accepted at 0.5 and above."""
        total, weight = np.zeros(len(pairs)), np.zeros(len(pairs))
        for name, own in self.weights.items():
            if name in pairs.scores:
                scores = pairs.scores[name]
                total += own * np.nan_to_num(scores)
                weight += own * ~np.isnan(scores)
        mean = np.maximum(total / np.where(weight == 0, 1, weight), 0).astype(np.float32)
        return self.finish(mean / np.float32(self.threshold), pairs)


Spec = WeightedFusion
