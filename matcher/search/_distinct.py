"""Rows that carry a signal, each different one once.

Catalogues repeat themselves: one blank picture stands for thousands of listings. Searching
among the different rows keeps the work in proportion to them, however often each occurs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from matcher.types import Embeddings, Encoded, Hashes, Int64


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
        seen: dict[Hashable, int] = {}
        numbers = [seen.setdefault(key, len(seen)) for key in _keys(encoded, present)]
        number = np.full(len(encoded), -1, np.int64)
        number[present] = numbers
        sizes = np.bincount(number[present], minlength=len(seen))
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


def _keys(encoded: Encoded, rows: Int64) -> Iterator[Hashable]:
    """A value per row that is equal for equal rows; 16-byte digests do not collide."""
    if isinstance(encoded, Hashes):
        return iter(encoded.codes[rows].tolist())
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
