"""Listings with one picture share what their titles say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from matcher.blending._base import BlendingSettings
from matcher.blending._mixtures import as_embeddings
from matcher.blending._sums import weighted_sums
from matcher.search import make_index
from matcher.similarity import l2_normalize, l2_normalize_sparse
from matcher.types import Embeddings, Encoded, Int64, SimilarityGraph

BITS_PER_SCORE = 32  # the score of two hashes is 1 - h / 32
ROUNDING = 1e-6  # of the score of a vector with itself


class SharedTitles(BlendingSettings):
    """Title vectors shared across identical pictures.

    The title vector of a listing becomes the mean of those of all listings with its picture,
    its own included, scaled to length 1. A listing without a title takes that of the others.
    Between two tables the gallery shares within itself, and a query takes the mean of itself
    and of the gallery's listings with its picture.

    Attributes:
        of: Modalities of titles; several are each shared by themselves.
        by: Modality of pictures: hashes, or vectors.
        max_bits: Hashes that differ in so many bits count as one picture. Nearness does not
            chain: each listing has its own set. Of vectors those count that score
            ``1 - max_bits / 32``.
        max_listings: A picture of more listings than this is left alone: it is no picture of
            a product, but a blank or a shop's logo.

    Example:
        >>> from matcher.types import Hashes
        >>> title = Embeddings(np.float32([[1, 0], [0, 1], [0, 1]]), "title")
        >>> image = Hashes(np.array([7, 7, 0], np.uint64), np.array([True, True, True]))
        >>> (table,) = SharedTitles(of="title", by="image").blend({"title": title, "image": image})
        >>> table["title"].vectors.round(3)
        array([[0.707, 0.707],
               [0.707, 0.707],
               [0.   , 1.   ]], dtype=float32)
    """

    joins: ClassVar[bool] = False

    by: str
    max_bits: int = Field(0, ge=0, le=32)
    max_listings: int = Field(50, ge=2, le=1000)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that are read."""
        return (*self.of, *(name for name in [self.by] if name not in self.of))

    def _write(
        self, names: tuple[str, ...], tables: Sequence[Mapping[str, Encoded]]
    ) -> list[dict[str, Encoded]]:
        if not all(self.by in table for table in tables):
            return [{} for _ in tables]
        return [self._shared(names, table, tables[-1]) for table in tables]

    def _shared(
        self,
        names: tuple[str, ...],
        table: Mapping[str, Encoded],
        gallery: Mapping[str, Encoded],
    ) -> dict[str, Encoded]:
        """The titles of ``table``, with those of the gallery's listings of the same picture."""
        weights = self._same_picture(table[self.by], gallery[self.by], table is gallery)
        parts = []
        for name in names:
            own = as_embeddings(table[name])
            held = own if table is gallery else as_embeddings(gallery[name])
            alone = None if table is gallery else own.vectors
            sums = weighted_sums(weights, held.vectors, alone)
            dense = isinstance(sums, np.ndarray)
            unit = l2_normalize(sums) if dense else l2_normalize_sparse(sums)
            parts.append(Embeddings(unit, own.source, own.problems, own.terms))
        return self._named(names, parts)

    def _same_picture(self, pictures: Encoded, held: Encoded, within: bool) -> csr_array:
        """1 where a listing shares the picture of another; within one table also with itself."""
        bound = max(-1.0, 1 - self.max_bits / BITS_PER_SCORE)
        if isinstance(pictures, Embeddings):
            bound -= ROUNDING
        index = make_index(held)
        # Its own place within the table is found by nobody; so one neighbour less.
        most = self.max_listings - 1
        if within:
            found = index.search_within(most + 1, bound)
        else:
            found = index.search(pictures, most + 1, bound)
        rows, cols = _uncrowded(found, most)
        if within:
            itself = np.arange(len(pictures))
            rows, cols = np.append(rows, itself), np.append(cols, itself)
        order = np.lexsort((cols, rows))
        indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=len(pictures))))
        ones = np.ones(len(rows), np.float32)
        return csr_array((ones, cols[order], indptr), shape=(len(pictures), len(held)))


def _uncrowded(found: SimilarityGraph, most: int) -> tuple[Int64, Int64]:
    """Edges of the rows that have at most so many."""
    rows = found.rows()
    kept = (np.diff(found.indptr) <= most)[rows]
    return rows[kept], found.indices[kept]


Spec = SharedTitles
