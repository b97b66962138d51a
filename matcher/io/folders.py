"""A tree of pictures in which each folder is one product."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from matcher.errors import DataError
from matcher.io.raw import log, say_places
from matcher.types import UNLABELLED, ImageRef, Int64, Listings

PICTURE_ENDINGS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
)
TABLE_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")


def read_folder(root: Path) -> Listings:
    """Read a tree of pictures: every picture is a listing, every folder a product.

    The id is the file name without its ending where that is unique in the tree, else the path
    below ``root`` without its ending, else the path; white space becomes ``_``. Pictures right
    in ``root`` are of no known product. Hidden files and folders are passed over, links to
    folders are not followed. ``extra`` holds the path of each picture below ``root``.

    Raises:
        DataError: If the tree holds no pictures, or a table beside them.
    """
    files = sorted(_walk(root))
    pictures = [file for file in files if file.suffix.lower() in PICTURE_ENDINGS]
    _check_content(root, files, pictures)
    others = [str(file) for file in files if file.suffix.lower() not in PICTURE_ENDINGS]
    if others:
        log.warning("%s: left out %s", root, say_places("other file", others, len(others)))
    return Listings(
        ids=_name_pictures(root, pictures),
        titles=("",) * len(pictures),
        images=tuple(ImageRef(root / file) for file in pictures),
        groups=_group_by_folder(pictures),
        extra=pa.table({"path": [_readable(str(file)) for file in pictures]}),
    )


def _walk(root: Path) -> Iterator[PurePosixPath]:
    """Yield the files below ``root`` that are not hidden, relative to it."""

    def complain(error: OSError) -> None:
        log.warning("%s cannot be read: %s", error.filename, error.strerror)

    for folder, subfolders, names in os.walk(root, onerror=complain):
        subfolders[:] = [name for name in subfolders if _visible(name)]
        below = Path(folder).relative_to(root)
        yield from (PurePosixPath((below / name).as_posix()) for name in names if _visible(name))


def _visible(name: str) -> bool:
    return not name.startswith(".") and name not in ("__MACOSX", "Thumbs.db")


def _check_content(root: Path, files: list[PurePosixPath], pictures: list[PurePosixPath]) -> None:
    """Refuse a folder that is probably not meant to be read as a tree of products."""
    tables = [
        file.name
        for file in files
        if len(file.parts) == 1 and file.name.lower().endswith(TABLE_ENDINGS)
    ]
    if tables:
        raise DataError(
            f"{root} is a folder that holds tables. Name the one to read ({', '.join(tables[:5])}) "
            "or, to read pictures alone, a folder that holds only them."
        )
    if not pictures:
        raise DataError(f"{root} is a folder without pictures. Name a CSV or Parquet file.")


def _name_pictures(root: Path, pictures: list[PurePosixPath]) -> tuple[str, ...]:
    """Give each picture the shortest name that no other picture has."""
    ways: list[Callable[[PurePosixPath], str]] = [
        lambda file: file.stem,
        lambda file: str(file.with_suffix("")),
        str,
    ]
    ids = [""] * len(pictures)
    open_rows = list(range(len(pictures)))
    taken: set[str] = set()
    for way in ways:
        names = {row: _id_from(way(pictures[row])) for row in open_rows}
        counts = Counter(names.values())
        for row, name in names.items():
            if counts[name] == 1 and name not in taken:
                ids[row] = name
        open_rows = [row for row in open_rows if not ids[row]]
        taken.update(ids)
    if open_rows:
        first = pictures[open_rows[0]]
        raise DataError(
            f"{root} holds two pictures with the id {_id_from(str(first))!r}. Rename one."
        )
    return tuple(ids)


def _id_from(name: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]", "_", _readable(name))


def _readable(name: str) -> str:
    """File names on Linux are bytes and need not be UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _group_by_folder(pictures: list[PurePosixPath]) -> Int64 | None:
    """Number the folders in order; None if there are none."""
    folders = [str(file.parent) for file in pictures]
    named = [folder for folder in dict.fromkeys(folders) if folder != "."]
    if not named:
        return None
    codes = {folder: code for code, folder in enumerate(named)}
    return np.array([codes.get(folder, UNLABELLED) for folder in folders], np.int64)
