"""Clusterers, one per file; the file name is the name used in configs."""

from __future__ import annotations

from typing import Any

from matcher.clustering._bridges import BridgeReport, bridges
from matcher.clustering._chaining import ChainReport, chaining
from matcher.clustering._constraints import Constraints
from matcher.clustering._mates import give_mates
from matcher.protocols import Clusterer
from matcher.settings import available, plug_in

__all__ = [
    "BridgeReport",
    "ChainReport",
    "Constraints",
    "available_clusterers",
    "bridges",
    "chaining",
    "give_mates",
    "make_clusterer",
]


def available_clusterers() -> tuple[str, ...]:
    """Names accepted by ``make_clusterer``."""
    return available(__name__)


def make_clusterer(name: str, /, **settings: Any) -> Clusterer:
    """Build the clusterer of ``matcher/clustering/<name>.py``; see there for its settings.

    Raises:
        ConfigError: If the name or a setting is unknown, or a value out of range.
    """
    clusterer: Clusterer = plug_in(__name__, name, "clusterer").Spec.read(settings, "clustering")
    return clusterer
