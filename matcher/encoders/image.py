"""Pictures through any network: the one that comes with the package, one trained here, any other.

Without settings it is the one that comes with the package. ``weights: FOLDER`` is enough for an
artefact of a training, which tells its backbone, size, pooling and neck. For all others name a
backbone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from matcher.encoders._keras_images import ImageEncoder, ImageSettings, load_image_encoder
from matcher.io.shipped import BASE
from matcher.models.catalogue import find_backbone
from matcher.models.settings import ImagePooling
from matcher.types import Listings

# For the contract test.
TINY: dict[str, Any] = {"backbone": "resnet18", "weights": "random", "size": 32}


class Spec(ImageSettings):
    """Settings: those of ``ImageSettings``, and which network.

    Attributes:
        weights: As there; if not given, ``base``, or ``imagenet`` where a backbone is named.
        backbone: A network by name, e.g. ``resnet50`` or ``convnext-tiny``; None is that of
            the artefact.
        pooling: One vector from a map: ``average``, ``gem`` or ``scda``; None is that of the
            artefact, or ``average``.
        activation: ``mish`` instead of ReLU, in ``resnet18`` from weights that are no artefact's;
            None is that of the artefact, or ReLU.
    """

    weights: str = BASE
    backbone: str | None = None
    pooling: ImagePooling | None = None
    activation: Literal["relu", "mish"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _weights_of_a_backbone(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("backbone") is not None:
            return {"weights": "imagenet", **given}
        return given

    @field_validator("backbone")
    @classmethod
    def _check_backbone(cls, backbone: str | None) -> str | None:
        if backbone is not None:
            find_backbone(backbone)
        return backbone

    @model_validator(mode="after")
    def _check_activation(self) -> Self:
        if self.activation is not None and (
            self.backbone is None or not find_backbone(self.backbone).ours
        ):
            raise ValueError(
                "activation can be chosen for backbone: resnet18 alone. Received: "
                f"{self.activation!r} for {self.backbone}. Leave it out"
            )
        return self

    def fit(self, listings: Listings) -> ImageEncoder:
        """Load the weights; nothing is learnt from ``listings``."""
        name = "image" if self.backbone is None else f"image:{self.backbone}"
        return load_image_encoder(name, self.backbone, self, self.pooling, self.activation)
