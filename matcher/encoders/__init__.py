"""Encoders, one per file; the file name is the name used in configs."""

from __future__ import annotations

from typing import Any

from matcher.protocols import EncoderSpec
from matcher.settings import available, plug_in

__all__ = ["available_encoders", "make_encoder"]


def available_encoders() -> tuple[str, ...]:
    """Names accepted by ``make_encoder``; found without importing any backend."""
    return available(__name__)


def make_encoder(name: str, /, **settings: Any) -> EncoderSpec:
    """Build the settings of ``matcher/encoders/<name>.py``.

    Args:
        name: One of ``available_encoders()``.
        **settings: As documented in that file's ``Spec``.

    Raises:
        ConfigError: If the name or a setting is unknown, or a value out of range.
    """
    spec: EncoderSpec = plug_in(__name__, name, "encoder").Spec.read(settings, f"encoder {name!r}")
    return spec
