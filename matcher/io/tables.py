"""Tables in files and in memory, as columns of Arrow."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from matcher.errors import DataError
from matcher.io.csv_text import parse_csv
from matcher.io.raw import RawTable
from matcher.settings import suggest
from matcher.types import Int64

PARQUET_ENDINGS = (".parquet", ".pq")
GZIP_MAGIC = b"\x1f\x8b"
SURROGATES = re.compile("[\ud800-\udfff]")
CHECK_PATH = " Check the path; a relative one starts in the folder you are in."


def read_table(path: Path, encoding: str = "utf-8", delimiter: str | None = None) -> RawTable:
    """Read a CSV or a Parquet file.

    Args:
        path: Parquet if it ends in .parquet or .pq; else text, which may be gzipped.
        encoding: Encoding of the text; Parquet is always UTF-8.
        delimiter: What separates two cells of text; None: detected.

    Raises:
        ConfigError: If the encoding or the delimiter is unknown.
        DataError: If the file is missing or is no such table.
    """
    if path.suffix.lower() in PARQUET_ENDINGS:
        return _read_parquet(path)
    content = _read_bytes(path)
    if content.startswith(GZIP_MAGIC):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} is a damaged gzip file: {error}.") from error
    return parse_csv(content, str(path), encoding, delimiter)


def from_memory(table: Any) -> RawTable:
    """Take a table of the Python API.

    Args:
        table: ``pandas.DataFrame``, ``pyarrow.Table``, or anything that Arrow can import.

    Raises:
        DataError: If it is none of these.
    """
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return _from_pandas(table)
    if not isinstance(table, pa.Table):
        if not hasattr(table, "__arrow_c_stream__"):
            raise DataError(
                "A table must be a pandas.DataFrame or a pyarrow.Table. "
                f"Received: {type(table).__name__}. To read a file, call read_listings."
            )
        table = pa.table(table)
    return _from_arrow(table, "The table")


def _read_bytes(path: Path) -> bytes:
    """Read a whole file."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.{_near(path) or CHECK_PATH}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _near(path: Path) -> str:
    """Suggest a file of nearly that name."""
    try:
        return suggest(path.name, [beside.name for beside in path.parent.iterdir()])
    except OSError:
        return ""


def _read_parquet(path: Path) -> RawTable:
    content = pa.py_buffer(_read_bytes(path))
    if len(content) == 0:
        raise DataError(f"{path} is empty.")
    try:
        table = parquet.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{path} cannot be read as Parquet: {reason}.") from error
    return _from_arrow(table, str(path))


def _from_arrow(table: pa.Table, where: str) -> RawTable:
    return RawTable(tuple(table.column_names), tuple(table.columns), where)


def _from_pandas(table: Any) -> RawTable:
    """Convert column by column: names may repeat, and a column may mix types."""
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    names, columns = [], []
    problems: dict[int, str] = {}
    for position, name in enumerate(table.columns):
        try:
            column, rows = pa.array(table.iloc[:, position], from_pandas=True), np.empty(0, int)
        except (pa.ArrowException, UnicodeEncodeError):
            column, rows = _text_of_anything(table.iloc[:, position])
        if not isinstance(column, pa.ChunkedArray):
            column = pa.chunked_array([column])
        names.append(str(name))
        columns.append(column)
        problems |= dict.fromkeys(rows.tolist(), "lone surrogates became spaces")
    return RawTable(tuple(names), tuple(columns), "The table", problems=problems)


def _text_of_anything(values: Any) -> tuple[pa.Array, Int64]:
    """Write out each value; also return the rows that held half of a UTF-16 pair."""
    texts = [None if missing else str(v) for v, missing in zip(values, values.isna(), strict=True)]
    rows = [row for row, text in enumerate(texts) if text and SURROGATES.search(text)]
    for row in rows:
        texts[row] = SURROGATES.sub(" ", str(texts[row]))
    return pa.array(texts, pa.large_string()), np.array(rows, np.int64)
