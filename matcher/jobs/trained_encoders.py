"""Several trained encoders in one run: one split for all of them, and a place in the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.config import Modality, RunConfig
from matcher.errors import ConfigError, DataError
from matcher.jobs.one_encoder import ENCODERS
from matcher.jobs.train_files import UNUSED, read_sides
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import load_trained
from matcher.types import Listings


def check_shared(configs: Mapping[str, TrainConfig]) -> None:
    """Refuse trainings whose encoders could not be scored together, before any long work.

    Args:
        configs: Settings of each training by its name, of the same listings.

    Raises:
        ConfigError: If one has no fold to test on, two split differently, or two are of one kind.
    """
    splits: dict[str, tuple[object, ...]] = {}
    kinds: dict[str, str] = {}
    for name, config in configs.items():
        folds = config.validation
        if folds.split != "folds" or folds.test_fold is None:
            raise ConfigError(
                f"{name} holds nothing out to be scored. Set validation.split: folds and "
                "validation.test_fold."
            )
        tied = config.source.tie_phash
        splits[name] = (config.seed, folds.n_folds, folds.fold, folds.test_fold, tied)
        kind = "titles" if config.image is None else "pictures"
        if kind in kinds:
            raise ConfigError(
                f"{kinds[kind]} and {name} both train an encoder of {kind}. Name one of each kind."
            )
        kinds[kind] = name
    if len(set(splits.values())) > 1:
        told = "; ".join(f"{name}: {', '.join(map(str, split))}" for name, split in splits.items())
        raise ConfigError(
            "Trainings whose encoders are used together share a split: give them the same seed, "
            f"n_folds, fold, test_fold and tie_phash. Received: {told}."
        )


def shared_sides(runs: Sequence[Path], listings: Listings) -> NDArray[np.str_]:
    """The side of each listing in all of several trainings.

    Args:
        runs: Folders of the trainings.
        listings: Those that they were given.

    Returns:
        ``train``, ``held_out``, ``test`` or ``unused``, shape ``(n,)``; a listing that one
        training could not read is on the side that it has in the others.

    Raises:
        DataError: If a listing is on two sides, or a training does not know it.
        StoreError: If a folder is of no training.
    """
    told = np.full(len(listings), UNUSED, dtype="<U8")
    for run in runs:
        sides = read_sides(run, listings)
        clash = np.flatnonzero((told != UNUSED) & (sides != UNUSED) & (told != sides))
        if len(clash):
            row = clash[0]
            raise DataError(
                f"{len(clash):,} of {len(listings):,} listings, such as {listings.ids[row]!r}, are "
                f"on one side ({told[row]}) of {runs[0]} and on another ({sides[row]}) of {run}: "
                "what one was trained on, the other would be scored on. Train both with the same "
                "split (seed, n_folds, fold, test_fold) on the same table and pictures."
            )
        told = np.where(sides == UNUSED, told, sides)
    return told


def with_trained(config: RunConfig, runs: Sequence[Path]) -> RunConfig:
    """Add the encoders of trainings to a config.

    Args:
        config: Any config. Where it has modalities of the same encoder (``image`` or ``bert``)
            those take the trained weights; else one joins, by the encoder's name.
        runs: Folders of the trainings.

    Returns:
        A config whose new thresholds nothing has been fitted to: fit them.

    Raises:
        StoreError: If a folder does not say what was trained.
    """
    for run in runs:
        encoder = ENCODERS[load_trained(run)[0]]
        names = [name for name, m in config.encoders.items() if m.encoder == encoder]
        if not names:
            config, names = config.select([*config.encoders, encoder]), [encoder]
        modality = Modality(encoder=encoder, settings={"weights": str(run)})
        encoders = {**config.encoders, **dict.fromkeys(names, modality)}
        config = config.model_copy(update={"encoders": encoders})
    return config
