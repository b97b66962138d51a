"""Exact cosine search in dense vectors, by blocks of matrix products."""

from __future__ import annotations

from typing import cast

import numpy as np

from matcher.errors import ConfigError
from matcher.search._candidates import BLOCK_BYTES, even_blocks, rounding_slack, shortlist
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded


class ExactIndex(JoinIndex):
    """Compare every query with every row; the reference for approximate indexes.

    Time is O(q n d). Memory beside vectors and answer is a block of scores per thread, 64 MiB
    at most, whatever the number of queries.

    Args:
        embeddings: Dense vectors to search in.
        block: Queries compared at once; fewer where their scores would not fit.

    Example:
        >>> vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
        >>> graph = ExactIndex(Embeddings(vectors, "by hand")).search_within(k=1)
        >>> graph.indices, graph.scores
        (array([1, 2, 1]), array([0.6, 0.8, 0.8], dtype=float32))
    """

    kinds = ("dense vectors",)

    def __init__(self, embeddings: Embeddings, block: int = 512) -> None:
        if block < 1:
            raise ConfigError(f"block must be at least 1. Received: {block}.")
        super().__init__(embeddings)
        self.block = block

    def _plan(self, queries: Encoded, limits: Limits) -> Plan:
        left, right = (cast(Embeddings, e).vectors for e in (queries, self._held.encoded))
        slack = rounding_slack(left.shape[1])

        def propose(block: slice) -> Pairs:
            scores = left[block] @ right.T
            np.clip(scores, -1, 1, out=scores)  # what is clipped ties
            rows, cols = shortlist(scores, limits.k, limits.floor, slack)
            return rows + block.start, cols

        return Plan(
            even_blocks(len(left), min(self.block, BLOCK_BYTES // (4 * len(right)))), propose
        )
