"""Rows that carry a signal, each different one once.

Catalogues repeat themselves: one blank picture stands for thousands of listings. Searching
among the different rows keeps the work in proportion to them, however often each occurs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from matcher.types import Embeddings, Encoded, Hashes, Int64

UInt64 = NDArray[np.uint64]
SUMMED = 2**17  # numbers summed at once


@dataclass(frozen=True, slots=True)
class Distinct:
    """The different rows of a table, numbered by first occurrence.

    Attributes:
        encoded: The different rows, shape ``(m, ...)``; none is zero or not present.
        number: For each of the ``n`` rows which of the ``m`` it is; -1 without signal.
        members: Rows by number, ascending within one.
        starts: Where the members of each number begin, shape ``(m,)``.
        sizes: How many members each number has, shape ``(m,)``.
    """

    encoded: Encoded
    number: Int64
    members: Int64
    starts: Int64
    sizes: Int64

    @classmethod
    def of(cls, encoded: Encoded) -> Self:
        """Find the different rows; O(n) hashing of the rows' bytes."""
        if isinstance(encoded, Embeddings) and not isinstance(encoded.vectors, np.ndarray):
            encoded = Embeddings(_canonical(encoded.vectors), encoded.source)
        present = np.flatnonzero(encoded.present)
        number = np.full(len(encoded), -1, np.int64)
        number[present] = _number(encoded, present)
        sizes = np.bincount(number[present])
        members = present[np.argsort(number[present], kind="stable")]
        starts = np.cumsum(sizes) - sizes
        return cls(take_rows(encoded, members[starts]), number, members, starts, sizes)

    def __len__(self) -> int:
        return len(self.number)

    @property
    def n_different(self) -> int:
        """Number of different rows."""
        return len(self.sizes)


def take_rows(encoded: Encoded, rows: Int64) -> Encoded:
    """Return the given rows, which must ascend; no copy when these are all."""
    if len(rows) == len(encoded):
        return encoded
    if isinstance(encoded, Hashes):
        return Hashes(encoded.codes[rows], encoded.present[rows], encoded.source)
    return Embeddings(encoded.vectors[rows], encoded.source, terms=encoded.terms)


def _canonical(vectors: csr_array) -> csr_array:
    """Return a CSR array with ascending indices, no repeated entry and no stored zero."""
    if vectors.has_canonical_format and vectors.data.all():
        return vectors
    clean = csr_array(vectors, copy=True)
    clean.sum_duplicates()
    clean.eliminate_zeros()
    return clean


def _number(encoded: Encoded, rows: Int64) -> Int64:
    """Number the different ones among some rows by first occurrence."""
    keys = encoded.codes[rows] if isinstance(encoded, Hashes) else _keys(encoded.vectors, rows)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return np.asarray(place[inverse.reshape(len(keys))])


def _keys(vectors: Any, rows: Int64) -> Int64:
    """A number per row that is equal for equal rows only.

    Equal rows have equal sums; those that share one may yet differ, and are told apart by
    digests of their bytes.
    """
    sums = _sums(vectors, rows) if isinstance(vectors, np.ndarray) else _sparse_sums(vectors, rows)
    _, keys, counts = np.unique(sums, return_inverse=True, return_counts=True)
    keys = keys.reshape(len(rows))
    shared = np.flatnonzero(counts[keys] > 1)
    seen: dict[bytes, int] = {}
    digests = _digests(vectors, rows[shared])
    keys[shared] = [len(counts) + seen.setdefault(digest, len(seen)) for digest in digests]
    return np.asarray(keys, np.int64)


@lru_cache(maxsize=8)
def _weights(n_columns: int) -> UInt64:
    weights = np.random.default_rng(0).integers(1, 2**63, n_columns, np.uint64)
    weights.flags.writeable = False
    return weights


def _sums(vectors: Any, rows: Int64) -> UInt64:
    """The bits of each row as whole numbers, weighted and summed."""
    n_columns = vectors.shape[1]
    weights, step = _weights(n_columns), max(1, SUMMED // max(1, n_columns))
    sums = np.zeros(len(rows), np.uint64)
    for start in range(0, len(rows), step):
        block = np.ascontiguousarray(vectors[rows[start : start + step]]).view(np.uint32)
        np.einsum("ij,j->i", block.astype(np.uint64), weights, out=sums[start : start + step])
    return sums


def _sparse_sums(vectors: Any, rows: Int64) -> UInt64:
    """The same of sparse rows, none of them empty."""
    if not len(rows):
        return np.empty(0, np.uint64)
    parts = vectors.data.view(np.uint32) * _weights(vectors.shape[1])[vectors.indices]
    # No row in between has any entry, so that each sum ends where its row does.
    return np.asarray(np.add.reduceat(parts, vectors.indptr[rows]))


def _digests(vectors: Any, rows: Int64) -> Iterator[bytes]:
    """Sixteen bytes per row that are equal for equal rows only."""
    if isinstance(vectors, np.ndarray):
        contents = (np.ascontiguousarray(vectors[row]).tobytes() for row in rows)
    else:
        spans = ((vectors.indptr[row], vectors.indptr[row + 1]) for row in rows)
        contents = (vectors.indices[a:b].tobytes() + vectors.data[a:b].tobytes() for a, b in spans)
    return (blake2b(content, digest_size=16).digest() for content in contents)
