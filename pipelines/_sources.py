"""Titles that a run was trained on, as they stand in the tables that its own was made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matcher.types import Listings, UInt64


def find_in_sources(run: Path, sources: Sequence[str]) -> tuple[UInt64, UInt64]:
    """Digest rows of other tables whose title a run was trained on, or chosen by.

    Args:
        run: Folder of a training on titles.
        sources: Tables, each with ``=COLUMNS`` or without; readings are parted by ``;``.

    Returns:
        Digests of rows trained on, and of those chosen by.

    Raises:
        DataError: If no title of a table is known to the run.
        StoreError: If the folder is of no training.
    """
    import numpy as np

    from matcher.errors import DataError
    from matcher.io.listings import read_listings
    from matcher.jobs.train_files import SETTINGS, read_sides
    from matcher.training.settings import TrainConfig
    from matcher.training.trained_rows import title_digests

    nothing = np.zeros(0, np.uint64)
    if not sources:
        return nothing, nothing
    source = TrainConfig.load(run / SETTINGS).source
    own = read_listings(source.listings, source.images, source.columns)
    titles, sides = np.array(own.titles, object), read_sides(run, own)
    known = [set(titles[sides == side].tolist()) for side in ("train", "held_out")]
    found: tuple[list[UInt64], list[UInt64]] = ([nothing], [nothing])
    for table in sources:
        readings = _read(table)
        digests = [title_digests(listings) for listings in readings]
        rows = [
            np.any([[t in some for t in listings.titles] for listings in readings], axis=0)
            for some in known
        ]
        if not rows[0].any():
            raise DataError(
                f"{run} was trained on none of the titles of {table}. Name the columns that made "
                "its titles: TABLE=COLUMNS."
            )
        for kept, some in zip(found, rows, strict=True):
            kept += [digest[some] for digest in digests]
        print(f"{table}: {rows[0].sum():,} of {len(rows[0]):,} rows trained on")
    trained, chosen = (np.unique(np.concatenate(kept)) for kept in found)
    return trained[trained != 0], chosen[chosen != 0]  # 0 stands for no title


def _read(source: str) -> list[Listings]:
    """A table in each of its readings."""
    from matcher.io.columns import Columns
    from matcher.io.listings import read_listings

    path, _, columns = source.partition("=")
    if not columns:
        return [read_listings(Path(path))]
    return [read_listings(Path(path), columns=Columns(title=one)) for one in columns.split(";")]
