"""What all fusions share: vetoes, and the scale of the fused score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import Field, PrivateAttr

from matcher.errors import ConfigError
from matcher.fusion._context import Context
from matcher.settings import Settings
from matcher.types import Bool, Encoded, Float32, ScoredPairs

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

    def bind(self, candidates: ScoredPairs, *tables: Mapping[str, Encoded]) -> Self:
        """The same fusion for the pairs of one run; see ``protocols.Fusion``."""
        del candidates, tables  # a fusion that judges each pair by itself needs neither
        return self

    def same_product(self, copies: ScoredPairs) -> Bool:
        """Whether listings that are identical in every modality are accepted as one product.

        Args:
            copies: Pairs of such listings, with the score of every modality.
        """
        return np.asarray(self(copies) >= ACCEPTED, np.bool_)

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


class ContextualFusion(VetoingFusion):
    """Base of the fusions that judge a pair by where it stands among all candidates."""

    _context: Context | None = PrivateAttr(None)

    def bind(self, candidates: ScoredPairs, *tables: Mapping[str, Encoded]) -> Self:
        """The same fusion, seeing these candidates and what was encoded."""
        bound = self.model_copy()
        bound._context = Context.of(candidates, *tables)
        return bound

    def same_product(self, copies: ScoredPairs) -> Bool:
        """Whether any modality is there to say that they are identical, and no veto holds."""
        known = [
            ~np.isnan(copies.scores[name]) for name in self.modalities if name in copies.scores
        ]
        some = np.any(known, axis=0) if known else np.zeros(len(copies), dtype=bool)
        return np.asarray(some & ~vetoed(copies, self.vetoes), np.bool_)

    @property
    def context(self) -> Context:
        """The candidates it sees.

        Raises:
            ConfigError: If it has not been bound to any.
        """
        if self._context is None:
            raise unbound(self)
        return self._context


def unbound(fusion: VetoingFusion) -> ConfigError:
    """What to raise where a fusion is called that has not been bound."""
    return ConfigError(
        f"{type(fusion).__name__} judges a pair among all candidates: call "
        "fusion.bind(candidates, encoded) first."
    )


def vetoed(pairs: ScoredPairs, vetoes: dict[str, float]) -> Bool:
    """Whether any veto holds for each pair, shape ``(m,)``."""
    refused = np.zeros(len(pairs), dtype=bool)
    for name, bound in vetoes.items():
        if name in pairs.scores:
            refused |= pairs.scores[name] < np.float32(bound)  # NaN compares as False
    return refused


def known(pairs: ScoredPairs, modalities: tuple[str, ...]) -> Bool:
    """Whether any of the modalities has a score for each pair, shape ``(m,)``."""
    some = np.zeros(len(pairs), dtype=bool)
    for name in modalities:
        if name in pairs.scores:
            some |= ~np.isnan(pairs.scores[name])
    return some
