"""Trained pair models as folders: safetensors and JSON, never a pickle."""

from __future__ import annotations

from pathlib import Path

from matcher.config import RunConfig
from matcher.errors import DataError, StoreError
from matcher.fusion import PairModel, PairsFusion, Trees
from matcher.io.artifacts import load_model, save_model

KIND = "pair model"


def save_pair_model(model: PairModel, folder: Path) -> None:
    """Write a trained pair model.

    Raises:
        StoreError: If it cannot be written.
    """
    about = {
        "kind": KIND,
        "features": list(model.features),
        "slope": model.slope,
        "offset": model.offset,
    }
    save_model(folder, about, model.trees.tensors())


def load_pair_model(folder: Path) -> PairModel:
    """Read what ``save_pair_model`` wrote.

    Raises:
        StoreError: If it is missing, damaged, or no pair model.
    """
    about, tensors = load_model(folder)
    try:
        if about["kind"] != KIND:
            raise KeyError(KIND)
        features = tuple(str(name) for name in about["features"])
        slope, offset = float(about["slope"]), float(about["offset"])
        return PairModel(Trees.of(tensors, len(features)), features, slope, offset)
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise StoreError(
            f"{folder} holds no pair model: {error}. Name a folder that `matcher tune` wrote, or "
            "train it again."
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
