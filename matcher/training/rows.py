"""Which rows are trained on, which are held out, and what they are to be taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher.errors import ConfigError, DataError
from matcher.training.settings import Repeat, TrainConfig, Validation
from matcher.training.splits import folds, pairs_held_out, tied_rows
from matcher.types import UNLABELLED, Bool, Int64, Listings

NAMED = 10  # values named where one is not known


@dataclass(frozen=True, slots=True)
class Sides:
    """Which rows a training takes for what; no product and no tie is on two sides.

    Attributes:
        train: Rows to train on, rising.
        held: Rows held out, by which weights are chosen, rising.
        test: Rows held out, by which nothing is chosen, rising.
    """

    train: Int64
    held: Int64
    test: Int64


@dataclass(frozen=True, slots=True)
class Classes:
    """What training rows are to be taken for.

    Attributes:
        classes: Class of each, in ``0..n-1``, shape ``(n_rows,)``.
        labels: What the loss takes: the same, or a column a level, shape ``(n_rows, levels)``.
        parents: For each level but the top, the class above each of its classes.
        times: How often each comes up in an epoch, shape ``(n_rows,)``; None for once.
    """

    classes: Int64
    labels: Int64
    parents: tuple[tuple[int, ...], ...] = ()
    times: Int64 | None = None

    @property
    def sizes(self) -> list[int]:
        """Rows of each class."""
        sizes: list[int] = np.bincount(self.classes).tolist()
        return sizes


def split_rows(
    listings: Listings,
    usable: Bool,
    targets: Int64 | None,
    ties: Sequence[Int64],
    config: TrainConfig,
) -> Sides:
    """Choose rows; rows that are tied to one another are on one side.

    Args:
        listings: All listings.
        usable: Whether a row has what the network takes, shape ``(n,)``.
        targets: What each row is to be taken for, or ``UNLABELLED``, shape ``(n,)``; None for a
            loss that needs no labels.
        ties: What ties rows beside labels and pictures, as ``super_components`` takes it.
        config: The training's settings.

    Raises:
        ConfigError: If there are not enough products for the split.
        DataError: If no row is left to train on, or none held out has a mate, or labels are
            missing.
    """
    train, held, test = _deal(listings, ties, config.validation, config.seed)
    train = train & usable
    if targets is not None:
        train &= targets != UNLABELLED
        train &= _sizes(np.where(train, targets, UNLABELLED)) >= config.source.least
    if not train.any():
        raise DataError(
            f"No listing is left to train on: of {len(listings):,}, {int(usable.sum()):,} have "
            f"what the network takes. Products of fewer than {config.source.least} listings "
            "(source.least) and those held out do not count."
        )
    held, test = held & usable, test & usable
    return Sides(np.flatnonzero(train), _measurable(listings, held), _measurable(listings, test))


def _measurable(listings: Listings, held: Bool) -> Int64:
    """Labelled rows among those held out, refused where none has a mate."""
    if not held.any():
        return np.empty(0, np.int64)
    groups = _groups(listings)
    held = held & (groups != UNLABELLED)
    if not (_sizes(np.where(held, groups, UNLABELLED)) >= 2).any():
        raise DataError(
            "No product that is held out has two listings, so nothing can be measured. "
            "Set validation.split: none, or another fold or test_fold."
        )
    return np.flatnonzero(held)


def _deal(
    listings: Listings, ties: Sequence[Int64], settings: Validation, seed: int
) -> tuple[Bool, Bool, Bool]:
    """Whether each row may be trained on, validated on, and tested on."""
    n = len(listings)
    nowhere = np.zeros(n, np.bool_)
    if settings.split == "none" and settings.test_fold is None:
        return ~nowhere, nowhere, nowhere
    components = tied_rows(listings, *ties)
    test = nowhere
    if settings.test_fold is not None:
        test = folds(components, settings.n_folds, seed) == settings.test_fold
    train, held = _train_or_held(listings, components, settings, seed)
    return train & ~test, held & ~test, test


def _train_or_held(
    listings: Listings, components: Int64, settings: Validation, seed: int
) -> tuple[Bool, Bool]:
    """Whether each row may be trained on, and whether it is validated on."""
    if settings.split == "none":
        return np.ones(len(listings), np.bool_), np.zeros(len(listings), np.bool_)
    if settings.split == "pairs":
        train, held = pairs_held_out(components, _groups(listings))
        if not held.any():
            raise DataError(
                "validation.split: pairs holds out products of exactly two listings, and there "
                "are none. Set split: folds."
            )
        return train, held
    held = folds(components, settings.n_folds, seed) == settings.fold
    return ~held, held


def number_classes(targets: Int64) -> Classes:
    """Number what rows are to be taken for from 0, without gaps.

    Example:
        >>> number_classes(np.array([7, 3, 7])).labels.tolist()
        [1, 0, 1]
    """
    classes = np.unique(targets, return_inverse=True)[1].astype(np.int64)
    return Classes(classes, classes)


def require_columns(listings: Listings, names: Sequence[str], setting: str) -> None:
    """Refuse to go on without some columns.

    Raises:
        ConfigError: If one is missing.
    """
    known = listings.extra.column_names if listings.extra is not None else []
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{setting} names the column {name!r}, which the table does not have. "
                f"It has: {', '.join(known)}."
            )


def code_levels(listings: Listings, names: Sequence[str]) -> Int64:
    """Code the paths of a hierarchy.

    Args:
        listings: Listings with a column for each level in ``extra``.
        names: Their names, the widest level first.

    Returns:
        Code of each row's path down to each level, shape ``(n, levels)``; equal names below
        different parents are different classes. ``UNLABELLED`` throughout where a level is
        empty.

    Raises:
        ConfigError: If there is no such column.
    """
    require_columns(listings, names, "source.levels")
    columns = [_texts(listings, name) for name in names]
    paths = list(zip(*columns, strict=True))
    whole = np.array([all(path) for path in paths], np.bool_)
    codes = np.empty((len(paths), len(names)), np.int64)
    for depth in range(len(names)):
        places: dict[tuple[str, ...], int] = {}
        for row, path in enumerate(paths):
            codes[row, depth] = places.setdefault(path[: depth + 1], len(places))
    codes[~whole] = UNLABELLED
    return codes


def count_times(listings: Listings, rows: Int64, repeat: Repeat | None) -> Int64 | None:
    """How often rows come up in an epoch, shape ``(n_rows,)``; None where all do so once.

    Raises:
        ConfigError: If there is no such column, or none of the rows has a value that is named.
    """
    if repeat is None:
        return None
    require_columns(listings, [repeat.column], "source.repeat.column")
    texts = _texts(listings, repeat.column)
    values = [texts[row] for row in rows.tolist()]
    for value in repeat.times.keys() - set(values):
        raise ConfigError(
            f"source.repeat.times names {value!r}, which no listing to train on has in its column "
            f"{repeat.column!r}. They have: {', '.join(sorted(set(values))[:NAMED])}."
        )
    return np.array([repeat.times.get(value, 1) for value in values], np.int64)


def number_levels(codes: Int64) -> Classes:
    """Number the classes of each level from 0, and find the class above each.

    Args:
        codes: As ``code_levels`` gives them, of the training rows, shape ``(n, levels)``.
    """
    labels = np.stack([np.unique(c, return_inverse=True)[1] for c in codes.T], axis=1)
    parents = []
    for depth in range(1, labels.shape[1]):
        _, first = np.unique(labels[:, depth], return_index=True)
        parents.append(tuple(labels[first, depth - 1].tolist()))
    return Classes(labels[:, -1].astype(np.int64), labels.astype(np.int64), tuple(parents))


def _groups(listings: Listings) -> Int64:
    if listings.groups is None:
        raise DataError(
            "Training by product needs labels. Name their column in source.columns, or take a "
            "loss without labels and validation.split: none."
        )
    return listings.groups


def _sizes(groups: Int64) -> Int64:
    """Rows of each row's group; 0 where it has none."""
    known = groups != UNLABELLED
    sizes = np.zeros(len(groups), np.int64)
    _, inverse, counts = np.unique(groups[known], return_inverse=True, return_counts=True)
    sizes[known] = counts[inverse]
    return sizes


def _texts(listings: Listings, name: str) -> list[str]:
    assert listings.extra is not None  # noqa: S101, found above
    return ["" if v is None else str(v) for v in listings.extra.column(name).to_pylist()]
