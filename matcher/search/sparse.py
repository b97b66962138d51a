"""Exact cosine search in sparse vectors, by blocks of sparse matrix products."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from matcher.search._candidates import (
    BLOCK_BYTES,
    even_blocks,
    rounding_slack,
    shortlist,
    shortlist_listed,
    weighed_blocks,
)
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded

EDGE_BYTES = 16  # a score, its place, and what comparing it takes


class SparseIndex(JoinIndex):
    """Multiply blocks of queries with all rows, term by term.

    Time is the number of products: for each term, how often it occurs in the queries times
    how often in the rows. Memory beside vectors (held twice) and answer is a block of scores
    per thread, 64 MiB at most. Without a ``min_score`` above 0, rows that share no term
    count too, and the blocks hold all rows.

    Args:
        embeddings: CSR vectors to search in.
    """

    kinds = ("sparse vectors",)

    def __init__(self, embeddings: Embeddings) -> None:
        super().__init__(embeddings)
        vectors: Any = cast(Embeddings, self._held.encoded).vectors
        self._columns = vectors.T.tocsr()

    def _plan(self, queries: Encoded, limits: Limits) -> Plan:
        left: Any = cast(Embeddings, queries).vectors
        n_held = self._columns.shape[1]
        slack = rounding_slack(int(np.diff(left.indptr).max(initial=0)))
        lowest = limits.floor - slack

        def propose_sharing(block: slice) -> Pairs:
            scores = left[block] @ self._columns
            at = np.flatnonzero(scores.data >= lowest)
            rows = np.searchsorted(scores.indptr, at, side="right") - 1
            if limits.k is not None:
                near = np.minimum(scores.data[at], 1)  # what is clipped ties
                kept = shortlist_listed(rows, near, limits.k, slack)
                rows, at = rows[kept], at[kept]
            return rows + block.start, scores.indices[at].astype(np.int64)

        def propose_any(block: slice) -> Pairs:
            scores = np.clip((left[block] @ self._columns).toarray(), -1, 1)
            rows, cols = shortlist(scores, limits.k, limits.floor, slack)
            return rows + block.start, cols

        if lowest <= 0:
            return Plan(
                even_blocks(left.shape[0], BLOCK_BYTES // (EDGE_BYTES * n_held)), propose_any
            )
        n_holders = np.diff(self._columns.indptr)[left.indices]
        n_products = np.diff(np.append(0, np.cumsum(n_holders))[left.indptr])
        weights = EDGE_BYTES * np.minimum(n_products, n_held)
        return Plan(weighed_blocks(weights, BLOCK_BYTES), propose_sharing)
