"""A person's decisions about pairs, read from a table of ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.clustering import Constraints
from matcher.errors import DataError
from matcher.io.raw import RawTable
from matcher.io.tables import read_table
from matcher.types import Int64

COLUMNS = ("id_left", "id_right", "decision")
DECISIONS = ("same", "different")


def as_constraints(decisions: str | Path | Constraints | None, ids: Sequence[str]) -> Constraints:
    """Decisions as constraints on rows: read where they are a path, none where there are none.

    Raises:
        DataError: If the table cannot be used, or a decision names a row that is not there.
    """
    if decisions is None:
        return Constraints()
    if not isinstance(decisions, Constraints):
        return read_decisions(decisions, ids)
    decisions.check_rows(len(ids))
    return decisions


def read_decisions(path: str | Path, ids: Sequence[str]) -> Constraints:
    """Read which listings a person says are one product, and which are two.

    Args:
        path: CSV or Parquet with the columns ``id_left``, ``id_right`` and ``decision``, which
            is "same", "different" or empty; other columns are passed over. A row without a
            decision is skipped.
        ids: All listings, in the order of their rows.

    Raises:
        DataError: If the file cannot be read, lacks a column, has another decision or an id
            that is not in ``ids``, or contradicts itself.
    """
    table = read_table(Path(path))
    left, right, decision = (_column(table, name) for name in COLUMNS)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(decision))
    kind = pc.index_in(words, value_set=pa.array(DECISIONS, pa.large_string()))
    given = pc.not_equal(words, "").to_numpy()
    wrong = np.flatnonzero(given & pc.is_null(kind).to_numpy())
    if wrong.size:
        raise DataError(
            f"{table.where}, {table.place(wrong[:1])}: a decision is 'same', 'different' or "
            f"empty. Received: {decision[int(wrong[0])].as_py()!r}."
        )
    rows = np.flatnonzero(given)
    known = pa.array(ids, pa.large_string())
    pairs = np.stack([_rows_of(texts, known, table, rows) for texts in (left, right)], axis=1)
    own = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if own.size:
        raise DataError(
            f"{table.where}, {table.place(rows[own[:1]])}: a decision is about two listings. "
            f"Received: {ids[pairs[own[0], 0]]!r} with itself."
        )
    same = kind.take(pa.array(rows)).to_numpy() == 0
    return _constraints(pairs[~same], pairs[same], ids, table.where)


def decide_pairs(left: Int64, right: Int64, decided: Constraints) -> tuple[Int64, Int64]:
    """Matches of pairs, without those a person has called different, with those called the same.

    Args:
        left: Row of the first listing of each match, shape ``(m,)``.
        right: Row of the second, above ``left``.
        decided: What a person has decided.

    Returns:
        Left and right rows, by ascending left, then right.
    """
    different, same = (
        {tuple(sorted(pair)) for pair in pairs.tolist()}
        for pairs in (decided.cannot_link, decided.must_link)
    )
    if not different and not same:
        return left, right
    found = set(zip(left.tolist(), right.tolist(), strict=True))
    ends = np.array(sorted((found - different) | same), np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _constraints(different: Int64, same: Int64, ids: Sequence[str], where: str) -> Constraints:
    """Constraints; a contradiction is reported by ids."""
    try:
        return Constraints(cannot_link=different, must_link=same)
    except DataError as error:
        apart = different[0]
        for apart in different:
            try:
                Constraints(apart[None], same)
            except DataError:
                break
        a, b = (ids[row] for row in apart)
        raise DataError(
            f"{where}: {a!r} and {b!r} are different, but other rows make them the same, "
            "directly or through others. Take back one of these decisions."
        ) from error


def _column(table: RawTable, name: str) -> pa.ChunkedArray:
    if table.names.count(name) != 1:
        raise DataError(
            f"{table.where} needs one column named {name!r}. "
            f"Columns found: {', '.join(map(repr, table.names))}."
        )
    return table.text(table.names.index(name))[0]


def _rows_of(texts: pa.ChunkedArray, known: pa.Array, table: RawTable, rows: Int64) -> Int64:
    """The listing that each decision names."""
    names = texts.take(pa.array(rows))
    found = pc.index_in(names, value_set=known)
    unknown = np.flatnonzero(pc.is_null(found).to_numpy())
    if unknown.size:
        raise DataError(
            f"{table.where}, {table.place(rows[unknown[:1]])}: id "
            f"{names[int(unknown[0])].as_py()!r} is not among the {len(known)} listings."
        )
    return np.asarray(found.to_numpy(), np.int64)
