"""What shapes a network for pictures or titles, and its training, without loading Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, FiniteFloat, field_validator, model_validator

from matcher.models.catalogue import find_backbone
from matcher.settings import Settings

ImagePooling: TypeAlias = Literal["average", "gem", "scda"]
TitlePooling: TypeAlias = Literal["mean", "cls"]
Neck: TypeAlias = Literal["batch_norm", "none"]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Place: TypeAlias = Share | str


class ImageArchitecture(Settings):
    """A network for pictures: backbone, pooling, extra dense layer if any, neck.

    Attributes:
        backbone: A name in ``matcher.models.catalogue.BACKBONES``.
        size: Side of the pictures, in pixels; None is the size the backbone was made for.
        pooling: One vector from a map: ``average``; ``gem``, a generalised mean whose exponent
            is learnt; or ``scda``, mean and maximum over the main object, twice as wide.
        neck: ``batch_norm`` normalises each dimension over the batch, before the vectors are
            scaled to length 1; ``none`` does not.
        width: Dimensions of an extra dense layer before the neck; None is none, which did
            best for listings.
        activation: ``mish`` instead of ReLU, in ``resnet18`` alone: the other backbones are
            those of Keras, whose weights belong to their own activations.
    """

    backbone: str = "efficientnet-b0"
    size: int | None = Field(None, ge=32, le=1024)
    pooling: ImagePooling = "average"
    neck: Neck = "batch_norm"
    width: int | None = Field(None, ge=1)
    activation: Literal["relu", "mish"] | None = None

    @field_validator("backbone")
    @classmethod
    def _check_backbone(cls, backbone: str) -> str:
        find_backbone(backbone)
        return backbone

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        backbone = find_backbone(self.backbone)
        if self.activation is not None and not backbone.ours:
            raise ValueError(
                f"activation can be chosen for resnet18 alone. Received: {self.activation!r} "
                f"for {self.backbone}. Leave it out"
            )
        if self.pooling == "scda" and self.backbone.startswith("convnext"):
            raise ValueError(
                "scda finds the main object where activations are large, and those of "
                f"{self.backbone} are signed. Set pooling: average or gem"
            )
        return self

    @property
    def pixels(self) -> int:
        """Side of the pictures."""
        return self.size or find_backbone(self.backbone).size


class TitleArchitecture(Settings):
    """A network for titles: any BERT, pooling, extra dense layer if any, neck.

    Attributes:
        pooling: One vector from those of the tokens: their ``mean``, or the first (``cls``).
        neck: As for pictures.
        width: As for pictures.
        max_tokens: Longer titles are cut off there, the two end marks included.
        dropout: Share of states dropped in training, instead of what the BERT's own settings
            say; None keeps those.
    """

    pooling: TitlePooling = "mean"
    neck: Neck = "batch_norm"
    width: int | None = Field(None, ge=1)
    max_tokens: int = Field(70, ge=3)
    dropout: float | None = Field(None, ge=0, lt=1)


class Augmentation(Settings):
    """How pictures are changed at random in training.

    Attributes:
        flip: Whether to mirror half of them, left for right.
        area: Smallest and largest share of the picture that is kept, each in (0, 1].
        read_at: Side at which pictures are read, in pixels, so that a small part of one keeps its
            detail; None for that of the network.
        aspect: Kept parts are up to this many times wider or higher than the picture, >= 1.
        brightness: Largest change of all values, as a share of white.
        contrast: Largest change of the differences from the mean, as a share of them.
        saturation: Largest change of the differences from grey, as a share of them.
        gray: Share of pictures that lose their colours.
        cut_out: Share of pictures of which a square is painted in the mean colour.
        cut_size: Side of that square, as a share of the picture's side.
        cut_mix: Share of batches in which a part of each picture is that of another one, whose
            label counts for its area; 0 where the loss compares pairs.
        tint: Largest change of each of red, green and blue, as a share of it.
        blur: Share of pictures that lose their finer detail, as small or bad copies have.
        shrink: Share of pictures that are set smaller on a ground of one colour.
        overlay: Share of pictures with a bar of letters across them, opaque or not.
        recompress: Share of pictures with the blocks of a badly compressed JPEG.
    """

    flip: bool = True
    area: tuple[float, float] = (0.7, 1.0)
    read_at: int | None = Field(None, ge=32, le=1024)
    aspect: float = Field(1.15, ge=1, le=4)
    brightness: float = Field(0.1, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    saturation: float = Field(0.2, ge=0, le=1)
    gray: Share = 0.0
    cut_out: Share = 0.0
    cut_size: float = Field(0.4, gt=0, le=1)
    cut_mix: Share = 0.0
    tint: float = Field(0.0, ge=0, lt=1)
    blur: Share = 0.0
    shrink: Share = 0.0
    overlay: Share = 0.0
    recompress: Share = 0.0

    @field_validator("area")
    @classmethod
    def _check_area(cls, area: tuple[float, float]) -> tuple[float, float]:
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(
                "area is the smallest and the largest share of a picture that is kept, both in "
                f"(0, 1]. Received: {list(area)}"
            )
        return area


class Perturbation(Settings):
    """How the tokens of titles are changed at random in training.

    Attributes:
        drop: Largest share of a title's tokens that are left out; how many is drawn anew for
            each title.
        replace: Largest share of them in whose place stands one of another title of the batch.
        shuffle: How far tokens move, in tokens; below 1, few change places.
    """

    drop: Share = 0.0
    replace: Share = 0.0
    shuffle: float = Field(0.0, ge=0)


class Freezing(Settings):
    """Which part of a backbone stays as it is; pooling, dense layer and neck never do.

    Attributes:
        up_to: Share of the backbone's layers that are frozen, counted from the input; or the
            beginning of the name of the first layer that is not, e.g. ``block6``.
        thaw: From those epochs on (the first is 0) what ``up_to`` is instead, e.g.
            ``{1: 0.5, 3: 0.0}``.
        norms: Whether batch norms of the backbone stay as they are everywhere: for small
            batches, and for weights whose batch norms were folded into their convolutions.
    """

    up_to: Place = 0.0
    thaw: dict[int, Place] = Field(default_factory=dict)
    norms: bool = True

    @field_validator("thaw")
    @classmethod
    def _check_epochs(cls, thaw: Mapping[int, Place]) -> Mapping[int, Place]:
        if any(epoch < 1 for epoch in thaw):
            raise ValueError(f"thaw counts epochs from 1. Received: {min(thaw)}. Use up_to for 0")
        return thaw

    def at(self, epoch: int) -> Place:
        """What is frozen in an epoch; the first is 0."""
        begun = [start for start in self.thaw if start <= epoch]
        return self.thaw[max(begun)] if begun else self.up_to


class ModelCard(Settings):
    """What people must know of a trained network before they use it.

    Attributes:
        title: Its name in one line.
        about: What it was trained for and how, in a few sentences.
        data: What it was trained on.
        data_fingerprint: Hash of that; empty where there is none.
        started_from: Weights that it started from.
        loss: Loss and its settings, by name.
        metrics: Figures on held-out groups, by name, e.g. ``{"top1": 0.83}``.
        license: Of the weights, an SPDX name, e.g. ``Apache-2.0``.
        code_version: Version of the code that trained it.
    """

    title: str = "Encoder of listings"
    about: str = ""
    data: str = "not stated"
    data_fingerprint: str = ""
    started_from: str = "random weights"
    loss: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)
    license: str = "not stated"
    code_version: str = ""
