"""One score per pair, the same number wherever it is asked for.

Indexes propose candidates by fast, approximate arithmetic; the score of a pair is always
the one computed here, so that ties and bounds do not depend on block size or library.
"""

from __future__ import annotations

import sys
from math import fsum
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from matcher.machine_code import compiled
from matcher.types import Encoded, Float32, Float64, Hashes, Int64, UInt64

DENSE_BLOCK = 2**17  # numbers gathered at once: two such blocks stay in a core's own cache
NOISE = 2.0**-30  # the order of a sum must not break ties between unrelated rows
SPARSE_BLOCK = 4096  # pairs
MERGED_BEFORE_NUMBA = 2**21  # pairs at once that are worth loading numba
COMPILED_FROM = 2**25  # numbers gathered; fewer are summed before numba is loaded
COMPILED_FROM_IF_LOADED = 2**18


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

    Vectors: the dot product summed in float64, see ``as_scores``; for dense ones, where the
    order of terms could change the score, summed exactly and rounded once. Hashes: ``1 - h / 32``.
    Symmetric, and a matter of the two rows alone. Memory beside the result: 1 MiB for dense
    vectors, the terms of a few thousand rows for sparse ones.

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
    if isinstance(vectors[0], np.ndarray):
        return _dense_scores(*vectors, rows, cols)
    return as_scores(_sparse_dots(*vectors, rows, cols))


def as_scores(dots: Float64) -> Float32:
    """Clip to [-1, 1] and round to float32; what is closer to 0 than ``NOISE`` is 0.

    Overwrites ``dots``.
    """
    dots[np.abs(dots) < NOISE] = 0
    return np.clip(dots, -1, 1, out=dots).astype(np.float32)


def _dense_scores(left: Float32, right: Float32, rows: Int64, cols: Int64) -> Float32:
    """Scores that do not depend on the order in which products are summed."""
    enough = COMPILED_FROM_IF_LOADED if "numba" in sys.modules else COMPILED_FROM
    many = len(rows) * left.shape[1] >= enough
    by_machine = many and left.flags.c_contiguous and right.flags.c_contiguous
    dots = (_sum_products if by_machine else _dense_dots)(left, right, rows, cols)
    error = 2.0**-52 * (left.shape[1] + 8)  # see rounding_slack; products alone are exact
    scores, above = as_scores(dots - error), as_scores(dots + error)
    for at in np.flatnonzero(scores != above):
        terms = left[rows[at]].astype(np.float64) * right[cols[at]]
        scores[at] = as_scores(np.array([fsum(terms)]))[0]
    return scores


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


@compiled(fastmath={"reassoc", "contract"})  # eight terms at a time, summed in any order
def _sum_products(left: Float32, right: Float32, rows: Int64, cols: Int64) -> Float64:
    """Dot products of rows where they lie, without gathering them."""
    dots = np.empty(len(rows), np.float64)
    for pair in range(len(rows)):
        row, col, total = rows[pair], cols[pair], 0.0
        for i in range(left.shape[1]):
            total += np.float64(left[row, i]) * np.float64(right[col, i])
        dots[pair] = total
    return dots


@compiled()
def _merge_dots(a: Any, b: Any, rows: Int64, cols: Int64) -> Float64:
    """Dot products of sparse rows with ascending indices, term by term."""
    (a_starts, a_indices, a_values), (b_starts, b_indices, b_values) = a, b
    dots = np.empty(len(rows), np.float64)
    for pair in range(len(rows)):
        x, x_end = a_starts[rows[pair]], a_starts[rows[pair] + 1]
        y, y_end = b_starts[cols[pair]], b_starts[cols[pair] + 1]
        total = 0.0
        while x < x_end and y < y_end:
            if a_indices[x] < b_indices[y]:
                x += 1
            elif a_indices[x] > b_indices[y]:
                y += 1
            else:
                total += np.float64(a_values[x]) * np.float64(b_values[y])
                x += 1
                y += 1
        dots[pair] = total
    return dots


def _sparse_dots(left: csr_array, right: csr_array, rows: Int64, cols: Int64) -> Float64:
    """Dot products of CSR rows, by the terms that both hold."""
    by_machine = "numba" in sys.modules or len(rows) >= MERGED_BEFORE_NUMBA
    if by_machine and left.has_canonical_format and right.has_canonical_format:
        a, b = ((t.indptr, t.indices, t.data) for t in (left, right))
        return _merge_dots(a, b, rows, cols)
    ones = np.ones(left.shape[1])
    dots = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), SPARSE_BLOCK):
        block = slice(start, start + SPARSE_BLOCK)
        a, b = left[rows[block]].astype(np.float64), right[cols[block]].astype(np.float64)
        dots[block] = a.multiply(b) @ ones
    return dots
