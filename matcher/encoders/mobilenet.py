"""Pictures through MobileNetV2: less exact than EfficientNet, and several times faster.

Source: Sandler et al., CVPR 2018, arXiv:1801.04381.
"""

from __future__ import annotations

from typing import Any

from matcher.encoders._keras_images import ImageEncoder, ImageSettings, load_image_encoder
from matcher.types import Listings

TINY: dict[str, Any] = {"weights": "random", "size": 32}  # for the contract test


class Spec(ImageSettings):
    """Settings: those of ``ImageSettings``."""

    def fit(self, listings: Listings) -> ImageEncoder:
        """Load the weights; nothing is learnt from ``listings``."""
        return load_image_encoder("mobilenet", "mobilenet-v2", self)
