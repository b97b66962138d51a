"""What a training starts from: a network, and weights for it."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from matcher.encoders._artefacts import with_parts_of_base
from matcher.models.settings import ImageArchitecture, TitleArchitecture


class ImageNetwork(ImageArchitecture):
    """A network for pictures, and what it starts from.

    Attributes:
        weights: ``imagenet`` (downloaded once), ``base`` (those that come with the package: then
            the parts that are not named are those of that network), the folder of an earlier run,
            a ``.weights.h5`` file for the backbone (for resnet18 a ``.safetensors`` file with
            PyTorch's names, too), or ``random``.
        drop_path: Whether blocks are left out at random in training, where the network's authors
            did so; not where it is to do exactly what a teacher does.
    """

    weights: str = "imagenet"
    drop_path: bool = True

    @model_validator(mode="before")
    @classmethod
    def _parts_of_base(cls, given: Any) -> Any:
        return with_parts_of_base(given, "image")

    @property
    def architecture(self) -> ImageArchitecture:
        """The network without its weights."""
        return ImageArchitecture(**self.model_dump(exclude={"weights", "drop_path"}))


class TitleNetwork(TitleArchitecture):
    """A network for titles, and what it starts from.

    Attributes:
        weights: Folder with ``config.json``, ``model.safetensors`` and a tokenizer, or the id
            of such a model on huggingface.co; or ``base``, the network that comes with the
            package: then the parts that are not named are those of it.
    """

    weights: str = "sentence-transformers/all-MiniLM-L6-v2"

    @model_validator(mode="before")
    @classmethod
    def _parts_of_base(cls, given: Any) -> Any:
        return with_parts_of_base(given, "title")

    @property
    def architecture(self) -> TitleArchitecture:
        """The network without its weights."""
        return TitleArchitecture(**self.model_dump(exclude={"weights"}))
