"""CSV files as people really write them."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from matcher.errors import ConfigError, DataError
from matcher.io.columns import KNOWN
from matcher.io.raw import RawTable, check_decoded, log, say_places
from matcher.types import Int64

DELIMITERS = (",", ";", "\t", "|")
SPELT_OUT = {"tab": "\t", "\\t": "\t"}
HEADER_BYTES = 1 << 20
BLOCK_BYTES = 1 << 26
# Bytes that no text file starts with, and what a file that does start so is.
SIGNATURES = {
    b"PAR1": "a Parquet file; give it a name that ends in .parquet",
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    codecs.BOM_UTF16_LE: "in UTF-16; pass --encoding utf-16",
    codecs.BOM_UTF16_BE: "in UTF-16; pass --encoding utf-16",
}
END = "\x1aend of file\x1a"


def parse_csv(content: bytes, where: str, encoding: str, delimiter: str | None) -> RawTable:
    """Parse a table whose first line that is not blank names its columns.

    Every cell stays text as it was written. Blank lines are skipped silently, rows with too
    many or too few cells with a warning. Quotes, doubled quotes and line breaks inside quotes
    are read as RFC 4180 has it.

    Args:
        content: The whole file, not compressed.
        where: What to call the file in messages.
        encoding: Name of a Python text encoding.
        delimiter: What separates two cells; None: detected from the header.

    Raises:
        ConfigError: If there is no such encoding or delimiter.
        DataError: If the file is no such table.
    """
    text, damaged = _as_utf8(content, where, encoding)
    header = _read_header(text, where, delimiter)
    records = _parse_records(text, header, where)
    if records.bad:
        _report_ragged(records, header, where)
    table = RawTable(header.names, records.columns, where, "line", records.line_counter(header))
    table = table.take(_rows_not_blank(records.columns))
    if damaged:
        table = _note_damage(table)
    return table


def _as_utf8(content: bytes, where: str, encoding: str) -> tuple[bytes, bool]:
    """Return the text as valid UTF-8 without byte order mark, and whether it was damaged."""
    try:
        name = codecs.lookup(encoding).name
        if name not in ("utf-8", "utf-8-sig"):
            return content.decode(encoding).removeprefix("\ufeff").encode("utf-8"), False
    except LookupError as error:
        raise ConfigError(f"Unknown text encoding {encoding!r}. Try utf-8 or cp1252.") from error
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, at) + 1
        raise DataError(f"{where} is not in {encoding}: see line {line} ({error}).") from error
    for signature, kind in SIGNATURES.items():
        if content.startswith(signature):
            raise DataError(f"{where} is {kind}.")
    text = content.removeprefix(codecs.BOM_UTF8)
    return (text, False) if _is_utf8(text) else (_replace_invalid(text), True)


def _is_utf8(text: bytes) -> bool:
    """Check without a decoded copy, which would take four times the memory."""
    offsets = pa.array([0, len(text)], pa.int64()).buffers()[1]
    whole = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(text)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _replace_invalid(text: bytes) -> bytes:
    """Put U+FFFD for bytes that are no UTF-8; commas, quotes and line breaks are never lost."""
    return text.decode("utf-8", "replace").encode("utf-8")


@dataclass(frozen=True, slots=True)
class _Header:
    """The first record.

    Attributes:
        names: Column names.
        delimiter: What separates two cells.
        n_bytes: Length up to the first row of data.
        n_lines: The same in lines of the file.
    """

    names: tuple[str, ...]
    delimiter: str
    n_bytes: int
    n_lines: int

    @property
    def quality(self) -> tuple[int, int]:
        """How likely this is the right way to split the line."""
        return sum(name.strip().casefold() in KNOWN for name in self.names), len(self.names)


def _read_header(text: bytes, where: str, delimiter: str | None) -> _Header:
    """Read the first record, with the delimiter that makes the most sense of it."""
    lines = text[:HEADER_BYTES].splitlines(keepends=True)
    if not any(line.strip() for line in lines):
        raise DataError(f"{where} is empty.")
    if delimiter is not None:
        delimiter = SPELT_OUT.get(delimiter, delimiter)
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
            raise ConfigError(f"delimiter must be one character, or tab. Received: {delimiter!r}.")
    tried = [_split_header(lines, d, where) for d in ([delimiter] if delimiter else DELIMITERS)]
    header = max(tried, key=lambda header: header.quality)
    if any("\0" in name for name in header.names):
        raise DataError(
            f"{where} is no text table: its first line holds NUL bytes. "
            "If it is in UTF-16, pass --encoding utf-16-le or utf-16-be."
        )
    return header


def _split_header(lines: list[bytes], delimiter: str, where: str) -> _Header:
    reader = csv.reader((line.decode("utf-8", "replace") for line in lines), delimiter=delimiter)
    try:
        names = next(row for row in reader if any(cell.strip() for cell in row))
    except (csv.Error, StopIteration) as error:
        raise DataError(f"{where}: the first line is no header of column names.") from error
    n_bytes = sum(len(line) for line in lines[: reader.line_num])
    return _Header(tuple(names), delimiter, n_bytes, reader.line_num)


@dataclass(frozen=True, slots=True)
class _Records:
    """What follows the header.

    Attributes:
        columns: The cells of the good records.
        bad: Number, counted from 1, and line breaks within each record that was left out.
    """

    columns: tuple[pa.ChunkedArray, ...]
    bad: list[tuple[int, int]] = field(default_factory=list)

    def line_counter(self, header: _Header) -> Callable[[Int64], Int64]:
        """Return what finds the first line of good records; it counts when first asked."""

        @cache
        def lines() -> Int64:
            return _first_lines(self, header)[0]

        return lambda rows: lines()[rows]


def _parse_records(text: bytes, header: _Header, where: str) -> _Records:
    """Split the rows of data into cells."""
    bad: list[tuple[int, int]] = []

    def leave_out(row: arrow_csv.InvalidRow) -> str:
        bad.append((row.number, row.text.count("\n")))
        return "skip"

    # A record of our own at the end comes back whole only if every quote was closed.
    last = header.delimiter.join([END] * len(header.names)).encode()
    gap = b"" if text.endswith((b"\n", b"\r")) else b"\n"
    body = b"".join([memoryview(text)[header.n_bytes :], gap, last])
    keys = [str(i) for i in range(len(header.names))]
    # Threads would lose the numbers of the rows left out.
    reading = arrow_csv.ReadOptions(
        use_threads=False, column_names=keys, block_size=min(len(body), BLOCK_BYTES)
    )
    parsing = arrow_csv.ParseOptions(
        delimiter=header.delimiter,
        newlines_in_values=True,
        ignore_empty_lines=False,
        invalid_row_handler=leave_out,
    )
    converting = arrow_csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string()))
    try:
        table = arrow_csv.read_csv(pa.BufferReader(body), reading, parsing, converting)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{where}: a row is longer than {BLOCK_BYTES >> 20} MiB. Is a quote never closed?"
        ) from error
    records = _Records(tuple(table.columns), bad)
    if len(table) == 0 or any(column[-1].as_py() != END for column in table.columns):
        line = max(int(lines.max(initial=0)) for lines in _first_lines(records, header))
        raise DataError(f"{where}: a quote opens in the row at line {line} and is never closed.")
    return _Records(tuple(column[:-1] for column in table.columns), bad)


def _first_lines(records: _Records, header: _Header) -> tuple[Int64, Int64]:
    """First line of each good record, and of each bad one, counted from 1."""
    breaks = sum(
        pc.count_substring(column, "\n").to_numpy().astype(np.int64) for column in records.columns
    )
    bad = np.array(records.bad, np.int64).reshape(-1, 2)
    n_records = len(records.columns[0]) + len(bad)
    is_bad = np.zeros(n_records, np.bool_)
    is_bad[bad[:, 0] - 1] = True
    lengths = np.ones(n_records, np.int64)
    lengths[is_bad] += bad[:, 1]
    lengths[~is_bad] += breaks
    first = header.n_lines + 1 + np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    return first[~is_bad], first[is_bad]


def _report_ragged(records: _Records, header: _Header, where: str) -> None:
    """Warn of records left out; refuse the table if they are the majority."""
    starts, n_bad = _first_lines(records, header)[1].tolist(), len(records.bad)
    spans = [
        f"{start}-{start + breaks}" if breaks else str(start)
        for start, (_, breaks) in zip(starts, records.bad, strict=True)
    ]
    places, n_good = say_places("line", spans, n_bad), len(records.columns[0])
    if n_bad > n_good:
        raise DataError(
            f"{where}: {n_bad} of {n_bad + n_good} rows have not the {len(header.names)} cells of "
            f"the header when split at {header.delimiter!r} ({places}). If the delimiter is "
            "wrong, name it with --delimiter."
        )
    log.warning(
        "%s: left out %d rows that have not the %d cells of the header (%s)",
        where,
        n_bad,
        len(header.names),
        places,
    )


def _rows_not_blank(columns: tuple[pa.ChunkedArray, ...]) -> Int64:
    """Rows with anything in them; spreadsheets leave empty ones behind."""
    filled = np.zeros(len(columns[0]), np.bool_)
    for column in columns:
        filled |= pc.binary_length(column).to_numpy() > 0
    return np.flatnonzero(filled)


def _note_damage(table: RawTable) -> RawTable:
    """Name the rows in which U+FFFD stands for bytes that are no UTF-8."""
    damaged = np.zeros(len(table), np.bool_)
    for column in table.columns:
        damaged |= pc.match_substring(column, "\ufffd").to_numpy()
    rows = np.flatnonzero(damaged)
    if not len(rows):  # it was in the header or in rows left out
        return table
    check_decoded(table, rows)
    log.warning("%s: bytes that are no UTF-8 in %s", table.where, table.place(rows))
    problems = dict.fromkeys(rows.tolist(), "bytes that are no UTF-8 became U+FFFD")
    return RawTable(table.names, table.columns, table.where, table.unit, table.numbers, problems)
