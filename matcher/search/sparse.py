"""Exact cosine search in sparse vectors, by blocks of sparse matrix products."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from matcher.search._candidates import (
    BLOCK_BYTES,
    FLOAT64_UNIT,
    choose,
    even_blocks,
    places,
    rounding_slack,
    settle_listed,
    weighed_blocks,
)
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded

PRODUCT_BYTES = 16  # a stored product, its column, and what comparing it takes
SCORE_BYTES = 32  # the same where all pairs are stored, related or not


class SparseIndex(JoinIndex):
    """Multiply blocks of queries with all rows, term by term.

    Time is the number of products: for each term, how often it occurs in the queries times
    how often in the rows. Memory beside vectors (held twice) and answer is some 64 MiB per
    thread. Without a ``min_score`` above 0 even rows that share no term may be wanted; that
    takes longer.

    Args:
        embeddings: CSR vectors to search in.

    Example:
        >>> from scipy.sparse import csr_array
        >>> vectors = csr_array(np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32))
        >>> graph = SparseIndex(Embeddings(vectors, "by hand")).search_within(min_score=0.7)
        >>> graph.indices, graph.scores
        (array([2, 1]), array([0.8, 0.8], dtype=float32))
    """

    kinds = ("sparse vectors",)

    def __init__(self, embeddings: Embeddings) -> None:
        super().__init__(embeddings)
        vectors: Any = cast(Embeddings, self._held.encoded).vectors
        self._columns = vectors.T.tocsr().astype(np.float64)

    def _plan(self, queries: Encoded, limits: Limits) -> Plan:
        left: Any = cast(Embeddings, queries).vectors
        n_held = self._columns.shape[1]
        n_terms = np.diff(left.indptr)
        error = rounding_slack(int(n_terms.max()), FLOAT64_UNIT)
        lowest = limits.floor - rounding_slack(0)  # a lower score may round to the floor

        def propose_related(block: slice) -> Pairs:
            scores = left[block].astype(np.float64) @ self._columns
            at = np.flatnonzero(scores.data >= lowest - error)
            rows = np.searchsorted(scores.indptr, at, side="right") - 1
            cols = scores.indices[at].astype(np.int64)
            if limits.k is None:
                return rows + block.start, cols
            kept = settle_listed(rows, cols, scores.data[at], limits.k, error)
            return rows[kept] + block.start, cols[kept]

        def propose_any(block: slice) -> Pairs:
            scores = (left[block].astype(np.float64) @ self._columns).toarray()
            slack = rounding_slack(0) + error
            return places(
                choose(scores, limits.k, limits.floor, slack, scores.__getitem__, error), block
            )

        if lowest - error <= 0:
            return Plan(
                even_blocks(len(n_terms), BLOCK_BYTES // (SCORE_BYTES * n_held)), propose_any
            )
        n_holders = np.diff(self._columns.indptr)[left.indices]
        n_products = np.diff(np.append(0, np.cumsum(n_holders))[left.indptr])
        weights = PRODUCT_BYTES * np.minimum(n_products, n_held)
        return Plan(weighed_blocks(weights, BLOCK_BYTES), propose_related)
