"""A table as it was found, before anything in it is understood."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.errors import DataError
from matcher.types import Int64

log = logging.getLogger("matcher.io")

MAX_PLACES = 5
MAX_UNDECODABLE = 0.01
KINDS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class RawTable:
    """Columns by position, and where a person finds a row of them.

    Attributes:
        names: Column names; they may repeat.
        columns: Chunked arrays of one length, in the order of ``names``.
        where: What to call the table in messages.
        unit: What ``numbers`` counts: "line" of a file or "row" of a table.
        numbers: Turns row indices into the numbers that a person would look for.
        problems: What was wrong with a row.
    """

    names: tuple[str, ...]
    columns: tuple[pa.ChunkedArray, ...]
    where: str
    unit: str = "row"
    numbers: Callable[[Int64], Int64] = np.asarray
    problems: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def place(self, rows: Int64) -> str:
        """Say where some rows are, e.g. "lines 3, 7 and 12 more"."""
        return say_places(self.unit, [str(n) for n in self.numbers(rows[:MAX_PLACES])], len(rows))

    def take(self, rows: Int64) -> RawTable:
        """Keep some rows, in increasing order."""
        if len(rows) == len(self):
            return self
        kept = enumerate(rows.tolist() if self.problems else [])
        problems = {new: self.problems[old] for new, old in kept if old in self.problems}
        numbers = self.numbers
        return RawTable(
            self.names,
            tuple(column.take(pa.array(rows)) for column in self.columns),
            self.where,
            self.unit,
            lambda some: numbers(rows[some]),
            problems,
        )

    def text(self, position: int) -> tuple[pa.ChunkedArray, Int64]:
        """Read a column as text.

        Returns:
            The cells as large_string, "" where there is none; and the rows that held bytes
            that are no UTF-8.

        Raises:
            DataError: If the column holds lists or the like, or hardly any UTF-8.
        """
        column = self.columns[position]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if _holds_bytes(column.type):
            column, rows = _decode(column)
            check_decoded(self, rows)
            return column, rows
        try:
            column = column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{self.where}: column {self.names[position]!r} must hold text. "
                f"Received: {column.type}."
            ) from error
        return pc.fill_null(column, ""), np.empty(0, np.int64)


def say_places(unit: str, numbers: list[str], n_all: int) -> str:
    """Name the first few of ``n_all`` places, e.g. "lines 3, 7 and 12 more"."""
    shown = numbers[:MAX_PLACES]
    more = f" and {n_all - len(shown)} more" if n_all > len(shown) else ""
    return f"{unit}{'s' if n_all > 1 else ''} {', '.join(shown)}{more}"


def check_decoded(table: RawTable, rows: Int64) -> None:
    """Raise DataError if too many rows held bytes that are no UTF-8."""
    if len(rows) > MAX_UNDECODABLE * len(table):
        raise DataError(
            f"{table.where} is not in UTF-8: {len(rows)} of {len(table)} rows hold other bytes, "
            f"the first in {table.place(rows[:1])}. Name its encoding, e.g. --encoding cp1252."
        )


def _holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column is text or bytes; text read from Parquet need not be valid either."""
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _decode(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Int64]:
    """Check that a column is UTF-8, and put U+FFFD where it is not."""
    cells = pc.fill_null(column.cast(pa.large_binary()), b"")
    try:
        return cells.cast(pa.large_string()), np.empty(0, np.int64)
    except pa.ArrowInvalid:
        pass
    texts, rows = [], []
    for row, cell in enumerate(cells.to_pylist()):
        text = cell.decode("utf-8", "replace")
        if text.encode("utf-8") != cell:
            rows.append(row)
        texts.append(text)
    return pa.chunked_array([pa.array(texts, pa.large_string())]), np.array(rows, np.int64)


@dataclass(frozen=True, slots=True)
class Notes:
    """Gathers what is wrong with rows that stay."""

    table: RawTable
    problems: dict[int, str] = field(default_factory=dict)

    def add(self, problems: Mapping[int, str], topic: str) -> None:
        """Keep the problem of each row, and warn once of each kind."""
        if not problems:
            return
        for row, problem in problems.items():
            before = f"{self.problems[row]}; " if row in self.problems else ""
            self.problems[row] = f"{before}{topic} {problem}"
        kinds: dict[str, list[int]] = {}
        for row, problem in sorted(problems.items()):
            kinds.setdefault(problem, []).append(row)
        for problem, rows in list(kinds.items())[:KINDS_SHOWN]:
            place = self.table.place(np.array(rows, np.int64))
            log.warning("%s: %s %s (%s)", self.table.where, topic, problem, place)
        if len(kinds) > KINDS_SHOWN:
            rest = len(kinds) - KINDS_SHOWN
            log.warning("%s: %s: and %d more kinds of trouble", self.table.where, topic, rest)
