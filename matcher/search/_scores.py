"""One score per pair, the same number wherever it is asked for.

Indexes propose candidates by fast, approximate arithmetic; the score of a pair is always
the one computed here, so that ties and bounds do not depend on block size or library.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from matcher.types import Encoded, Float32, Float64, Hashes, Int64, UInt64

DENSE_BLOCK = 2**17  # numbers gathered at once: two such blocks stay in a core's own cache
NOISE = 2.0**-30  # the order of a sum must not break ties between unrelated rows
SPARSE_BLOCK = 4096  # pairs


def count_bits(codes: UInt64) -> NDArray[np.uint8]:
    """Number of set bits of each code, same shape."""
    if hasattr(np, "bitwise_count"):
        return cast(NDArray[np.uint8], np.bitwise_count(codes))
    return _count_bits_by_table(codes)  # NumPy 1


def _count_bits_by_table(codes: UInt64) -> NDArray[np.uint8]:
    octets = np.arange(256, dtype=np.uint8)
    table = np.unpackbits(octets[:, None], axis=1).sum(axis=1, dtype=np.uint8)
    parts = np.ascontiguousarray(codes)[..., None].view(np.uint8)
    return cast(NDArray[np.uint8], table[parts].sum(axis=-1, dtype=np.uint8))


def pair_scores(left: Encoded, right: Encoded, rows: Int64, cols: Int64) -> Float32:
    """Score of ``left[rows[i]]`` with ``right[cols[i]]`` for every ``i``.

    Vectors: the dot product summed in float64, see ``as_scores``.
    Hashes: ``1 - h / 32``. Symmetric, and a matter of the two rows alone. Memory beside the
    result: 1 MiB for dense vectors, the terms of a few thousand rows for sparse ones.

    Args:
        left: Holds the rows that ``rows`` points to.
        right: Of the same kind and width as ``left``.
        rows: Shape ``(m,)``.
        cols: Shape ``(m,)``.

    Returns:
        Scores in [-1, 1], shape ``(m,)``; meaningless where a row carries no signal.
    """
    if isinstance(left, Hashes):
        bits = count_bits(left.codes[rows] ^ cast(Hashes, right).codes[cols])
        return (1 - bits / 32).astype(np.float32)
    vectors = left.vectors, right.vectors  # type: ignore[union-attr]
    dot = _dense_dots if isinstance(vectors[0], np.ndarray) else _sparse_dots
    return as_scores(dot(*vectors, rows, cols))


def as_scores(dots: Float64) -> Float32:
    """Clip to [-1, 1] and round to float32; what is closer to 0 than ``NOISE`` is 0.

    Overwrites ``dots``.
    """
    dots[np.abs(dots) < NOISE] = 0
    return np.clip(dots, -1, 1, out=dots).astype(np.float32)


def _dense_dots(left: Float32, right: Float32, rows: Int64, cols: Int64) -> Float64:
    """Dot products of rows, gathered into two buffers that are used again and again."""
    step = max(1, DENSE_BLOCK // max(1, left.shape[1]))
    a, b = (np.empty((step, left.shape[1]), np.float32) for _ in "ab")
    dots = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        n = len(rows[block])
        np.take(left, rows[block], axis=0, out=a[:n], mode="clip")  # other modes copy first
        np.take(right, cols[block], axis=0, out=b[:n], mode="clip")
        np.einsum("ij,ij->i", a[:n], b[:n], dtype=np.float64, out=dots[block])
    return dots


def _sparse_dots(left: csr_array, right: csr_array, rows: Int64, cols: Int64) -> Float64:
    """Dot products of CSR rows, by the terms that both hold."""
    ones = np.ones(left.shape[1])
    dots = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), SPARSE_BLOCK):
        block = slice(start, start + SPARSE_BLOCK)
        a, b = left[rows[block]].astype(np.float64), right[cols[block]].astype(np.float64)
        dots[block] = a.multiply(b) @ ones
    return dots
