"""Which listings a training takes, and what for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from matcher.errors import DataError, StoreError
from matcher.io.shipped import Kind, named_folder
from matcher.training.networks import Network
from matcher.training.rows import (
    Classes,
    Sides,
    code_levels,
    count_times,
    number_classes,
    number_levels,
    split_rows,
)
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import (
    FOLDER,
    codes_of,
    load_trained,
    picture_digests,
    refuse_chosen,
    refuse_trained,
    title_digests,
)
from matcher.types import Int64, Listings, UInt64


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a training.

    Attributes:
        listings: The table.
        sides: Rows to train on, to choose weights by, and to test on.
        classes: What the first are to be taken for.
        digests: Of the content of every row of the table.
    """

    listings: Listings
    sides: Sides
    classes: Classes
    digests: UInt64

    @property
    def counts(self) -> dict[str, int]:
        """How many there are."""
        sides = self.sides
        return {
            "listings": len(self.listings),
            "trained_listings": len(sides.train),
            "trained_classes": len(self.classes.sizes),
            "held_out_listings": len(sides.held),
            "held_out_products": self._count_products(sides.held),
            "test_listings": len(sides.test),
            "test_products": self._count_products(sides.test),
        }

    def _count_products(self, rows: Int64) -> int:
        groups = self.listings.groups
        return 0 if groups is None else len(np.unique(groups[rows]))


def choose_rows(network: Network, config: TrainConfig) -> Rows:
    """Choose what is trained on and what is held out."""
    listings, pictures = network.listings, config.image is not None
    digests = picture_digests(listings) if pictures else title_digests(listings)
    ties = _ties(listings, digests if pictures else None, config)
    if config.source.levels:
        codes = code_levels(listings, config.source.levels)
        sides = split_rows(listings, network.usable, codes[:, -1], ties, config)
        classes = number_levels(codes[sides.train])
    elif config.loss.labels == "views":
        sides = split_rows(listings, network.usable, None, ties, config)
        classes = number_classes(np.arange(len(sides.train)))
    else:
        sides = split_rows(listings, network.usable, _labels(listings), ties, config)
        classes = number_classes(_labels(listings)[sides.train])
    times = count_times(listings, sides.train, config.source.repeat)
    return Rows(listings, sides, replace(classes, times=times), digests)


def run_before(config: TrainConfig) -> Path | None:
    """Folder of the training that this one goes on from, by ``init_from`` or as its weights.

    Raises:
        StoreError: If it does not say what it was trained on.
    """
    network = config.image or config.title
    assert network is not None  # noqa: S101, a config has one of the two
    kind: Kind = "title" if config.image is None else "image"
    folder = named_folder(config.init_from or network.weights, kind)
    if config.init_from is None and not (folder / FOLDER).is_dir():
        return None
    try:
        load_trained(folder)
    except StoreError as error:
        raise StoreError(
            f"{error} What {folder} was trained on must be known to go on from it: name the "
            f"whole folder that `matcher train` wrote, with its {FOLDER!r} as it was."
        ) from error
    return folder


def refuse_leaks(before: Path, rows: Rows) -> None:
    """Refuse to validate or test on what an earlier run has learnt, or to test on its choice.

    Raises:
        DataError: If a row was trained on by it, or one to test on was chosen by.
    """
    sides, listings = rows.sides, rows.listings
    refuse_trained(before, listings, np.concatenate([sides.held, sides.test]), rows.digests)
    refuse_chosen(before, listings, sides.test, rows.digests)


def _labels(listings: Listings) -> Int64:
    if listings.groups is None:
        raise DataError(
            f"{len(listings):,} listings have no labels to train on. Name their column in "
            "source.columns.group, or take the loss 'simclr', which needs none."
        )
    return listings.groups


def _ties(listings: Listings, digests: UInt64 | None, config: TrainConfig) -> list[Int64]:
    """Pictures of equal content and, where that is asked for, of equal perceptual hash.

    They tie titles as well, so that a training on titles and one on pictures share a split.
    """
    whole = config.validation.split == "none" and config.validation.test_fold is None
    if digests is None:
        if whole or not any(listings.images):
            return []
        digests = picture_digests(listings)
    ties = [codes_of(digests)]
    if config.source.tie_phash and not whole:
        from matcher.encoders.phash import Spec

        hashes = Spec().fit(listings).encode(listings)
        codes = np.unique(hashes.codes, return_inverse=True)[1].astype(np.int64)
        ties.append(np.where(hashes.present, codes, -1))
    return ties
