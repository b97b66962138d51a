"""What is learnt beside the loss: what a teacher knows, and a second column of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from matcher.encoders import make_encoder
from matcher.losses import LossSettings, make_loss
from matcher.protocols import EncoderSpec
from matcher.settings import Settings


def read_loss(value: object) -> object:
    """A loss of its settings by name, ``method`` among them."""
    if not isinstance(value, Mapping):
        return value
    settings = dict(value)
    return make_loss(settings.pop("method", "arcface"), **settings)


def dump_loss(loss: LossSettings) -> dict[str, Any]:
    """Plain values that ``read_loss`` reads back."""
    return {"method": loss.method, **loss.model_dump(mode="json")}


class Teacher(Settings):
    """An encoder whose vectors of the listings, as they are, the network is to come close to.

    Attributes:
        encoder: Its name, with its settings beside it, as in a run's ``encoders``.
        sees: ``whole``: its vectors are made once, of the listings as they are. ``part``: at each
            step, of the part of each picture that the network sees, before its light and all else
            is changed; for the encoder ``image`` alone. Part by part it teaches more, and costs a
            pass through its network each time.
        weight: Of the distance from its vectors, beside the loss.
        relations: Of that between neighbourhoods, within it; see
            ``matcher.losses._distillation``.
        maps: Weight of the distance from the maps that it makes on its way, stage by stage, for a
            teacher that sees: part, has as many stages as the network and is nowhere wider; 0 for
            none.
        forcing: Share of the run during which stages are given the teacher's maps, at first all
            and then fewer and fewer, in place of those of the stage before; see
            ``matcher.training.stage_by_stage``. For networks that start at random.
        settings: Settings of the encoder; in YAML they stand beside those above.
    """

    encoder: str
    sees: Literal["whole", "part"] = "whole"
    weight: float = Field(1.0, gt=0)
    relations: float = Field(0.0, ge=0)
    maps: float = Field(0.0, ge=0)
    forcing: float = Field(0.0, ge=0, le=1)
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _fold(cls, given: Any) -> Any:
        """Put what is no setting of ours into ``settings``."""
        if not isinstance(given, Mapping) or "settings" in given:
            return given
        own = {name: value for name, value in given.items() if name in cls.model_fields}
        return {**own, "settings": {k: v for k, v in given.items() if k not in own}}

    @model_validator(mode="after")
    def _encoder_is_known(self) -> Teacher:
        self.make()
        if self.sees == "part" and self.encoder != "image":
            raise ValueError(
                "A teacher that sees: part is an encoder image, with its backbone and weights. "
                f"Received: {self.encoder!r}"
            )
        if self.maps and self.sees != "part":
            raise ValueError("Maps are those of the part that the network sees: set sees: part")
        if self.forcing and not self.maps:
            raise ValueError("Forcing takes the teacher's maps: set maps, the weight of them, too")
        return self

    def make(self) -> EncoderSpec:
        """Settings of the encoder.

        Raises:
            ConfigError: If the encoder or one of its settings is unknown or out of range.
        """
        return make_encoder(self.encoder, **self.settings)


class SecondLoss(Settings):
    """A loss over another column, such as the category, beside the one over products.

    Attributes:
        column: Its name; equal values are one class, and every row that is trained on has one.
        loss: As the training's own; not one of levels or views.
        weight: Of this loss beside the other.
    """

    column: str = Field(min_length=1)
    loss: Annotated[LossSettings, BeforeValidator(read_loss)]
    weight: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _takes_classes(self) -> SecondLoss:
        if self.loss.labels != "classes":
            raise ValueError(
                f"A second loss learns one column of classes, which {self.loss.method!r} does not. "
                "Take arcface, softmax or another one with classes"
            )
        return self

    def dump(self) -> dict[str, Any]:
        """Plain values that are read back."""
        return {**self.model_dump(mode="json", exclude={"loss"}), "loss": dump_loss(self.loss)}
