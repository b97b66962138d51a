"""Trained pair models as folders: safetensors and JSON, never a pickle."""

from __future__ import annotations

from pathlib import Path

from matcher.config import RunConfig
from matcher.errors import DataError, StoreError
from matcher.fusion import PairModel, PairsFusion
from matcher.io.artifacts import load_model, save_model

KIND = "pair model"
FORMAT = 1  # to be raised where a model that is written could not be read by what came before


def save_pair_model(model: PairModel, folder: Path) -> None:
    """Write a trained pair model, and how far its probabilities are true.

    Raises:
        StoreError: If it cannot be written.
    """
    about = {"kind": KIND, "format": FORMAT, **model.plain()}
    save_model(folder, about, model.trees.tensors())


def load_pair_model(folder: Path) -> PairModel:
    """Read what ``save_pair_model`` wrote.

    Raises:
        StoreError: If it is missing, damaged, written by a newer version, or no pair model.
    """
    if not folder.is_dir():
        raise StoreError(
            "A config names the folder of its trained pair model, relative to its own. Received: "
            f"{folder}, and there is no such folder. Move it there with the config that `matcher "
            "tune` wrote, or train it again."
        )
    about, tensors = load_model(folder)
    if about.get("kind") != KIND:
        raise StoreError(
            f"A pair model is stored with the kind {KIND!r}. Received: {folder} of the kind "
            f"{about.get('kind')!r}. Name a folder that `matcher tune` wrote."
        )
    if about.get("format", FORMAT) != FORMAT:
        raise StoreError(
            f"This version of matcher reads pair models of format {FORMAT}. Received: {folder} of "
            f"format {about['format']!r}. Install the version of matcher that wrote it, or train "
            "it again with `matcher tune`."
        )
    try:
        return PairModel.of(about, tensors)
    except DataError as error:
        raise StoreError(
            f"{folder} holds no whole pair model: {error} Name a folder that `matcher tune` "
            "wrote, or train it again."
        ) from error


def with_pair_model(config: RunConfig, beside: Path) -> RunConfig:
    """Load the pair model that a config names, from a folder relative to ``beside``.

    Raises:
        StoreError: If it cannot be read.
    """
    fusion = config.fusion
    if not isinstance(fusion, PairsFusion) or fusion.model is None or fusion.trained is not None:
        return config
    trained = fusion.with_model(load_pair_model(beside / fusion.model))
    return config.model_copy(update={"fusion": trained})
