"""The networks for pictures by name, listed without loading Keras."""

from __future__ import annotations

from typing import NamedTuple

from matcher.errors import ConfigError
from matcher.settings import suggest


class Backbone(NamedTuple):
    """One network of ``keras.applications``.

    Attributes:
        builder: Name of its function there.
        size: Side of the pictures it was made for, in pixels.
    """

    builder: str
    size: int


BACKBONES = {
    "efficientnet-b0": Backbone("EfficientNetB0", 224),
    "efficientnet-b1": Backbone("EfficientNetB1", 240),
    "efficientnet-b2": Backbone("EfficientNetB2", 260),
    "efficientnet-b3": Backbone("EfficientNetB3", 300),
    "efficientnet-b4": Backbone("EfficientNetB4", 380),
    "efficientnet-b5": Backbone("EfficientNetB5", 456),
    "efficientnet-b6": Backbone("EfficientNetB6", 528),
    "efficientnet-b7": Backbone("EfficientNetB7", 600),
    "efficientnet-v2-b0": Backbone("EfficientNetV2B0", 224),
    "efficientnet-v2-b1": Backbone("EfficientNetV2B1", 240),
    "efficientnet-v2-b2": Backbone("EfficientNetV2B2", 260),
    "efficientnet-v2-b3": Backbone("EfficientNetV2B3", 300),
    "efficientnet-v2-s": Backbone("EfficientNetV2S", 384),
    "efficientnet-v2-m": Backbone("EfficientNetV2M", 480),
    "efficientnet-v2-l": Backbone("EfficientNetV2L", 480),
    "mobilenet-v2": Backbone("MobileNetV2", 224),
}


def find_backbone(name: str) -> Backbone:
    """Look a network up by name.

    Raises:
        ConfigError: If there is none of that name; the message lists those there are.
    """
    if name not in BACKBONES:
        raise ConfigError(
            f"Unknown backbone {name!r}.{suggest(name, list(BACKBONES))} "
            f"Available: {', '.join(BACKBONES)}."
        )
    return BACKBONES[name]
