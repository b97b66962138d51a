"""The networks for pictures by name, listed without loading Keras."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from matcher.errors import ConfigError
from matcher.settings import suggest

Scaling: TypeAlias = Literal["inside", "unit", "deviation", "caffe"]


class Backbone(NamedTuple):
    """One network.

    Attributes:
        builder: Name of its function in ``keras.applications``; "" where it is one of ours.
        size: Side of the pictures it was made for, in pixels.
        scaling: What must be done to pixels in 0..255 before it: nothing, it does it
            ``inside``; ``unit``, to [-1, 1]; ``deviation``, what Keras does inside only where
            it downloads the weights; ``caffe``, blue first and less the mean of ImageNet.
        hub: Id on huggingface.co of its ImageNet weights, where Keras has none.
    """

    builder: str
    size: int
    scaling: Scaling = "inside"
    hub: str = ""

    @property
    def ours(self) -> bool:
        """Whether it is built here, not by ``keras.applications``."""
        return not self.builder


BACKBONES = {
    "efficientnet-b0": Backbone("EfficientNetB0", 224, "deviation"),
    "efficientnet-b1": Backbone("EfficientNetB1", 240, "deviation"),
    "efficientnet-b2": Backbone("EfficientNetB2", 260, "deviation"),
    "efficientnet-b3": Backbone("EfficientNetB3", 300, "deviation"),
    "efficientnet-b4": Backbone("EfficientNetB4", 380, "deviation"),
    "efficientnet-b5": Backbone("EfficientNetB5", 456, "deviation"),
    "efficientnet-b6": Backbone("EfficientNetB6", 528, "deviation"),
    "efficientnet-b7": Backbone("EfficientNetB7", 600, "deviation"),
    "efficientnet-v2-b0": Backbone("EfficientNetV2B0", 224),
    "efficientnet-v2-b1": Backbone("EfficientNetV2B1", 240),
    "efficientnet-v2-b2": Backbone("EfficientNetV2B2", 260),
    "efficientnet-v2-b3": Backbone("EfficientNetV2B3", 300),
    "efficientnet-v2-s": Backbone("EfficientNetV2S", 384),
    "efficientnet-v2-m": Backbone("EfficientNetV2M", 480),
    "efficientnet-v2-l": Backbone("EfficientNetV2L", 480),
    "mobilenet-v2": Backbone("MobileNetV2", 224, "unit"),
    "mobilenet-v3-small": Backbone("MobileNetV3Small", 224),
    "mobilenet-v3-large": Backbone("MobileNetV3Large", 224),
    "resnet18": Backbone("", 224, hub="timm/resnet18.a1_in1k"),
    "resnet50": Backbone("ResNet50", 224, "caffe"),
    "convnext-tiny": Backbone("ConvNeXtTiny", 224),
    "convnext-small": Backbone("ConvNeXtSmall", 224),
    "convnext-base": Backbone("ConvNeXtBase", 224),
    "convnext-large": Backbone("ConvNeXtLarge", 224),
    "convnext-xlarge": Backbone("ConvNeXtXLarge", 224),
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
