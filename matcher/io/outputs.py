"""Results as files: tables of matches and clusters, CSV, Parquet and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from matcher.errors import ConfigError, DataError
from matcher.io.atomic import write_atomically
from matcher.types import Clusters, Int64, Matches

# Arrow joins lists of at most 2 GiB of text.
ROWS_AT_ONCE = 50_000
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_START = r"^[=+\-@\t\r]"


def matches_table(
    ids: Sequence[str],
    matches: Matches,
    id_name: str = "id",
    cap: int | None = 50,
    other_ids: Sequence[str] | None = None,
) -> pa.Table:
    """Write matches as Kaggle's Shopee competition wants them: ids with a space between.

    Args:
        ids: Id of each row of ``matches``, without white space.
        matches: Accepted pairs.
        id_name: Name of the first column.
        cap: Most ids in a row, the listing itself included; None: no limit.
        other_ids: Ids of the other table, if ``matches`` leads from one table to another.

    Returns:
        Columns ``id_name`` and ``matches``. Within one table every row starts with the listing
        itself; then, and between two tables, the best score comes first.

    Raises:
        ConfigError: If ``cap`` is less than 1.
        DataError: If the number of ids does not fit ``matches``.
    """
    if cap is not None and cap < 1:
        raise ConfigError(f"cap must be at least 1. Received: {cap}.")
    own = other_ids is None
    targets = ids if other_ids is None else other_ids
    if (len(ids), len(targets)) != (matches.n_rows, matches.n_cols):
        raise DataError(
            f"matches lead from {matches.n_rows} to {matches.n_cols} listings. "
            f"Received: {len(ids)} and {len(targets)} ids."
        )
    names = pa.array(targets, pa.string())
    chunks = [pa.array([], pa.string())]
    for start in range(0, matches.n_rows, ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, matches.n_rows))
        offsets, members = _members(matches, rows, own, cap)
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names.take(members))
        chunks.append(pc.binary_join(lists, " "))
    rows_named = names if own else pa.array(ids, pa.string())
    return pa.table([rows_named, pa.chunked_array(chunks)], names=[id_name, "matches"])


def _members(matches: Matches, rows: Int64, own: bool, cap: int | None) -> tuple[Int64, pa.Array]:
    """What stands in each of some rows: offsets, and rows of the table they are matched to."""
    starts = matches.indptr[rows]
    lengths = matches.indptr[rows + 1] - starts + own
    lengths = lengths if cap is None else np.minimum(lengths, cap)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rank = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    members = np.repeat(rows, lengths)
    is_edge = rank >= own
    edges = (np.repeat(starts, lengths) + rank - own)[is_edge]
    members[is_edge] = matches.indices[edges]
    return offsets, pa.array(members)


def clusters_table(ids: Sequence[str], clusters: Clusters, id_name: str = "id") -> pa.Table:
    """List the cluster of each listing: columns ``id_name`` and ``cluster``.

    Raises:
        DataError: If there is not one id per label.
    """
    if len(ids) != len(clusters):
        raise DataError(f"{len(clusters)} listings have a cluster. Received: {len(ids)} ids.")
    return pa.table([pa.array(ids, pa.string()), clusters.labels], names=[id_name, "cluster"])


def spreadsheet_safe(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Put ``'`` before text that a spreadsheet would run as a formula.

    For CSV files that people open in a spreadsheet; other columns than text stay as they are.

    Source:
        OWASP, CSV Injection.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    risky = pc.match_substring_regex(column, FORMULA_START)
    quote, nothing = pa.scalar("'", column.type), pa.scalar("", column.type)
    return pc.if_else(risky, pc.binary_join_element_wise(quote, column, nothing), column)


def safe_texts(texts: Sequence[str]) -> list[str]:
    """Texts as ``spreadsheet_safe`` writes them.

    Whoever looks for an id in a file that was written so looks for this form: two ids may have one
    form (``=1`` and ``'=1``), so that the way back is not known.

    Example:
        >>> safe_texts(["a", "=1", "'=1"])
        ['a', "'=1", "'=1"]
    """
    safe: list[str] = spreadsheet_safe(pa.array(texts, pa.string())).to_pylist()
    return safe


def plain_id(text: str) -> str:
    """Take away the quote that ``spreadsheet_safe`` puts before a formula.

    Example:
        >>> plain_id("'=1+1"), plain_id("'quoted'")
        ('=1+1', "'quoted'")
    """
    return text[1:] if re.match(f"'{FORMULA_START[1:]}", text) else text


def write_csv(table: pa.Table, path: str | Path) -> None:
    """Write UTF-8 text with commas; a missing value and NaN are an empty cell.

    Text is quoted only if the table holds a comma, a quote or a line break somewhere.

    Raises:
        StoreError: If the file cannot be written; what was there before is untouched.
    """
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(table.column_names)
    columns = [_without_empty_chunks(_blank_nan(column)) for column in table.columns]
    style = "needed" if any(_needs_quotes(column) for column in columns) else "none"
    options = arrow_csv.WriteOptions(include_header=False, quoting_style=style)
    plain = pa.table(columns, names=[str(i) for i in range(len(columns))])

    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            file.write(header.getvalue().encode("utf-8"))
            arrow_csv.write_csv(plain, file, options)

    write_atomically(path, write)


def _blank_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), None, column)


def _without_empty_chunks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """For these, Arrow writes whatever lay in memory: github.com/apache/arrow/issues/36889."""
    return pa.chunked_array([chunk for chunk in column.chunks if len(chunk)], column.type)


def _needs_quotes(column: pa.ChunkedArray) -> bool:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, '[",\r\n]')).as_py())


def write_parquet(table: pa.Table, path: str | Path) -> None:
    """Write a Parquet file.

    Raises:
        StoreError: If the file cannot be written; what was there before is untouched.
    """
    write_atomically(path, lambda aside: parquet.write_table(table, aside))


def to_json(value: Any) -> str:
    """Write a value as JSON text; numbers of NumPy become plain ones, NaN and infinity null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(value: Any, path: str | Path) -> None:
    """Write JSON; numbers of NumPy become plain ones, NaN and infinity null, paths text.

    Raises:
        TypeError: If a value has no JSON form.
        StoreError: If the file cannot be written; what was there before is untouched.
    """
    text = to_json(value)
    # Half of a UTF-16 pair has no UTF-8; as \\udc80 it is still the JSON of the same text.
    content = text.encode("utf-8", "backslashreplace")
    write_atomically(path, lambda aside: aside.write_bytes(content))


def _plain(value: Any) -> Any:
    """Replace what JSON does not know."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
