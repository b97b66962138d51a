"""Fusions, one per file; the file name is the name used in configs."""

from __future__ import annotations

from typing import Any

from matcher.fusion._base import ACCEPTED, VetoingFusion, vetoed
from matcher.fusion._k_reciprocal import KReciprocal
from matcher.fusion._trees import Trees
from matcher.fusion.pairs import PairModel, PairsFusion
from matcher.protocols import Fusion
from matcher.settings import available, plug_in

__all__ = [
    "ACCEPTED",
    "KReciprocal",
    "PairModel",
    "PairsFusion",
    "Trees",
    "VetoingFusion",
    "available_fusions",
    "make_fusion",
    "vetoed",
]


def available_fusions() -> tuple[str, ...]:
    """Names accepted by ``make_fusion``."""
    return available(__name__)


def make_fusion(name: str, /, **settings: Any) -> Fusion:
    """Build the fusion of ``matcher/fusion/<name>.py``; see there for its settings.

    Raises:
        ConfigError: If the name or a setting is unknown, or a value out of range.
    """
    fusion: Fusion = plug_in(__name__, name, "fusion").Spec.read(settings, "fusion")
    return fusion
