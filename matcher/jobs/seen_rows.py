"""Listings that an encoder of a run was trained on: nothing is fitted to them, or scored on them.

An encoder that a training made has learnt which of those listings belong together, so that their
scores are far better than those of others. Its folder says which they are, those of the trainings
that it went on from (``init_from``) included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.io.atomic import OutputFolder
from matcher.io.outputs import safe_texts, spreadsheet_safe, write_csv
from matcher.io.tables import read_table
from matcher.jobs.train_files import SPLIT, read_sides
from matcher.training.trained_rows import (
    FOLDER,
    NOTHING,
    load_chosen,
    load_trained,
    picture_digests,
    title_digests,
)
from matcher.types import UNLABELLED, Int64, Listings, UInt64

TRAINED_ON = "trained-on.csv"
COLUMNS = ("listing_id", "run")
UNSCORED = "trained on by an encoder (trained-on.csv): no metrics are given, they mean nothing"
CHOSEN = (
    "held out by a training, which chose its weights by them, as thresholds may have been: the "
    "metrics are too good to expect elsewhere"
)
UNSUSPECTED = "trained on by an encoder: a wrong label may look right to it"


def find_seen(
    config: RunConfig, listings: Listings, names: Iterable[str] | None = None
) -> dict[str, Int64]:
    """Find the listings that encoders of a config were trained on; see ``find_known``."""
    return find_known(config, listings, names)[0]


def find_known(
    config: RunConfig, listings: Listings, names: Iterable[str] | None = None
) -> tuple[dict[str, Int64], dict[str, Int64]]:
    """Find the listings that encoders of a config were trained on, and chosen by.

    Titles are told by id and text, pictures by their content: each file is read once, where the
    config has an encoder of pictures that a training made.

    Args:
        config: Whose encoders.
        listings: Any listings.
        names: Modalities that count; None for all.

    Returns:
        By folder of the run the rows that it was trained on, rising; and likewise those that its
        weights were chosen by. Runs that know none are left out.

    Raises:
        StoreError: If a run does not say any more what it was trained on.
    """
    digests: dict[str, UInt64] = {}
    learnt: dict[str, Int64] = {}
    chosen: dict[str, Int64] = {}
    for folder in _runs(config, config.encoders if names is None else names):
        kind, trained = load_trained(folder)
        if kind not in digests:
            make = picture_digests if kind == "pictures" else title_digests
            digests[kind] = make(listings)
        read = digests[kind] != NOTHING
        for found, known in ((learnt, trained), (chosen, load_chosen(folder))):
            rows = np.flatnonzero(np.isin(digests[kind], known) & read)
            if len(rows):
                found[str(folder)] = rows
    return learnt, chosen


def _runs(config: RunConfig, names: Iterable[str]) -> list[Path]:
    """Folders of the trainings that made the encoders; most configs have none."""
    made = (config.encoders[name].make() for name in names if name in config.encoders)
    found = (getattr(encoder, "weights_folder", None) for encoder in made)
    folders = dict.fromkeys(folder for folder in found if folder is not None)
    return [folder for folder in folders if (folder / FOLDER).is_dir()]


def refuse_seen(
    config: RunConfig, listings: Listings, rows: Int64 | None = None, what: str = "be scored"
) -> None:
    """Refuse to fit thresholds to, or to score, what an encoder was trained on.

    Args:
        config: Whose encoders.
        listings: The listings.
        rows: Those that count; None for all that have a label.
        what: What they are to do, for the message.

    Raises:
        DataError: If a run was trained on any of them.
        StoreError: If a run does not say any more what it was trained on.
    """
    rows = _labelled(listings) if rows is None else rows
    for folder, seen in find_seen(config, listings).items():
        found = rows[np.isin(rows, seen)]
        if len(found):
            raise DataError(
                f"{folder} was trained on {len(found):,} of the {len(rows):,} listings that are "
                f"to {what}, such as {listings.ids[found[0]]!r}: its scores for them are far too "
                f"good. {_way_out(Path(folder))}"
            )


def _way_out(folder: Path) -> str:
    if (folder / SPLIT).exists():
        return (
            f"Use the labels of listings that it held out: {folder}/{SPLIT} names them, and "
            "`matcher tune --held-out-by` takes no others."
        )
    return "Use the labels of other listings, or leave that encoder out (--encoders)."


def only_held_out(listings: Listings, run: str | Path) -> Listings:
    """Drop all labels but those of the listings that a training held out to choose weights by.

    All listings stay, so that the gallery keeps its size.

    Args:
        listings: Those that the run was given, or some of them.
        run: Folder of the run.

    Raises:
        DataError: If there are no labels, if the run does not know a listing, or held out none.
        StoreError: If the folder is of no training.
    """
    if listings.groups is None:
        raise DataError("Tuning needs labels. Name their column with --group.")
    held = read_sides(Path(run), listings) == "held_out"
    if not held.any():
        raise DataError(
            f"{run} held out none of the {len(listings):,} listings to choose weights by. Train "
            "with validation.split: folds."
        )
    return replace(listings, groups=np.where(held, listings.groups, UNLABELLED))


def without_labels(listings: Listings, seen: Mapping[str, Int64]) -> Listings:
    """The listings without their labels where an encoder has learnt some; else as they are."""
    return replace(listings, groups=None) if count_learnt(listings, seen) else listings


def count_learnt(listings: Listings, seen: Mapping[str, Int64]) -> int:
    """Number of labelled listings among those that encoders were trained on."""
    labelled = _labelled(listings)
    return int(np.isin(labelled, np.concatenate([labelled[:0], *seen.values()])).sum())


def write_seen(
    sources: Sequence[tuple[Sequence[str], Mapping[str, Int64]]], out: OutputFolder
) -> None:
    """Write ``trained-on.csv``: the listings that encoders were trained on, if there are any.

    Args:
        sources: Of each table its ids, and by run the rows that it was trained on.
        out: The folder, entered.
    """
    told = [
        (ids[row], run)
        for ids, seen in sources
        for run, rows in seen.items()
        for row in rows.tolist()
    ]
    if not told:
        out.discard(TRAINED_ON)
        return
    cells = (spreadsheet_safe(pa.array(texts, pa.string())) for texts in zip(*told, strict=True))
    write_csv(pa.table(list(cells), names=COLUMNS), out.file(TRAINED_ON))


def refuse_matches(matches: Path, listings: Listings) -> None:
    """Refuse to score matches of listings that an encoder behind them was trained on.

    Args:
        matches: A file of matches; a run that such an encoder took part in has left
            ``trained-on.csv`` beside it.
        listings: With the labels that the matches are to be scored by.

    Raises:
        DataError: If any of the labelled ones is named there, or that is another file.
    """
    path = matches.parent / TRAINED_ON
    if not path.exists():
        return
    table = read_table(path)
    if not set(COLUMNS) <= set(table.names):
        raise DataError(
            f"{path} says which listings an encoder behind these matches was trained on, in the "
            f"columns {' and '.join(COLUMNS)}. Received: {', '.join(table.names)}. Match again, or "
            "remove it if it is not of a run of matcher."
        )
    cells = [table.text(table.names.index(name))[0].to_pylist() for name in COLUMNS]
    learnt = dict(zip(*cells, strict=True))
    rows, written = _labelled(listings), safe_texts(listings.ids)
    found = [row for row in rows.tolist() if written[row] in learnt]
    if found:
        raise DataError(
            f"{learnt[written[found[0]]]}, an encoder behind these matches, was trained on "
            f"{len(found):,} of the {len(rows):,} labelled listings, such as "
            f"{listings.ids[found[0]]!r}: the figure would mean nothing. Leave the labels of those "
            f"in {path} empty, and the others are scored."
        )


def _labelled(listings: Listings) -> Int64:
    if listings.groups is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(listings.groups != UNLABELLED)
