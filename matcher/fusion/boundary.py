"""Accept a pair whose scores lie together beyond one curve."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from matcher.fusion._base import VetoingFusion
from matcher.types import Float32, ScoredPairs


class BoundaryFusion(VetoingFusion):
    r"""Joint decision boundary.

    A pair with scores :math:`s_m` is accepted when
    :math:`\sum_m (\max(s_m, 0) / \alpha_m)^p \ge 1`. With one modality this is a threshold at
    :math:`\alpha`; with several, half-convincing scores add up. A modality that one of the
    listings lacks adds nothing. ``power`` 1 is a weighted sum; a large one tends to the union.

    Attributes:
        thresholds: By modality, :math:`\alpha`: the score that suffices alone. Above 1, the
            modality never does.
        power: :math:`p`.

    Source:
        Second-placed solution of Kaggle "Shopee - Price Match Guarantee", 2021.

    Example:
        >>> pairs = ScoredPairs(*np.array([[0, 0, 0], [1, 2, 3]]), {
        ...     "title": np.float32([0.8, 0.6, 0.8]), "image": np.float32([0.0, 0.6, np.nan]),
        ... }, 4, 4)
        >>> BoundaryFusion(thresholds={"title": 0.8, "image": 0.8})(pairs).round(3)
        array([0.5  , 0.515, 0.5  ], dtype=float32)
    """

    thresholds: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    power: float = Field(2.0, ge=1, le=64)

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return fused scores in [0, 1]; a pair is accepted at 0.5 and above."""
        shares = [
            np.maximum(np.nan_to_num(pairs.scores[name]), 0) / np.float32(threshold)
            for name, threshold in self.thresholds.items()
            if name in pairs.scores
        ]
        table = np.stack([np.zeros(len(pairs), np.float32), *shares])
        largest = table.max(axis=0)
        scale = np.where(largest == 0, 1, largest)  # else small shares vanish at high powers
        total = ((table / scale) ** self.power).sum(axis=0)
        return self.finish(largest * np.maximum(total, 1) ** (1 / self.power), pairs)


Spec = BoundaryFusion
