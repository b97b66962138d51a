"""Reading the artefact of a training: a folder with weights, settings and a model card.

``model.safetensors`` and ``config.json`` hold the network, ``README.md`` says what people must
know of it. The folder of a title network is a Hugging Face folder of a BERT as well. No code is
stored: the architecture is built anew from its settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from matcher.errors import ConfigError, StoreError
from matcher.io.artifacts import (
    TENSORS,
    Tensors,
    load_model,
    read_config,
    read_tensors,
    widen,
)
from matcher.io.shipped import BASE, Kind, base_folder
from matcher.models.settings import ImageArchitecture, TitleArchitecture, TitlePooling

# Where all that is ours stands in config.json; beside it, for titles, stand the BERT's settings.
OURS = "matcher"

Architecture: TypeAlias = ImageArchitecture | TitleArchitecture


@dataclass(frozen=True, slots=True)
class Saved:
    """What an artefact holds.

    Attributes:
        architecture: Parts of the network.
        config: All settings, those of a BERT included.
        tensors: Weights by name; those stored in float16 are float32.
    """

    architecture: Architecture
    config: Mapping[str, Any]
    tensors: Tensors


def load_saved(folder: Path) -> Saved:
    """Read an artefact and check its fingerprint; Keras is not needed.

    Raises:
        StoreError: If it is missing, damaged, or no artefact.
    """
    config, tensors = load_model(folder)
    return Saved(_read_architecture(config, folder), config, widen(tensors))


def saved_architecture(folder: Path) -> Architecture:
    """Parts of the network of an artefact, by its ``config.json`` alone.

    Raises:
        StoreError: If that is missing, damaged, or of no artefact.
    """
    return _read_architecture(read_config(folder), folder)


def with_parts_of_base(given: Any, kind: Kind) -> Any:
    """Settings of a network, with the parts that they do not name from ``base`` if it is its start.

    Args:
        given: Settings as they were read.
        kind: What the network reads.

    Raises:
        BackendError: If the package has no such weights.
        StoreError: If those are damaged.
    """
    if not isinstance(given, Mapping) or given.get("weights") != BASE:
        return given
    return {**saved_architecture(base_folder(kind)).model_dump(exclude_none=True), **given}


def is_saved(folder: Path) -> bool:
    """Whether a folder holds an artefact, rather than any other model."""
    try:
        return OURS in read_config(folder)
    except StoreError:
        return False


def read_title(
    folder: Path, pooling: TitlePooling | None = None, max_tokens: int | None = None
) -> tuple[TitleArchitecture, Saved]:
    """Read the folder of a title network: an artefact, or any BERT of Hugging Face.

    Args:
        folder: Where it lies.
        pooling: None is that of the artefact, or the mean.
        max_tokens: None is that of the artefact, or 70.

    Raises:
        ConfigError: If an artefact is for pictures, or was trained with another pooling.
        StoreError: If it is damaged.
    """
    chosen = {} if max_tokens is None else {"max_tokens": max_tokens}
    if not is_saved(folder):
        _, tensors = read_tensors(folder / TENSORS)
        plain = TitleArchitecture.model_validate(
            {"pooling": pooling or "mean", "neck": "none"} | chosen
        )
        return plain, Saved(plain, read_config(folder), tensors)
    saved = load_saved(folder)
    if not isinstance(saved.architecture, TitleArchitecture):
        raise ConfigError(
            f"{folder} holds a network for pictures. Name one for titles, or the encoder image."
        )
    if pooling not in (None, saved.architecture.pooling):
        raise ConfigError(
            f"{folder} was trained with pooling: {saved.architecture.pooling}. "
            f"Received: {pooling}. Leave pooling out."
        )
    return saved.architecture.model_copy(update=chosen), saved


def build_saved(saved: Saved, where: str, size: int | None = None) -> Any:
    """Build the network of an artefact.

    Args:
        saved: Its content.
        where: What to call it in messages.
        size: Side of pictures instead of the one it was trained with.

    Raises:
        StoreError: If the weights are not those of the architecture.
    """
    from matcher.models.embedder import build_image_embedder, build_title_embedder, head_weights
    from matcher.models.weights import import_weights

    if isinstance(saved.architecture, TitleArchitecture):
        model = build_title_embedder(saved.architecture, saved.config, saved.tensors, where=where)
        # All of them are there: none of the parts after the BERT may stay as it began.
        _check_head(head_weights(model), saved.tensors, where)
        return model
    architecture = saved.architecture.model_copy(update={"size": size} if size else {})
    model = build_image_embedder(architecture)
    import_weights(model, saved.tensors, where)
    return model


def check_length(max_tokens: int, positions: int, weights: str) -> None:
    """Refuse longer titles than a network has positions for, by ``ConfigError``."""
    if max_tokens > positions:
        raise ConfigError(
            f"max_tokens is at most {positions} for {weights}. Received: {max_tokens}."
        )


def check_backbone(saved: Saved, backbone: str | None, folder: Path) -> ImageArchitecture:
    """Architecture of an artefact for pictures; ``ConfigError`` where it is another one."""
    architecture = saved.architecture
    if not isinstance(architecture, ImageArchitecture):
        raise ConfigError(
            f"{folder} holds a network for titles. Name one for pictures, or the encoder bert."
        )
    if backbone not in (None, architecture.backbone):
        raise ConfigError(
            f"{folder} holds weights of {architecture.backbone}, not of {backbone}. "
            "Name the encoder and the variant that they are of, or other weights."
        )
    return architecture


def _read_architecture(config: Mapping[str, Any], folder: Path) -> Architecture:
    path, about = folder / TENSORS, config.get(OURS)
    try:
        if about is None:  # as written before there were necks
            plain = {"backbone": config["backbone"], "size": config.get("size"), "neck": "none"}
            return ImageArchitecture.read(plain, str(path))
        kinds: dict[str, type[Architecture]] = {
            "image": ImageArchitecture,
            "title": TitleArchitecture,
        }
        return kinds[about["modality"]].read(about["architecture"], str(path))
    except (TypeError, KeyError, ConfigError) as error:
        raise StoreError(f"{path} holds no network that this version knows: {error}.") from error


def _check_head(variables: Mapping[str, Any], tensors: Tensors, where: str) -> None:
    from matcher.models.embedder import HEAD_PREFIX
    from matcher.models.weights import assign

    assign(variables, {n.removeprefix(HEAD_PREFIX): t for n, t in tensors.items()}, where)
