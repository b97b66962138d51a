"""Exact cosine search in dense vectors, by blocks of matrix products."""

from __future__ import annotations

from typing import cast

import numpy as np

from matcher.errors import ConfigError
from matcher.search._candidates import (
    BLOCK_BYTES,
    FLOAT32_UNIT,
    FLOAT64_UNIT,
    choose,
    even_blocks,
    places,
    rounding_slack,
)
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded, Float32, Float64, Int64

COLUMN_BLOCK = 2**22  # numbers converted to float64 at once


class ExactIndex(JoinIndex):
    """Compare every query with every row; the reference for approximate indexes.

    Blocks are multiplied in float32. Where thousands of rows are so close that its rounding
    could hide the best, float64 tells them apart. Time is O(q n d). Memory beside vectors
    and answer is some 150 MiB per thread, whatever the number of queries.

    Args:
        embeddings: Dense vectors to search in.
        block: Queries compared at once; fewer where their scores would exceed 64 MiB.

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
        slack, error = (rounding_slack(left.shape[1], u) for u in (FLOAT32_UNIT, FLOAT64_UNIT))

        def propose(block: slice) -> Pairs:
            def precisely(rows: Int64) -> Float64:
                return _float64_products(left[block][rows], right)

            scores = left[block] @ right.T
            return places(choose(scores, limits.k, limits.floor, slack, precisely, error), block)

        step = min(self.block, BLOCK_BYTES // (4 * len(right)))
        return Plan(even_blocks(len(left), step), propose)


def _float64_products(left: Float32, right: Float32) -> Float64:
    """Dot products of all pairs, without a float64 copy of all of ``right``."""
    scores = np.empty((len(left), len(right)))
    precise = left.astype(np.float64)
    for cols in even_blocks(len(right), COLUMN_BLOCK // right.shape[1]):
        scores[:, cols] = precise @ right[cols].astype(np.float64).T
    return scores
