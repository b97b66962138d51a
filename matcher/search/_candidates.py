"""Which places in a block of approximate scores may belong in the answer.

Let every score be off by at most ``slack``. Then the true k-th best is at least the k-th
best seen less ``slack``, and whatever reaches it was seen at no less than that less
``slack`` again.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matcher.types import Bool, Float32, Int64

Number = TypeVar("Number", np.float32, np.uint8)

BLOCK_BYTES = 2**26  # a block of scores; each thread holds one


def rounding_slack(n_terms: int) -> float:
    """Bound on the float32 rounding error of a dot product of unit vectors.

    Args:
        n_terms: Number of products that are summed, in whatever order.

    Source:
        Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5: at most
        ``n u / (1 - n u)`` with ``u = 2**-24``; twice that here, for norms off 1 by 1e-3.
    """
    return (n_terms + 8) * 2.0**-23


def shortlist(
    similarity: NDArray[Number], k: int | None, floor: float, slack: float
) -> tuple[Int64, Int64]:
    """Rows and columns that may be among the ``k`` best and may reach ``floor``.

    Args:
        similarity: Higher is closer, shape ``(b, n)``.
        k: Number wanted per row, or None for all.
        floor: Lowest value wanted.
        slack: Largest error of a value.
    """
    lowest = np.full((len(similarity), 1), floor - slack)
    if k is not None and k < similarity.shape[1]:
        np.maximum(lowest, _kth_best(similarity, k) - 2 * slack, out=lowest)
    # Twenty times faster than a two-dimensional nonzero.
    at = np.flatnonzero(similarity >= lowest.astype(similarity.dtype))
    rows, cols = np.divmod(at, similarity.shape[1])
    return rows, cols


def _kth_best(similarity: NDArray[Number], k: int) -> NDArray[Number]:
    """A lower bound, seldom far off, of the k-th best value of each row, shape ``(b, 1)``.

    Each of the k best of some disjoint sets of columns is at least the k-th best of these
    maxima. A maximum over sets is several times faster than a partition of whole rows.
    """
    n = similarity.shape[1]
    depth = n // (8 * k)
    if depth > 1:
        n_sets = n // depth
        sets = similarity[:, : n_sets * depth].reshape(-1, depth, n_sets)
        similarity = sets.max(axis=1)
    return np.partition(similarity, -k, axis=1)[:, [-k]]


def shortlist_listed(rows: Int64, similarity: Float32, k: int, slack: float) -> Bool:
    """As ``shortlist``, for values listed by ascending row: which to keep."""
    order = np.lexsort((-similarity, rows))
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    sizes = np.diff(starts, append=len(rows))
    last = starts + np.minimum(sizes, k) - 1
    lowest = np.where(sizes > k, similarity[order][last] - 2 * slack, -np.inf)
    return similarity >= np.repeat(lowest, sizes)


def even_blocks(n_rows: int, step: int) -> list[slice]:
    """Cut ``n_rows`` into spans of ``step`` rows, or of one if ``step`` is 0."""
    step = max(1, step)
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def weighed_blocks(weights: Int64, most: int) -> list[slice]:
    """Cut rows into spans whose weights sum to about ``most``, or of a single heavier row."""
    ends = np.flatnonzero(np.diff(np.cumsum(weights) // max(1, most), append=-1)) + 1
    return [slice(a, b) for a, b in pairwise([0, *ends.tolist()])]
