"""Losses to train encoders with, one per file; the file name is the name used in configs."""

from __future__ import annotations

from typing import Any

from matcher.losses._base import LossSettings
from matcher.settings import available, plug_in

__all__ = ["LossSettings", "available_losses", "make_loss"]


def available_losses() -> tuple[str, ...]:
    """Names accepted by ``make_loss``; found without importing any backend."""
    return available(__name__)


def make_loss(name: str, /, **settings: Any) -> LossSettings:
    """Build the settings of ``matcher/losses/<name>.py``; its ``build`` makes what is trained.

    Args:
        name: One of ``available_losses()``.
        **settings: As documented in that file's ``Spec``.

    Raises:
        ConfigError: If the name or a setting is unknown, or a value out of range.
    """
    loss: LossSettings = plug_in(__name__, name, "loss").Spec.read(settings, f"loss {name!r}")
    return loss
