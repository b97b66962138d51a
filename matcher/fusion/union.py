"""Accept a pair if any modality accepts it."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from matcher.fusion._base import VetoingFusion
from matcher.types import Float32, ScoredPairs


class UnionFusion(VetoingFusion):
    """Union of the matches of each modality.

    The fused score is that of the modality most above its threshold.

    Attributes:
        thresholds: By modality, the lowest score accepted; positive, the bound included. Above 1 a
            modality never accepts.

    Example:
        >>> pairs = ScoredPairs(*np.array([[0, 0], [1, 2]]), {
        ...     "title": np.float32([0.2, 0.4]), "image": np.float32([0.9, np.nan]),
        ... }, 3, 3)
        >>> UnionFusion(thresholds={"title": 0.6, "image": 0.9})(pairs).round(3)
        array([0.5, 0.4], dtype=float32)
    """

    thresholds: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return fused scores in [0, 1]; a pair is accepted at 0.5 and above."""
        best = np.zeros(len(pairs), np.float32)
        for name, threshold in self.thresholds.items():
            if name in pairs.scores:
                share = np.nan_to_num(pairs.scores[name]) / np.float32(threshold)
                np.maximum(best, share, out=best)
        return self.finish(best, pairs)


Spec = UnionFusion
