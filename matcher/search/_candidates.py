"""Which pairs of a block of approximate scores may belong in the answer.

Let every score be off by at most ``slack``. Then the true k-th best is at least the k-th
best seen less ``slack``, and whatever reaches it was seen at no less than that less
``slack`` again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.machine_code import compiled
from matcher.search._scores import as_scores
from matcher.types import Bool, Float32, Float64, Int64

BLOCK_BYTES = 2**26  # a block of scores; each thread holds one
SETTLED_BYTES = 32  # what telling ties apart takes per score
HALVINGS = 20  # of the range of scores, to find a k-th best within 2e-6
CROWDED = 8  # candidates per neighbour wanted from which that pays
FLOAT32_UNIT = 2.0**-24
FLOAT64_UNIT = 2.0**-53


def rounding_slack(n_terms: int, unit: float = FLOAT32_UNIT) -> float:
    """Bound on the rounding error of a dot product of unit vectors.

    Args:
        n_terms: Number of products that are summed, in whatever order.
        unit: Half the distance from 1 to the next number.

    Source:
        Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5: at most
        ``n u / (1 - n u)``; twice ``n u`` here, for norms that differ from 1 by 1e-3.
    """
    return 2 * unit * (n_terms + 8)


def shortlist(similarity: NDArray[Any], k: int | None, floor: float, slack: float) -> Bool:
    """Whether each score may be among the ``k`` best of its row and may reach ``floor``.

    Args:
        similarity: Higher is closer, shape ``(b, n)``.
        k: Number wanted per row, or None for all.
        floor: Lowest value wanted.
        slack: Largest error of a value.

    Returns:
        Shape ``(b, n)``.
    """
    lowest = np.full((len(similarity), 1), floor - slack, np.float64)
    if k is not None and k < similarity.shape[1]:
        np.maximum(lowest, _about_kth_best(similarity, k) - 2 * slack, out=lowest)
    return similarity >= lowest.astype(similarity.dtype)


def _about_kth_best(similarity: NDArray[Any], k: int) -> NDArray[Any]:
    """A lower bound, seldom far off, of the k-th best value of each row, shape ``(b, 1)``.

    Cut a row into sets: the k-th best of their maxima is reached by k values at least.
    Taking maxima is several times faster than a partition of whole rows.
    """
    n = similarity.shape[1]
    depth = n // (8 * k)
    if depth > 1:
        n_sets = n // depth
        sets = similarity[:, : n_sets * depth].reshape(-1, depth, n_sets)
        similarity = sets.max(axis=1)
    return _kth_best(similarity, k)


def _kth_best(values: NDArray[Any], k: int) -> NDArray[Any]:
    """The k-th best value of each row, shape ``(b, 1)``."""
    return np.partition(values, -k, axis=1)[:, [-k]]


def choose(
    similarity: NDArray[Any],
    k: int | None,
    floor: float,
    slack: float,
    precisely: Callable[[Int64], Float64],
    error: float,
) -> Bool:
    """Shortlist, and settle the rows where rounding leaves too many candidates.

    Args:
        similarity: Scores, shape ``(b, n)``; clipped to [-1, 1] in place.
        k: Number wanted per row, or None for all.
        floor: Lowest score wanted.
        slack: Largest error of a score.
        precisely: Returns the scores of some rows of the block in float64.
        error: Largest error of these.

    Returns:
        Whether each pair may belong in the answer, shape ``(b, n)``.
    """
    np.clip(similarity, -1, 1, out=similarity)  # what is clipped ties
    chosen = shortlist(similarity, k, floor, slack)
    if k is None or np.count_nonzero(chosen) <= CROWDED * k * len(chosen):
        return chosen
    crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > CROWDED * k)
    for part in even_blocks(len(crowded), BLOCK_BYTES // (SETTLED_BYTES * chosen.shape[1])):
        rows = crowded[part]
        chosen[rows] = settle(precisely(rows), k, floor, error)
    return chosen


def settle(values: Float64, k: int | None, floor: float, error: float) -> Bool:
    """As ``shortlist`` for values so precise that ties can be told, with few too many.

    Scores are rounded to float32, where thousands may be equal. Of those that surely tie at
    the k-th place only the first ``k`` can belong in the answer.

    Args:
        values: Scores in float64, shape ``(b, n)``.
        k: Number wanted per row, or None for all.
        floor: Lowest score wanted.
        error: Largest error of a value.
    """
    low, high = _rounded(values, error)
    kept = high >= np.float32(floor)
    if k is not None and k < values.shape[1]:
        kth = _kth_best(low, k)
        kept &= high >= kth
        tied = (low == kth) & (high == kth)
        kept[tied & (np.cumsum(tied, axis=1, dtype=np.int32) > k)] = False
    return kept


def settle_listed(rows: Int64, cols: Int64, values: Float64, k: int, error: float) -> Int64:
    """As ``settle``, for values listed by ascending row: positions of those to keep."""
    low, high = _rounded(values, error)
    order = np.lexsort((cols, -low, rows))
    low, high = low[order], high[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    sizes = np.diff(starts, append=len(rows))
    kth = np.repeat(low[starts + np.minimum(sizes, k) - 1], sizes)
    tied = (low == kth) & (high == kth)
    before = np.cumsum(tied) - tied
    too_late = before - np.repeat(before[starts], sizes) >= k
    kept: Int64 = order[(high >= kth) & ~(tied & too_late)]
    return kept


def _rounded(values: Float64, error: float) -> tuple[Float32, Float32]:
    """Lowest and highest float32 score that each value may stand for."""
    return as_scores(values - error), as_scores(values + error)


class Best:
    """The candidates of some rows, gathered tile by tile.

    Of a list that has grown long, all but those that may be among the ``k`` best are
    dropped. A row of which many remain is crowded: nothing more is gathered of it.

    Args:
        n_rows: Number of rows.
        k: Number wanted per row.
        floor: Lowest score wanted.
        slack: Largest error of a score.
        width: Most columns of a tile.

    Attributes:
        lowest: What a score must reach to be of use, float32 of shape ``(n_rows, 1)``.
    """

    def __init__(self, n_rows: int, k: int, floor: float, slack: float, width: int) -> None:
        self.lowest = np.full((n_rows, 1), reachable(floor - slack), np.float32)
        self._k, self._window = k, 2.0 * slack
        self._counts = np.zeros(n_rows, np.int64)
        self._values = np.empty((n_rows, CROWDED * k + width), np.float32)
        self._cols = np.empty(self._values.shape, np.int64)

    def begin(self, scores: Float32) -> None:
        """Raise ``lowest`` to what a first tile shows, which saves gathering most of it."""
        if self._k < scores.shape[1]:
            kth = np.minimum(_about_kth_best(scores, self._k), 1) - self._window
            np.maximum(self.lowest, kth, out=self.lowest, where=kth > -1)

    def add(self, scores: Float32, at: Int64, first: int) -> None:
        """Take in the scores at flat positions of a tile that begins at column ``first``."""
        _gather(scores.ravel(), at, scores.shape[1], first, self._counts, self._values, self._cols)
        self._narrow(CROWDED * self._k)

    def finish(self) -> tuple[Int64, Int64, Int64]:
        """Rows and columns of the candidates, by row; and the crowded rows."""
        self._narrow(self._k)
        kept = np.arange(self._counts.max()) < self._counts[:, None]
        rows, _ = places(kept, slice(0, len(kept)))
        return rows, self._cols[:, : kept.shape[1]][kept], np.flatnonzero(self.lowest > 1)

    def _narrow(self, most: int) -> None:
        lists = self._counts, self._values, self._cols
        _narrow(most, self._k, CROWDED * self._k // 2, self._window, self.lowest.ravel(), *lists)


@compiled()
def _gather(
    scores: Float32,
    at: Int64,
    width: int,
    first: int,
    counts: Int64,
    values: Float32,
    cols: Int64,
) -> None:
    """Append each score to the list of its row."""
    for place in at:
        row = place // width
        values[row, counts[row]] = min(max(scores[place], -1), 1)  # what is clipped ties
        cols[row, counts[row]] = first + place % width
        counts[row] += 1


@compiled()
def _narrow(
    most: int,
    k: int,
    crowd: int,
    window: float,
    lowest: Float32,
    counts: Int64,
    values: Float32,
    cols: Int64,
) -> None:
    """Drop what cannot be among the ``k`` best from each list of more than ``most``."""
    for row in np.flatnonzero(counts > most):
        low, step = -1.0, 1.0  # low rises towards the k-th best; k values reach it
        for _ in range(HALVINGS):
            if np.sum(values[row, : counts[row]] >= low + step) >= k:
                low += step
            step /= 2
        if low - window > -1:  # else scores below -1 are to be clipped, not passed over
            lowest[row] = max(lowest[row], low - window)
        n = 0
        for i in range(counts[row]):
            if values[row, i] >= lowest[row]:
                values[row, n], cols[row, n] = values[row, i], cols[row, i]
                n += 1
        if n > crowd:
            n, lowest[row] = 0, np.inf
        counts[row] = n


def reachable(lowest: float) -> float:
    """A bound for scores that are yet to be clipped to [-1, 1]."""
    return lowest if lowest > -1 else -2


def places(chosen: Bool, block: slice) -> tuple[Int64, Int64]:
    """Rows and columns chosen in a block that begins at row ``block.start``."""
    at = np.flatnonzero(chosen)  # twenty times faster than a two-dimensional nonzero
    rows, cols = np.divmod(at, max(1, chosen.shape[1]))
    return rows + block.start, cols


def even_blocks(n_rows: int, step: int) -> list[slice]:
    """Cut ``n_rows`` into spans of ``step`` rows, or of one if ``step`` is 0."""
    step = max(1, step)
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def weighed_blocks(weights: Int64, most: int) -> list[slice]:
    """Cut rows into spans whose weights sum to about ``most``, or of a single heavier row."""
    ends = np.flatnonzero(np.diff(np.cumsum(weights) // most, append=-1)) + 1
    return [slice(a, b) for a, b in pairwise([0, *ends.tolist()])]
