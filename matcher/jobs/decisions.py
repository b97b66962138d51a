"""A person's decisions about pairs, read from a table of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.clustering import Constraints
from matcher.errors import DataError
from matcher.io.outputs import FORMULA_START
from matcher.io.raw import RawTable
from matcher.io.tables import read_table
from matcher.search import score_pairs
from matcher.types import Bool, Encoded, Int64, ScoredPairs

COLUMNS = ("id_left", "id_right", "decision")
DECISIONS = ("same", "different")


def as_constraints(
    decisions: str | Path | Constraints | None,
    ids: Sequence[str],
    right_ids: Sequence[str] | None = None,
) -> Constraints:
    """Decisions as constraints on rows: read where they are a path, none where there are none.

    Between two tables the rows of the right one count on from those of the left.

    Raises:
        DataError: If the table cannot be used, or a decision names a row that is not there.
    """
    if decisions is None:
        return Constraints()
    if not isinstance(decisions, Constraints):
        return read_decisions(decisions, ids, right_ids)
    decisions.check_rows(len(ids) + len(right_ids or ()))
    return decisions


def read_decisions(
    path: str | Path, ids: Sequence[str], right_ids: Sequence[str] | None = None
) -> Constraints:
    """Read which listings a person says are one product, and which are two.

    Args:
        path: CSV or Parquet with the columns ``id_left``, ``id_right`` and ``decision``, which
            is "same", "different" or empty; other columns are passed over. A row without a
            decision is skipped. An id may have spaces around it, or the ``'`` before it that
            ``pairs.csv`` puts before what a spreadsheet would run as a formula.
        ids: All listings, in the order of their rows; or those that ``id_left`` names.
        right_ids: Those that ``id_right`` names, where that is another table; their rows count
            on from those of ``ids``.

    Raises:
        DataError: If the file cannot be read, lacks a column, has another decision or an id
            that is not among the listings, or contradicts itself.
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
    others = ids if right_ids is None else right_ids
    ends = [_rows_of(left, ids, table, rows), _rows_of(right, others, table, rows)]
    if right_ids is not None:
        ends[1] += len(ids)
        ids = (*ids, *right_ids)
    pairs = np.stack(ends, axis=1)
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

    What differs from one listing differs from all that are the same as it.

    Args:
        left: Row of the first listing of each match, shape ``(m,)``.
        right: Row of the second, above ``left``.
        decided: What a person has decided.

    Returns:
        Left and right rows, by ascending left, then right.
    """
    if not len(decided):
        return left, right
    stay = ~are_different(left, right, decided)
    found = np.stack([left[stay], right[stay]], axis=1)
    ends = np.unique(np.concatenate([found, np.sort(decided.must_link, axis=1)]), axis=0)
    return ends[:, 0], ends[:, 1]


def are_different(left: Int64, right: Int64, decided: Constraints) -> Bool:
    """Whether a person has called the two of each pair different, directly or through others.

    Args:
        left: Row of one listing of each pair, shape ``(m,)``.
        right: Row of the other.
        decided: What a person has decided.

    Example:
        >>> decided = Constraints(cannot_link=np.array([[0, 2]]), must_link=np.array([[1, 2]]))
        >>> are_different(np.array([0, 1, 1]), np.array([1, 2, 3]), decided)
        array([ True, False, False])
    """
    n = 1 + max(int(rows.max(initial=0)) for rows in (left, right, decided.rows()))
    leader = decided.leaders(n)

    def key(ends: Int64) -> Int64:
        low, high = np.sort(leader[ends], axis=0)
        return np.asarray(low * n + high, np.int64)

    return np.isin(key(np.stack([left, right])), key(decided.cannot_link.T))


def decided_across(pairs: ScoredPairs, decided: Constraints) -> tuple[Bool, Bool]:
    """Which pairs between two tables a person calls the same, and which different; ``(m,)``."""
    right = pairs.n_left + pairs.right
    keys = _across(decided, pairs.n_left, pairs.n_right)
    same = np.isin(pairs.left * pairs.n_right + pairs.right, keys)
    return same, are_different(pairs.left, right, decided)


def with_decided(
    pairs: ScoredPairs, decided: Constraints, *tables: Mapping[str, Encoded]
) -> ScoredPairs:
    """Candidates between two tables, and the pairs that a person calls the same beside them."""
    same = _across(decided, pairs.n_left, pairs.n_right)
    if not len(same):
        return pairs
    keys = np.union1d(pairs.left * pairs.n_right + pairs.right, same)
    return score_pairs(keys // pairs.n_right, keys % pairs.n_right, *tables)


def _across(decided: Constraints, n_left: int, n_right: int) -> Int64:
    """The pairs of a left and a right row that are the same, as left · n_right + right."""
    ends = np.sort(decided.must_link, axis=1)
    ends = ends[(ends[:, 0] < n_left) & (ends[:, 1] >= n_left)]
    return np.unique(ends[:, 0] * n_right + ends[:, 1] - n_left)


def _constraints(different: Int64, same: Int64, ids: Sequence[str], where: str) -> Constraints:
    """Constraints; a contradiction is reported by ids."""
    try:
        return Constraints(cannot_link=different, must_link=same)
    except DataError as error:
        a, b = (ids[row] for row in _first_contradiction(different, same))
        raise DataError(
            f"{where}: {a!r} and {b!r} are different, but other rows make them the same, "
            "directly or through others. Take back one of these decisions."
        ) from error


def _first_contradiction(different: Int64, same: Int64) -> Int64:
    """The first pair that is different, though others make it the same; there is one."""
    leader = Constraints(must_link=same).leaders(1 + int(max(different.max(), same.max())))
    clash = leader[different[:, 0]] == leader[different[:, 1]]
    return np.asarray(different[np.argmax(clash)], np.int64)


def _column(table: RawTable, name: str) -> pa.ChunkedArray:
    if table.names.count(name) != 1:
        raise DataError(
            f"{table.where} needs one column named {name!r}. "
            f"Columns found: {', '.join(map(repr, table.names))}."
        )
    return table.text(table.names.index(name))[0]


def _rows_of(texts: pa.ChunkedArray, ids: Sequence[str], table: RawTable, rows: Int64) -> Int64:
    """The listing that each decision names."""
    known = pa.array(ids, pa.large_string())
    names = pc.utf8_trim_whitespace(texts.take(pa.array(rows)))
    plain = pc.replace_substring_regex(names, f"^'({FORMULA_START[1:]})", r"\1")
    found = pc.coalesce(pc.index_in(names, value_set=known), pc.index_in(plain, value_set=known))
    unknown = np.flatnonzero(pc.is_null(found).to_numpy())
    if unknown.size:
        raise DataError(
            f"{table.where}, {table.place(rows[unknown[:1]])}: id "
            f"{names[int(unknown[0])].as_py()!r} is not among the {len(known)} listings. Remove "
            "the row, or give the listings that were decided about."
        )
    return np.array(found.to_numpy(), np.int64)
