"""Encoders as a training leaves them, and what they must not be scored on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from matcher.config import RunConfig
from matcher.encoders._artefacts import is_saved
from matcher.errors import ConfigError
from matcher.io.shipped import named_folder
from matcher.jobs.seen_rows import find_seen
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import FOLDER, load_trained
from matcher.types import Bool, Listings

ENCODERS = {"pictures": "image", "titles": "bert"}


def encoder_config(encoder: Path, modality: str | None = None) -> RunConfig:
    """Config with the one encoder that a run trained, or that a YAML file names.

    Args:
        encoder: Folder of a run of ``matcher train``, or a config.
        modality: Which one of a config that has several.

    Raises:
        ConfigError: If it is neither, or the config has several modalities.
        StoreError: If the folder is damaged.
    """
    if not encoder.is_dir():
        config = RunConfig.load(encoder)
        config = config if modality is None else config.select([modality])
        if len(config.encoders) > 1 or config.blending:
            raise ConfigError(
                f"{encoder} has the modalities {', '.join(config.encoders)}; one encoder is "
                "measured here. Leave one in encoders, and leave out blending."
            )
        return config
    if not (encoder / FOLDER).is_dir():
        raise ConfigError(
            f"{encoder} is not the folder of a training. Name one that 'matcher train' wrote, or "
            "a config with one encoder."
        )
    kind, _ = load_trained(encoder)
    return _config(kind, {"weights": str(encoder.resolve())})


def starting_config(training: TrainConfig) -> RunConfig:
    """Config with the encoder that a training starts from, as it is before the first step.

    It reads pictures of the size, and titles of the length, that the training reads. A dense layer
    or neck that the training adds is left out: what it starts from has none. An artefact tells its
    own backbone, pooling and neck.

    Raises:
        StoreError: If it starts from an artefact that does not say what it was trained on.
    """
    network = training.image or training.title
    assert network is not None  # noqa: S101, a training has one of the two
    kind = "titles" if training.image is None else "pictures"
    given: dict[str, Any] = {"weights": str(training.init_from or network.weights)}
    if training.image is not None:
        given["size"] = training.image.pixels
    if training.title is not None:
        given["max_tokens"] = training.title.max_tokens
    folder = named_folder(given["weights"], "title" if training.image is None else "image")
    if folder.is_dir() and is_saved(folder):
        load_trained(folder)  # or it says that this is not known
        return _config(kind, given)
    parts = network.model_dump(include={"backbone", "pooling", "activation"})
    return _config(kind, given | parts)


def _config(kind: str, settings: dict[str, Any]) -> RunConfig:
    given = {name: value for name, value in settings.items() if value is not None}
    modality = {"encoder": ENCODERS[kind], "min_score": -1.0, **given}
    table = {
        "encoders": {kind: modality},
        "fusion": {"method": "union", "thresholds": {kind: 0.9}},
        "clustering": {"method": "average"},
    }
    return RunConfig.read(table, "encoder")


def unseen_rows(config: RunConfig, listings: Listings) -> Bool:
    """Whether no encoder of a config was trained on a listing, shape ``(n,)``.

    Only trainings of this package are known: what ImageNet holds is not.

    Raises:
        StoreError: If what a run was trained on cannot be read.
    """
    unseen = np.ones(len(listings), np.bool_)
    for rows in find_seen(config, listings).values():
        unseen[rows] = False
    return unseen
