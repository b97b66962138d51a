"""Weighted sums of rows, dense or sparse, in memory that grows with the number of rows."""

from __future__ import annotations

from typing import TypeVar, cast

import numpy as np
from scipy.sparse import csr_array, vstack

from matcher.types import Float32

Vectors = TypeVar("Vectors", Float32, csr_array)
ROWS = 2048  # summed at once
MOST_TERMS = 1024  # kept of a sparse row: a sum of sums would fill up


def scale_rows(vectors: Float32 | csr_array, factors: Float32) -> Float32 | csr_array:
    """Multiply each row with a number; a sparse zero is no entry."""
    if isinstance(vectors, np.ndarray):
        return (vectors * factors[:, None]).astype(np.float32)
    data = vectors.data * np.repeat(factors, np.diff(vectors.indptr))
    scaled = csr_array(
        (data.astype(np.float32), vectors.indices, vectors.indptr), shape=vectors.shape, copy=True
    )
    scaled.eliminate_zeros()
    return scaled


def weighted_sums(
    weights: csr_array, vectors: Float32 | csr_array, own: Float32 | csr_array | None = None
) -> Float32 | csr_array:
    """Sum rows of ``vectors``, and add ``own``.

    Args:
        weights: Row by row what each row of ``vectors`` counts, shape ``(n, m)``, columns
            ascending: equal weights of equal rows give the same sum to the last bit.
        vectors: Shape ``(m, d)``.
        own: Shape ``(n, d)``.

    Returns:
        Shape ``(n, d)``, sparse if ``vectors`` is. Of a sparse sum the 1,024 largest entries
        of each row are kept.
    """
    if isinstance(vectors, np.ndarray):
        sums = weights @ vectors
        return sums if own is None else sums + own
    blocks = []
    for start in range(0, weights.shape[0], ROWS):
        block = slice(start, start + ROWS)
        sums = weights[block] @ vectors
        blocks.append(_largest(sums if own is None else sums + own[block]))
    if not blocks:
        return csr_array((0, vectors.shape[1]), dtype=np.float32)
    return csr_array(vstack(blocks, format="csr"))


def _largest(vectors: csr_array, most: int = MOST_TERMS) -> csr_array:
    """The largest entries of each row, ties by lower column; columns ascend."""
    vectors = csr_array(vectors)
    vectors.sort_indices()
    sizes = np.diff(vectors.indptr)
    if not len(sizes) or sizes.max() <= most:
        return vectors
    rows = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((vectors.indices, -np.abs(vectors.data), rows))
    kept = np.sort(order[np.arange(len(rows)) - vectors.indptr[rows] < most])
    indptr = np.append(0, np.cumsum(np.minimum(sizes, most)))
    shape = cast(tuple[int, int], vectors.shape)
    return csr_array((vectors.data[kept], vectors.indices[kept], indptr), shape=shape)
