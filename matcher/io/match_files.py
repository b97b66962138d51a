"""Match files read back: the form that ``outputs.matches_table`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.errors import DataError
from matcher.io.columns import find_id
from matcher.io.raw import RawTable, log, say_places
from matcher.io.tables import read_table
from matcher.types import Int64, Matches


def read_matches(path: str | Path, ids: Sequence[str], id_name: str | None = None) -> Matches:
    """Read a table of ids and of the ids matched to each, with a space between.

    A listing's own id and repeated ids among its matches are passed over. A listing without a
    row matches only itself, and the log warns of it.

    Args:
        path: CSV or Parquet with a column of ids and a column ``matches``.
        ids: All listings, in the order that the result is to have.
        id_name: Name of the column of ids; None, or where there is no such column: detected.

    Returns:
        Matches among ``ids``. Such a file has no scores: they fall evenly from 1 for the first
        match of a row to just above 0.5 for the last, so that order and acceptance survive.

    Raises:
        DataError: If the file cannot be read, has not the two columns, or has an id twice or
            one that is not in ``ids``.
    """
    table = read_table(Path(path))
    known = pa.array(ids, pa.large_string())
    own = id_name if id_name in table.names else None
    texts, _ = table.text(find_id(table.names, own, table.where))
    lists, _ = table.text(_matches_column(table))
    rows = _rows_of(texts, known, table)
    _check_rows(rows, texts, table, ids)
    parts = pc.utf8_split_whitespace(lists).combine_chunks()
    row_of_part = np.repeat(np.arange(len(parts)), pc.list_value_length(parts).to_numpy())
    names = parts.flatten()
    filled = pc.binary_length(names).to_numpy() > 0
    names, row_of_part = names.filter(pa.array(filled)), row_of_part[filled]
    left, right = rows[row_of_part], _rows_of(names, known, table, row_of_part)
    return _graph(*_real_pairs(left, right, len(ids)), len(ids))


def _matches_column(table: RawTable) -> int:
    if table.names.count("matches") != 1:
        raise DataError(
            f"{table.where} needs one column named 'matches', of ids with a space between. "
            f"Columns found: {', '.join(map(repr, table.names))}."
        )
    return table.names.index("matches")


def _rows_of(
    texts: pa.Array, known: pa.Array, table: RawTable, place_of: Int64 | None = None
) -> Int64:
    """Look ids up; ``place_of`` is the row of the table in which each stands."""
    found = pc.index_in(texts, value_set=known)
    unknown = np.flatnonzero(pc.is_null(found).to_numpy(zero_copy_only=False))
    if len(unknown):
        first = unknown[:1]
        place = table.place(first if place_of is None else place_of[first])
        raise DataError(
            f"{table.where}, {place}: id {texts[int(first[0])].as_py()!r} is not among the "
            f"{len(known)} listings. Remove it, or give the listings that the file was made from."
        )
    return np.asarray(found.to_numpy(), np.int64)


def _check_rows(rows: Int64, texts: pa.ChunkedArray, table: RawTable, ids: Sequence[str]) -> None:
    """Refuse a second row of one id; warn of ids without a row."""
    counts = np.bincount(rows, minlength=len(ids))
    twice = np.flatnonzero(counts[rows] > 1)
    if len(twice):
        both = np.flatnonzero(rows == rows[twice[0]])
        raise DataError(
            f"{table.where}: id {texts[int(twice[0])].as_py()!r} has more than one row "
            f"({table.place(both)}). Put all its matches in one."
        )
    absent = np.flatnonzero(counts == 0)
    if len(absent):
        shown = [repr(ids[row]) for row in absent[:5]]
        log.warning(
            "%s: %d of %d listings have no row and count as matching only themselves (%s)",
            table.where,
            len(absent),
            len(ids),
            say_places("id", shown, len(absent)),
        )


def _real_pairs(left: Int64, right: Int64, n: int) -> tuple[Int64, Int64]:
    """Drop pairs of a listing with itself, and all but the first of a repeated pair."""
    first = np.unique(left * n + right, return_index=True)[1]
    kept = np.sort(first)
    kept = kept[left[kept] != right[kept]]
    return left[kept], right[kept]


def _graph(left: Int64, right: Int64, n: int) -> Matches:
    """Gather the pairs of each row in the order given, with scores that fall towards 0.5."""
    order = np.argsort(left, kind="stable")
    counts = np.bincount(left, minlength=n)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rank = np.arange(len(left)) - np.repeat(indptr[:-1], counts)
    scores = (1 - 0.5 * rank / np.repeat(counts, counts)).astype(np.float32)
    return Matches(indptr, right[order], scores, n)
