"""The files of the vector cache: their names, their sizes, and how they are emptied."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from matcher.errors import ConfigError, StoreError
from matcher.io.cache_place import cache_folder

FOLDER = "vectors"
ENDING = ".sqlite"
LIMIT = "MATCHER_CACHE_GB"
# What this package calls its files; another file in the folder is not touched.
_NAME = re.compile(r".*-[0-9a-f]{16}" + re.escape(ENDING))
MOST_GB = 10.0  # 1.9 million vectors of 1,280 dimensions


class CacheFullError(OSError):
    """The files of the cache may not grow."""


@dataclass(frozen=True, slots=True)
class VectorFile:
    """What the cache holds of one encoder.

    Attributes:
        path: The file.
        made_by: Fingerprint of the encoder, and versions; empty where the file is damaged.
        n_vectors: Number of vectors.
        n_bytes: Size of the file.
    """

    path: Path
    made_by: str
    n_vectors: int
    n_bytes: int


def vectors_folder() -> Path | None:
    """The folder of the files, which may not exist yet; None where nothing is to be kept."""
    folder = cache_folder()
    return None if folder is None else folder / FOLDER


def file_name(source: str, about: str) -> str:
    """Name of a file: some of the encoder's fingerprint for people, and a digest of all."""
    shown = re.sub(r"[^\w.]+", "-", source)[:60].strip("-.")
    return f"{shown}-{blake2b(about.encode(), digest_size=8).hexdigest()}{ENDING}"


def make_room(path: Path, n_bytes: int, limit: float) -> None:
    """Make sure that a file may grow: remove others, those not used for longest first.

    Args:
        path: The file that is to grow.
        n_bytes: By how much.
        limit: Bytes that all files together may hold.

    Raises:
        CacheFullError: If it would be too large even by itself: then none is removed.
    """
    sizes = dict(_files(path.parent))
    own = sizes.pop(path).st_size if path in sizes else 0
    total = own + sum(found.st_size for found in sizes.values()) + n_bytes
    if own + n_bytes <= limit:
        for file in sorted(sizes, key=lambda file: (sizes[file].st_mtime_ns, file)):
            if total > limit and remove(file):
                total -= sizes[file].st_size
    if total > limit:
        raise CacheFullError(
            f"it may hold {limit / 1e9:g} GB; set {LIMIT} to more, or empty it with "
            "'matcher cache --clear'"
        )


def size_limit() -> float:
    """Bytes that all files together may hold: ``MATCHER_CACHE_GB``, by default 10.

    Raises:
        ConfigError: If that is no number of 0 or more.
    """
    given = os.environ.get(LIMIT, str(MOST_GB))
    try:
        size = float(given)
    except ValueError:
        size = -1.0
    if not size >= 0:
        raise ConfigError(f"{LIMIT} is a number of gigabytes, at least 0. Received: {given!r}.")
    return size * 1e9


def list_vectors(folder: Path) -> list[VectorFile]:
    """Say what each file of the cache holds, by name."""
    return [VectorFile(file, *_look_into(file), found.st_size) for file, found in _files(folder)]


def clear_vectors(folder: Path) -> int:
    """Remove all files of the cache; a run that is using one goes on without.

    Returns:
        Bytes that are free again.

    Raises:
        StoreError: If a file cannot be removed.
    """
    freed = 0
    for file, found in _files(folder):
        if not remove(file):
            raise StoreError(f"{file} cannot be removed. End what is using it, or delete it.")
        freed += found.st_size
    return freed


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Files that this package has made, by name; those removed meanwhile are left out."""
    for file in sorted(folder.glob(f"*{ENDING}")):
        with suppress(OSError):
            found = file.lstat()
            if stat.S_ISREG(found.st_mode) and _NAME.fullmatch(file.name):
                yield file, found


def _look_into(file: Path) -> tuple[str, int]:
    """Who made the vectors of a file, and how many there are."""
    try:
        address = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            (made_by,) = connection.execute("SELECT made_by FROM about").fetchone()
            (n_vectors,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
            return str(made_by), int(n_vectors)
    except (sqlite3.Error, TypeError, ValueError):
        return "", 0


def remove(file: Path) -> bool:
    """Remove a file and its journal; False where the system does not let us."""
    try:
        for path in (file, file.with_name(f"{file.name}-journal")):
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
