"""Hash tables on disk, in shards of rows, read through memory maps.

A shard is two or three ``.npy`` files: of every table the sorted keys, the rows in that order,
and, where wanted, the bits of each row. A folder is written aside, checksummed and renamed, so
that it is there as a whole or not at all. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError
from matcher.search._join import ragged
from matcher.types import Int64, UInt64

SHARD_ROWS = 2**18
MANIFEST = "manifest.json"
READ_BYTES = 2**22
Arrays = Mapping[str, NDArray[Any]]


class Shard(NamedTuple):
    """The tables of some consecutive rows.

    Attributes:
        start: Number of the first row.
        keys: Sorted, of every table; uint32, shape ``(n_tables, m)``.
        order: The row, less ``start``, that has each key; int32, same shape.
        bits: All bits of each row, packed; uint64, shape ``(m, words)``; no words where
            nobody asks for them.
    """

    start: int
    keys: NDArray[np.uint32]
    order: NDArray[np.int32]
    bits: UInt64

    @classmethod
    def of(cls, start: int, keys: NDArray[np.uint32], bits: UInt64) -> Self:
        """Sort the keys, shape ``(m, n_tables)``, of the rows from ``start``."""
        by_table = np.ascontiguousarray(keys.T)
        order = np.argsort(by_table, axis=1, kind="stable")
        sorted_keys = np.take_along_axis(by_table, order, axis=1)
        return cls(start, sorted_keys, order.astype(np.int32), bits)

    def spans(self, table: int, keys: NDArray[np.uint32]) -> tuple[Int64, Int64]:
        """Where the bucket of each key begins, and how many rows it holds."""
        begins = np.searchsorted(self.keys[table], keys, side="left")
        return begins, np.searchsorted(self.keys[table], keys, side="right") - begins

    def rows_at(self, table: int, begins: Int64, sizes: Int64) -> Int64:
        """The rows of some buckets, one after the other."""
        rows: Int64 = self.order[table][ragged(begins, sizes)].astype(np.int64)
        return rows + self.start


def write_shards(folder: Path, starts: list[int], make: Callable[[int], Shard]) -> None:
    """Write all shards, one after the other, so that the folder is there whole or not at all.

    Raises:
        StoreError: If it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(mkdtemp(prefix=".writing-", dir=folder.parent))
        try:
            sums = {}
            for number, start in enumerate(starts):
                for name, array in _arrays(make(start)).items():
                    path = aside / f"{name}-{number}.npy"
                    _write(path, array)
                    sums[path.name] = _checksum(path)
            manifest = json.dumps({"starts": starts, "files": sums}, indent=2)
            (aside / MANIFEST).write_text(manifest, encoding="utf-8")
            _put_in_place(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"The hash tables could not be written to {folder}: {error.strerror or error}. "
            "Name another folder with lsh.folder, or none for a temporary one."
        ) from error


def open_shards(folder: Path, n_tables: int, n_rows: int) -> list[Shard]:
    """Check every file against its checksum, then map it into memory.

    Raises:
        StoreError: If a file is missing, damaged, or not what was written.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        starts, sums = list(manifest["starts"]), dict(manifest["files"])
        wrong = [name for name, digest in sums.items() if _checksum(folder / name) != digest]
        if wrong:
            raise ValueError(f"{wrong[0]} is not what was written")
        shards = [_map(folder, number, start) for number, start in enumerate(starts)]
        if any(len(s.keys) != n_tables for s in shards) or _n_rows(shards) != n_rows:
            raise ValueError("it holds other rows")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The hash tables in {folder} are damaged: {error}. Delete that folder; they are "
            "then made again."
        ) from error
    return shards


def _n_rows(shards: list[Shard]) -> int:
    return sum(shard.keys.shape[1] for shard in shards)


def _map(folder: Path, number: int, start: int) -> Shard:
    maps = (
        np.load(folder / f"{name}-{number}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("keys", "order", "bits")
    )
    return Shard(start, *maps)


def _arrays(shard: Shard) -> Arrays:
    return {"keys": shard.keys, "order": shard.order, "bits": shard.bits}


def _write(path: Path, array: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _checksum(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(READ_BYTES):
            digest.update(part)
    return digest.hexdigest()


def _put_in_place(aside: Path, folder: Path) -> None:
    """Rename; where another process was faster, its folder has the same content."""
    try:
        aside.rename(folder)
    except OSError:
        if not (folder / MANIFEST).exists():
            raise
