"""The small files of a run: its settings, its report, and what it depended on."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from matcher.errors import DataError, StoreError
from matcher.io.atomic import write_atomically
from matcher.io.outputs import safe_texts, write_csv
from matcher.io.tables import read_table
from matcher.io.versions import digest_of_code
from matcher.training.rows import Sides
from matcher.training.settings import TrainConfig
from matcher.types import Listings, UInt64

log = logging.getLogger(__name__)

RUN = "run.json"
SETTINGS = "training.yaml"
SPLIT = "split.csv"
SIDES = ("train", "held_out", "test")
UNUSED = "unused"
# Code that decides what a training gives.
_CODE = ("training/*.py", "models/*.py", "losses/*.py", "encoders/_*.py", "io/*.py")


def write_config(config: TrainConfig, folder: Path) -> None:
    """Write the settings, those not given included, so that they can be run again."""
    text = yaml.safe_dump(config.dump(), sort_keys=False, allow_unicode=True)
    write_atomically(folder / SETTINGS, lambda aside: aside.write_text(text, encoding="utf-8"))


def write_sides(folder: Path, listings: Listings, sides: Sides) -> None:
    """Write ``split.csv``: which side of the training each listing was on."""
    told = np.full(len(listings), UNUSED, dtype=object)
    for name, rows in zip(SIDES, (sides.train, sides.held, sides.test), strict=True):
        told[rows] = name
    ids = safe_texts(listings.ids)
    write_csv(pa.table({"listing_id": ids, "side": told.tolist()}), folder / SPLIT)


def read_sides(folder: Path, listings: Listings) -> NDArray[np.str_]:
    """Read the side of each listing: ``train``, ``held_out``, ``test`` or ``unused``.

    Args:
        folder: Of a run.
        listings: The listings that it was trained on and held out, or some of them.

    Returns:
        Shape ``(n,)``.

    Raises:
        DataError: If the run does not know a listing.
        StoreError: If there is no such file, or it is damaged.
    """
    path = folder / SPLIT
    if not path.exists():
        raise StoreError(f"{path} does not exist; is {folder} a finished training?")
    table = read_table(path)
    if table.names != ("listing_id", "side"):
        raise StoreError(f"{path} is damaged: its columns are {', '.join(table.names)}.")
    ids, told = (column.to_pylist() for column in table.columns)
    known = dict(zip(ids, told, strict=True))
    if len(known) < len(ids):
        raise StoreError(
            f"{path} names a listing twice, or two that differ by a first ' alone: rename one, and "
            "train again."
        )
    written = safe_texts(listings.ids)
    missing = [name for name, cell in zip(listings.ids, written, strict=True) if cell not in known]
    if missing:
        raise DataError(
            f"{len(missing):,} of {len(listings):,} listings are not in {path}, such as "
            f"{missing[0]!r}: name the table that the run was trained on."
        )
    return np.array([known[cell] for cell in written], np.str_)


def read_run(folder: Path) -> dict[str, Any]:
    """Read ``run.json``; empty where there is none.

    Raises:
        StoreError: If it is damaged or of another command.
    """
    path = folder / RUN
    if not path.exists():
        return {}
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is damaged. Remove it, or name another folder.") from error
    if not isinstance(run, dict) or run.get("command") != "train":
        raise StoreError(f"{path} is not of a training. Name another folder with --out.")
    return run


def digest_rows(ids: Iterable[str], digests: UInt64, labels: str) -> str:
    """Hash ids, the content of each row, and labels: 32 hex digits."""
    digest = blake2b(digest_size=16)
    digest.update(json.dumps(list(ids)).encode() + digests.astype("<u8").tobytes())
    digest.update(labels.encode())
    return digest.hexdigest()


def code_version() -> dict[str, str]:
    """Version of the package, and a hash of the code that trains."""
    try:
        release = version("matcher")
    except PackageNotFoundError:
        release = "unknown"
    return {"version": release, "sha256": digest_of_code(*_CODE)}


def warn_of_other_code(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Say so where a run goes on with other code or libraries than it began with."""
    if earlier.get("code") != now["code"] or earlier.get("versions") != now["versions"]:
        log.warning(
            "the run began with another version of this package or of a library; it goes on, "
            "but may not end with the weights that it would have had"
        )
