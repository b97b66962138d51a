"""Several trained encoders in one run: one split for all of them, and a place in the config."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.config import Modality, RunConfig
from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.jobs.one_encoder import ENCODERS
from matcher.jobs.seen_rows import find_seen, refuse_seen
from matcher.jobs.train_files import UNUSED, read_sides
from matcher.jobs.train_rows import choose_rows
from matcher.training.networks import Network
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import load_trained
from matcher.types import Int64, Listings

# Settings of an encoder that are not about its weights.
KEPT = ("batch", "precision")


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


def shared_columns(configs: Mapping[str, TrainConfig]) -> Columns | None:
    """The columns that trainings read their listings with; None where there is no training.

    Raises:
        ConfigError: If two differ: then they would not read the same listings.
    """
    told = {name: config.source.columns for name, config in configs.items()}
    for name, columns in told.items():
        first = next(iter(told))
        if columns != told[first]:
            raise ConfigError(
                f"{first} and {name} read one table with different source.columns. Received: "
                f"{_say(told[first])}; {_say(columns)}. Give them the same."
            )
    return next(iter(told.values()), None)


def _say(columns: Columns) -> str:
    return str(columns.model_dump(exclude_none=True) or "none")


def planned_rows(config: TrainConfig, listings: Listings) -> Int64:
    """Rows that a training will hold out, to choose weights by and to test on, rising.

    Its split is made as it will make it, without its network: a title that its tokenizer cannot
    read counts as well. Pictures are all read for it.

    Args:
        config: Its settings.
        listings: Its listings.

    Raises:
        ConfigError: If the split cannot be made.
        DataError: If there is nothing to train on, or to hold out.
    """
    network = config.image or config.title
    assert network is not None  # noqa: S101, a config has one of the two
    if config.image is not None:
        usable = [ref is not None for ref in listings.images]
    else:
        usable = [bool(title.strip()) for title in listings.titles]
    bare = Network(None, network.architecture, listings, np.array(usable, np.bool_))
    sides = choose_rows(bare, config).sides
    return np.union1d(sides.held, sides.test)


def refuse_planned(
    config: RunConfig, listings: Listings, trainings: Collection[TrainConfig]
) -> None:
    """Refuse, before any training, encoders of a config that know what is to be scored.

    Args:
        config: Whose encoders.
        listings: The listings.
        trainings: What they hold out is to be scored; where there are none, all that is labelled.

    Raises:
        DataError: If a run that the config names was trained on any of those.
        StoreError: If a run does not say any more what it was trained on.
    """
    if not find_seen(config, listings):  # which spares finding out what is held out
        return
    if not trainings:
        refuse_seen(config, listings)
    for training in trainings:
        refuse_seen(config, listings, planned_rows(training, listings))


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
            those take the trained weights and what these tell (backbone, size, pooling, length of
            titles), and keep ``candidates``, ``min_score``, ``batch`` and ``precision``; else one
            joins, by the encoder's name.
        runs: Folders of the trainings.

    Returns:
        A config whose new thresholds nothing has been fitted to: fit them.

    Raises:
        StoreError: If a folder does not say what was trained.
    """
    for run in runs:
        encoder = ENCODERS[load_trained(run)[0]]
        weights = {"weights": str(run.expanduser().resolve())}
        there = {name: m for name, m in config.encoders.items() if m.encoder == encoder}
        if not there:
            config = config.select([*config.encoders, encoder])
            there = {encoder: Modality(encoder=encoder)}
        changed = {}
        for name, modality in there.items():
            kept = {key: modality.settings[key] for key in KEPT if key in modality.settings}
            changed[name] = modality.model_copy(update={"settings": kept | weights})
        config = config.model_copy(update={"encoders": {**config.encoders, **changed}})
    return config
