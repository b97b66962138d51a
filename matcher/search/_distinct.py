"""Rows that carry a signal, each different one once.

Catalogues repeat themselves: one blank picture stands for thousands of listings. Searching
among the different rows keeps the work in proportion to them, however often each occurs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from matcher.types import Bool, Embeddings, Encoded, Hashes, Int64

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
    if isinstance(encoded, Hashes):
        codes = encoded.codes[rows]
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        place = np.empty(len(first), np.int64)
        place[np.argsort(first)] = np.arange(len(first))
        return np.asarray(place[inverse.reshape(len(codes))])
    alone = _surely_alone(encoded.vectors, rows)
    digests = iter(_digests(encoded, rows[~alone]))
    seen: dict[bytes | int, int] = {}
    keys = (i if by_itself else next(digests) for i, by_itself in enumerate(alone.tolist()))
    return np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)


def _surely_alone(vectors: Any, rows: Int64) -> Bool:
    """Whether a row's weighted sum of bits, as whole numbers, is that of no other row.

    Equal rows have equal sums; those that share one may yet differ. Sparse rows are not looked at.
    """
    if not isinstance(vectors, np.ndarray) or not vectors.shape[1]:
        return np.zeros(len(rows), np.bool_)
    weights = np.random.default_rng(0).integers(1, 2**63, vectors.shape[1], np.uint64)
    step = max(1, SUMMED // vectors.shape[1])
    sums = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), step):
        block = np.ascontiguousarray(vectors[rows[start : start + step]]).view(np.uint32)
        np.einsum("ij,j->i", block.astype(np.uint64), weights, out=sums[start : start + step])
    _, inverse, counts = np.unique(sums, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse.reshape(len(rows))] == 1)


def _digests(encoded: Embeddings, rows: Int64) -> Iterator[bytes]:
    """Sixteen bytes per row that are equal for equal rows only."""
    vectors = encoded.vectors
    if isinstance(vectors, np.ndarray):
        vectors = np.ascontiguousarray(vectors)
        return (blake2b(vectors[row], digest_size=16).digest() for row in rows)
    spans = ((vectors.indptr[row], vectors.indptr[row + 1]) for row in rows)
    return (
        blake2b(
            vectors.indices[a:b].tobytes() + vectors.data[a:b].tobytes(), digest_size=16
        ).digest()
        for a, b in spans
    )
