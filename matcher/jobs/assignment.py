"""One-to-one matching between two sources."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.types import Bool, Float32, Int64

LARGEST_DENSE = 2_000


def assign(left: Int64, right: Int64, scores: Float32) -> Bool:
    """Choose pairs so that no listing occurs twice and the sum of scores is the largest.

    Exact (Hungarian method) inside each connected component of up to 2,000 listings a side;
    larger ones take the best pair first.

    Args:
        left: Row of the first listing, shape ``(m,)``.
        right: Row of the second listing, shape ``(m,)``.
        scores: Positive, shape ``(m,)``.

    Returns:
        Whether each pair is chosen, shape ``(m,)``.

    Example:
        >>> rows, cols = np.array([0, 0, 1]), np.array([0, 1, 0])
        >>> assign(rows, cols, np.float32([0.9, 0.8, 0.8]))  # 0.8 + 0.8 > 0.9
        array([False,  True,  True])
    """
    chosen = np.zeros(len(left), dtype=bool)
    if not len(left):
        return chosen
    n_left = int(left.max()) + 1
    n = n_left + int(right.max()) + 1
    graph = csr_array((np.ones(len(left), np.int8), (left, n_left + right)), shape=(n, n))
    component = connected_components(graph, directed=False)[1][left]
    order = np.argsort(component, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        chosen[part] = _assign_component(left[part], right[part], scores[part])
    return chosen


def _assign_component(left: Int64, right: Int64, scores: Float32) -> Bool:
    """Choose pairs inside one component."""
    rows, row = np.unique(left, return_inverse=True)
    cols, col = np.unique(right, return_inverse=True)
    if max(len(rows), len(cols)) > LARGEST_DENSE:
        return _assign_greedily(row, col, scores)
    dense = np.zeros((len(rows), len(cols)))
    dense[row, col] = scores
    partner = np.full(len(rows), -1)
    ours, theirs = linear_sum_assignment(dense, maximize=True)
    partner[ours] = theirs
    return np.asarray(partner[row] == col, np.bool_)


def _assign_greedily(row: Int64, col: Int64, scores: Float32) -> Bool:
    """Take the best pair whose listings are both free, until there is none."""
    chosen = np.zeros(len(row), dtype=bool)
    taken_rows: set[int] = set()
    taken_cols: set[int] = set()
    for i in np.lexsort((col, row, -scores)).tolist():
        if row[i] not in taken_rows and col[i] not in taken_cols:
            chosen[i] = True
            taken_rows.add(int(row[i]))
            taken_cols.add(int(col[i]))
    return chosen
