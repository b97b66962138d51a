"""Tables that the base listings are read from and written to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.errors import DataError
from matcher.io.outputs import write_csv
from matcher.io.tables import read_table


def read_columns(path: Path, *names: str) -> list[tuple[str, ...]]:
    """Rows of a table, some columns of them, as text.

    Raises:
        DataError: If the file or a column is missing, or it is no table.
    """
    table = read_table(path)
    missing = [name for name in names if name not in table.names]
    if missing:
        raise DataError(
            f"{path} needs the columns {', '.join(names)}. Missing: {', '.join(missing)}. "
            f"It has: {', '.join(table.names)}."
        )
    columns = [table.text(table.names.index(name))[0].to_pylist() for name in names]
    return list(zip(*columns, strict=True))


def write_rows(rows: Sequence[Any], kind: type, path: Path) -> None:
    """Write dataclasses of one kind as a CSV file, a column a field."""
    names = [field.name for field in fields(kind)]
    cells = {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in names}
    write_csv(pa.table(cells), path)


def draw_number(seed: int, *key: str) -> int:
    """A whole number in [0, 2**64) that seed and key alone decide, whatever else there is."""
    text = "\0".join([str(seed), *key])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")


def draw_share(seed: int, *key: str) -> float:
    """The same as a number in [0, 1)."""
    return draw_number(seed, *key) % 1_000_000 / 1_000_000


def make_rng(seed: int, *key: str) -> np.random.Generator:
    """Random numbers that seed and key alone decide."""
    return np.random.default_rng(draw_number(seed, *key))
