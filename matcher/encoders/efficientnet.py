"""Pictures through an EfficientNet: what they show, whatever the angle, crop or light.

The variant b0 comes with weights in the package; those of ImageNet are downloaded once.

Source: Tan and Le, arXiv:1905.11946 (b0 to b7) and arXiv:2104.00298 (v2-b0 to v2-l).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import field_validator, model_validator

from matcher.encoders._keras_images import ImageEncoder, ImageSettings, load_image_encoder
from matcher.io.shipped import BASE
from matcher.models.catalogue import BACKBONES
from matcher.settings import suggest
from matcher.types import Listings

_FAMILY = "efficientnet-"
VARIANTS = tuple(n.removeprefix(_FAMILY) for n in BACKBONES if n.startswith(_FAMILY))

# The one that comes with the package.
SHIPPED = "b0"

TINY: dict[str, Any] = {"weights": "random", "size": 32}  # for the contract test


class Spec(ImageSettings):
    """Settings: those of ``ImageSettings``, and which of the networks.

    Attributes:
        weights: As there; if not given, ``base`` for b0 and ``imagenet`` for the others.
        variant: From ``b0``, small and fast, to ``b7``; or ``v2-b0`` to ``v2-l``, which are
            newer.
    """

    weights: str = BASE
    variant: str = SHIPPED

    @model_validator(mode="before")
    @classmethod
    def _weights_of_the_variant(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("variant", SHIPPED) != SHIPPED:
            return {"weights": "imagenet", **given}
        return given

    @field_validator("variant")
    @classmethod
    def _check_variant(cls, variant: str) -> str:
        if variant not in VARIANTS:
            raise ValueError(
                f"Unknown variant {variant!r}.{suggest(variant, list(VARIANTS))} "
                f"Available: {', '.join(VARIANTS)}"
            )
        return variant

    def fit(self, listings: Listings) -> ImageEncoder:
        """Load the weights; nothing is learnt from ``listings``."""
        return load_image_encoder(f"efficientnet:{self.variant}", _FAMILY + self.variant, self)
