"""Compiled search in sparse vectors: an inverted index of the rare terms, a bound for the rest.

The commonest terms, the head, make most of the products and little of a score. A query sums
the products of its other terms with all rows that hold them, in one number per row. What the
head can add is at most the product of the two heads' lengths (Cauchy and Schwarz): only where
that could reach the lowest score wanted is it computed.

Source: Bayardo, Ma, Srikant: Scaling up all pairs similarity search, WWW 2007, section 4, with
the bound of Anastasiu, Karypis: L2AP, ICDE 2014, section 4, and one head for all rows.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.machine_code import once
from matcher.types import Float32, Float64, Int64

NOISE = 2.0**-30  # as in the scores: what is closer to 0 is 0
DEAD = -3.0  # below all scores
Int32 = NDArray[np.int32]
UInt32 = NDArray[np.uint32]


class Queries(NamedTuple):
    """Rows to search for, CSR, and the length of each one's head, shape ``(q,)``."""

    indptr: Int64
    indices: Int32
    data: Float32
    lengths: Float64


class Index(NamedTuple):
    """Rows to search in.

    Attributes:
        starts: Where each term's rows begin, shape ``(d + 1,)``; a term of the head has none.
        rows: Ascending within a term.
        weights: The term's weight in each.
        slots: Number of each term in the head, or -1, shape ``(d,)``.
        indptr: The heads of all rows, CSR, shape ``(n + 1,)``.
        indices: Their terms' numbers.
        data: Their weights.
        lengths: Length of each row's head, shape ``(n,)``.
        longest: The longest of each chunk of rows.
        shift: Logarithm of the rows per chunk.
    """

    starts: Int64
    rows: UInt32
    weights: Float32
    slots: Int32
    indptr: Int64
    indices: UInt32
    data: Float32
    lengths: Float64
    longest: Float64
    shift: int


class Scratch(NamedTuple):
    """What one query needs; as it was between two queries.

    Attributes:
        sums: Products summed by row, shape ``(n,)``; later scores. 0 between queries.
        highest: No sum of a chunk of rows is above it; ``DEAD`` where there is none.
        best: Best score of each chunk.
        head: The query's head, by number. 0 between queries.
    """

    sums: Float64
    highest: Float64
    best: Float64
    head: Float64


class Found(NamedTuple):
    """Candidates in the order they are found; room for at least those of one query."""

    rows: Int64
    cols: Int64
    scores: Float64


class Wanted(NamedTuple):
    """What is searched for.

    Attributes:
        lowest: Lowest score worth finding, rounding taken off.
        k: Neighbours wanted, or 0 for all.
        half: Whether the queries are the rows held and only columns from the row on count.
        error: Largest error of a score.
        margin: The same once it is rounded to float32.
    """

    lowest: float
    k: int
    half: bool
    error: float
    margin: float


def search_rows(
    queries: Queries,
    index: Index,
    scratch: Scratch,
    found: Found,
    wanted: Wanted,
    first: int,
    last: int,
) -> tuple[int, int]:
    """Find the candidates of queries ``first`` to ``last - 1``, as far as there is room.

    With ``k``, those of a query are at most some 64 ``k``, and all that rounding cannot tell
    from the k-th best.

    Returns:
        The query to go on with, and how many candidates were found.
    """
    result: tuple[int, int] = _machine_code()(queries, index, scratch, found, wanted, first, last)
    return result


def _search_rows(
    queries: Queries,
    index: Index,
    scratch: Scratch,
    found: Found,
    wanted: Wanted,
    first: int,
    last: int,
) -> tuple[int, int]:
    n_found = 0
    for row in range(first, last):
        if n_found + len(scratch.sums) > len(found.rows):
            return row, n_found
        _sum_tail(queries, index, scratch, row, wanted.half)
        _add_head(queries, index, scratch, row, wanted)
        n_found = _list_best(index, scratch, found, wanted, row, n_found)
        for at in range(queries.indptr[row], queries.indptr[row + 1]):
            slot = index.slots[queries.indices[at]]
            if slot >= 0:
                scratch.head[slot] = 0
    return last, n_found


def _sum_tail(queries: Queries, index: Index, scratch: Scratch, row: int, half: bool) -> None:
    """Sum the products of all terms but the head; note down the head."""
    sums, highest, shift = scratch.sums, scratch.highest, index.shift
    rows, weights = index.rows, index.weights
    for at in range(queries.indptr[row], queries.indptr[row + 1]):
        term, weight = queries.indices[at], np.float64(queries.data[at])
        slot = index.slots[term]
        if slot >= 0:
            scratch.head[slot] = weight
            continue
        start, end = index.starts[term], index.starts[term + 1]
        if half:
            start += np.searchsorted(rows[start:end], np.uint32(row))
        for place in range(start, end):
            col = rows[place]
            sums[col] += weight * weights[place]
            # What is summed on the way bounds the sum: others can only lower it.
            highest[col >> shift] = max(highest[col >> shift], sums[col], 0.0)


def _add_head(queries: Queries, index: Index, scratch: Scratch, row: int, wanted: Wanted) -> None:
    """Turn sums into scores where they may reach the lowest wanted, chunk by chunk."""
    best, length, lowest = scratch.best, queries.lengths[row], wanted.lowest
    size = 1 << index.shift
    for chunk in range(row // size if wanted.half else 0, len(best)):
        best[chunk] = DEAD
        bound = length * index.longest[chunk]
        untouched = scratch.highest[chunk] == DEAD
        if max(scratch.highest[chunk], 0.0) + bound < lowest:
            continue
        if untouched and bound == 0:
            best[chunk] = 0  # as are all its scores
            continue
        start, end = chunk * size, min(chunk * size + size, len(scratch.sums))
        if wanted.half:
            start = max(start, row)
        scratch.highest[chunk] = max(scratch.highest[chunk], 0.0)
        if bound == 0:
            best[chunk] = _clip_chunk(scratch.sums, start, end)
        else:
            best[chunk] = _score_chunk(index, scratch, start, end, length, lowest)


def _clip_chunk(sums: Float64, start: int, end: int) -> float:
    """Scores in place of sums where no head adds anything. Returns the best."""
    best = DEAD
    for col in range(start, end):
        sums[col] = min(max(sums[col], -1.0), 1.0)  # what is clipped ties
        best = max(best, sums[col])
    return best


def _score_chunk(
    index: Index, scratch: Scratch, start: int, end: int, length: float, lowest: float
) -> float:
    """Scores in place of sums; ``DEAD`` where no head could help. Returns the best."""
    sums, best = scratch.sums, DEAD
    for col in range(start, end):
        score = sums[col]
        if score + length * index.lengths[col] < lowest:
            score = DEAD
        else:
            for at in range(index.indptr[col], index.indptr[col + 1]):
                score += scratch.head[index.indices[at]] * index.data[at]
            score = min(max(score, -1.0), 1.0)
        sums[col] = score
        best = max(best, score)
    return best


def _list_best(
    index: Index, scratch: Scratch, found: Found, wanted: Wanted, row: int, n_found: int
) -> int:
    """Append the candidates of a query, by column, and clear what it needed.

    The k-th best of the chunks' best scores is reached by k rows at least. Of those that
    surely round to the same score only the first k can belong in the answer.
    """
    sums, best, k, lowest = scratch.sums, scratch.best, wanted.k, wanted.lowest
    tie_low, tie_high, n_tied = 3.0, 3.0, 0
    if 0 < k <= len(best):
        kth, tie_low, tie_high = _span(np.partition(best, len(best) - k)[len(best) - k], wanted)
        lowest = max(lowest, kth - wanted.margin)
    size = 1 << index.shift
    for chunk in range(row // size if wanted.half else 0, len(best)):
        start, end = chunk * size, min(chunk * size + size, len(sums))
        untouched = scratch.highest[chunk] == DEAD
        if best[chunk] >= lowest and not (untouched and tie_low < 0 < tie_high and n_tied >= k):
            for col in range(start, end):
                score = sums[col]
                tied = tie_low < score < tie_high
                n_tied += tied
                if score >= lowest and not (tied and n_tied > k):
                    found.rows[n_found], found.cols[n_found] = row, col
                    found.scores[n_found] = score
                    n_found += 1
        if not untouched:
            scratch.highest[chunk] = DEAD
            sums[start:end] = 0
    return n_found


def _span(kth: float, wanted: Wanted) -> tuple[float, float, float]:
    """The float32 that a k-th best score rounds to at the least, and what surely does too."""
    low = np.float32(kth - wanted.error)
    below, above = np.nextafter(low, np.float32(-4)), np.nextafter(low, np.float32(4))
    tie_low = (np.float64(low) + np.float64(below)) / 2 + wanted.error
    tie_high = (np.float64(low) + np.float64(above)) / 2 - wanted.error
    if abs(low) < NOISE:
        return 0.0, -NOISE + wanted.error, NOISE - wanted.error
    return np.float64(low), tie_low, tie_high


_PARTS = (*(_span, _sum_tail, _clip_chunk, _score_chunk, _add_head, _list_best, _search_rows),)


def _compile() -> Any:
    """Compile on first use, and keep the machine code on disk.

    It runs without the interpreter lock. A compiled function calls others by the names that
    they have here.
    """
    from numba import njit

    compile_ = njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})  # there is no NaN
    names = dict(globals())
    for part in _PARTS:
        names[part.__name__] = compile_(FunctionType(part.__code__, names, part.__name__))
    return names["_search_rows"]


_machine_code = once(_compile)
