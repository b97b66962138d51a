"""What all fusions share: vetoes, and the scale of the fused score."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from matcher.settings import Settings
from matcher.types import Bool, Float32, ScoredPairs

ACCEPTED = 0.5


class VetoingFusion(Settings):
    """Settings that every fusion has.

    Attributes:
        vetoes: By modality, the score below which a pair is refused whatever the others say
            (two listings whose quantities have nothing in common). A modality that one of
            the listings lacks never vetoes.
    """

    vetoes: dict[str, float] = Field(default_factory=dict)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities it reads."""
        own: dict[str, float] = getattr(self, "thresholds", None) or getattr(self, "weights", {})
        return (*own, *(name for name in self.vetoes if name not in own))

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return fused scores in [0, 1]; see ``protocols.Fusion``."""
        raise NotImplementedError

    def finish(self, ratio: Float32, pairs: ScoredPairs) -> Float32:
        """Turn "how many times the boundary" into a fused score, and apply the vetoes.

        Args:
            ratio: 1 on the boundary, more above it, 0 or more; shape ``(m,)``.
            pairs: The pairs that ``ratio`` belongs to.

        Returns:
            ``ratio / (1 + ratio)``: 0.5 on the boundary; 0 where a veto holds.
        """
        fused = (ratio / (1 + ratio)).astype(np.float32)
        fused[vetoed(pairs, self.vetoes)] = 0
        return fused


def vetoed(pairs: ScoredPairs, vetoes: dict[str, float]) -> Bool:
    """Whether any veto holds for each pair, shape ``(m,)``."""
    refused = np.zeros(len(pairs), dtype=bool)
    for name, bound in vetoes.items():
        if name in pairs.scores:
            refused |= pairs.scores[name] < np.float32(bound)  # NaN compares as False
    return refused
