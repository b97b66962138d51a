"""Blendings, one per file, change vectors before the search; the file name is the config's name."""

from __future__ import annotations

from typing import Any

from matcher.blending._base import BlendingSettings
from matcher.settings import available, plug_in

__all__ = ["BlendingSettings", "available_blendings", "make_blending"]


def available_blendings() -> tuple[str, ...]:
    """Names accepted by ``make_blending``."""
    return available(__name__)


def make_blending(name: str, /, **settings: Any) -> BlendingSettings:
    """Build the blending of ``matcher/blending/<name>.py``; see there for its settings.

    Raises:
        ConfigError: If the name or a setting is unknown, or a value out of range.
    """
    blending: BlendingSettings = plug_in(__name__, name, "blending").Spec.read(settings, "blending")
    return blending
