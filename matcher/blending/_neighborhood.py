"""Adding to a listing's vector those of its neighbours."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from matcher.blending._base import MixtureBlending
from matcher.blending._mixtures import Mixture, unit_rows
from matcher.blending._sums import scale_rows, weighted_sums
from matcher.similarity import l2_normalize, l2_normalize_sparse
from matcher.types import Bool, Embeddings, Float32, Int64, SimilarityGraph, row_norms


class NeighborhoodBlending(MixtureBlending):
    """Settings of blendings with one round of neighbours.

    Of several modalities, neighbours are found in the weighted concatenation, and each is
    blended over the same neighbours.

    Attributes:
        neighbors: Most neighbours of a listing, itself not counted.
        neighbor_min_score: Lowest score of a neighbour, in [0, 1]. Catalogues are full of
            listings without a second: without a bound these take on their neighbours' looks.
    """

    neighbors: int = Field(10, ge=1, le=1000)
    neighbor_min_score: float = Field(0.5, ge=0, le=1)


def blend_rows(
    own: Mixture, held: Mixture, neighbors: SimilarityGraph, weights: Float32
) -> Mixture:
    """Add neighbours to each row, which itself counts 1, and scale to length 1.

    Args:
        own: Rows that change. A part that a row lacks it goes on lacking.
        held: Rows that ``neighbors`` points into; the same object within one table.
        neighbors: Neighbours of each row of ``own``; no row is its own.
        weights: What each edge counts, 0 or more, shape ``(n_edges,)``.
    """
    within = own is held
    rows, cols, counts = neighbors.rows(), neighbors.indices, weights
    if within:  # as one sum by ascending column: copies stay equal to the last bit
        itself = np.arange(len(own))
        rows, cols = np.append(rows, itself), np.append(cols, itself)
        counts = np.append(counts, np.ones(len(own), np.float32))
    parts, lengths = [], []
    for i, part in enumerate(own.parts):
        share, mine = held.shares[:, i], own.shares[:, i]
        table = _table(rows, cols, counts * share[cols] * (mine[rows] > 0), own, held)
        alone = None if within else scale_rows(part.vectors, mine)
        sums = weighted_sums(table, held.parts[i].vectors, alone)
        lengths.append(row_norms(sums))
        dense = isinstance(sums, np.ndarray)
        unit = l2_normalize(sums) if dense else l2_normalize_sparse(sums)
        parts.append(Embeddings(unit, part.source, part.problems, part.terms))
    return Mixture(tuple(parts), unit_rows(np.stack(lengths, axis=1)))


def _table(rows: Int64, cols: Int64, counts: Float32, own: Mixture, held: Mixture) -> csr_array:
    """Weights of the neighbours as a CSR array, columns ascending."""
    kept: Bool = counts > 0
    order = np.lexsort((cols[kept], rows[kept]))
    indptr = np.append(0, np.cumsum(np.bincount(rows[kept], minlength=len(own))))
    data = counts[kept][order].astype(np.float32)
    return csr_array((data, cols[kept][order], indptr), shape=(len(own), len(held)))
