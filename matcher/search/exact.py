"""Exact cosine search in dense vectors, by blocks of matrix products."""

from __future__ import annotations

from typing import cast

import numpy as np

from matcher.errors import ConfigError
from matcher.search._candidates import (
    BLOCK_BYTES,
    FLOAT64_UNIT,
    even_blocks,
    places,
    rounding_slack,
    settle,
    shortlist,
)
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded, Float32, Float64

CROWDED = 8  # candidates per neighbour wanted, from which float64 pays
PRECISE_PARTS = 16  # a crowded block is taken in parts, for what they need is larger
COLUMN_BLOCK = 2**22  # numbers converted to float64 at once


class ExactIndex(JoinIndex):
    """Compare every query with every row; the reference for approximate indexes.

    Blocks are multiplied in float32. Where thousands of rows are so close that its rounding
    could hide the best, float64 tells them apart. Time is O(q n d). Memory beside vectors
    and answer is some 100 MiB per thread, whatever the number of queries.

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
        slack = rounding_slack(left.shape[1])

        def propose(block: slice) -> Pairs:
            scores = left[block] @ right.T
            np.clip(scores, -1, 1, out=scores)  # what is clipped ties
            near = shortlist(scores, limits.k, limits.floor, slack)
            if limits.k is None or np.count_nonzero(near) <= CROWDED * limits.k * len(near):
                return places(near, block)
            del scores, near
            return _propose_precisely(left, right, block, limits)

        return Plan(
            even_blocks(len(left), min(self.block, BLOCK_BYTES // (4 * len(right)))), propose
        )


def _propose_precisely(left: Float32, right: Float32, block: slice, limits: Limits) -> Pairs:
    """Propose from scores in float64: two to four times slower, hardly one too many."""
    error = rounding_slack(left.shape[1], FLOAT64_UNIT)
    rows, cols = [], []
    step = -(-(block.stop - block.start) // PRECISE_PARTS)
    for part in even_blocks(block.stop - block.start, step):
        rows_of_part = slice(block.start + part.start, block.start + part.stop)
        scores = _float64_products(left[rows_of_part], right)
        found = places(settle(scores, limits.k, limits.floor, error), rows_of_part)
        rows.append(found[0])
        cols.append(found[1])
    return np.concatenate(rows), np.concatenate(cols)


def _float64_products(left: Float32, right: Float32) -> Float64:
    """Dot products of all pairs, without a float64 copy of all of ``right``."""
    scores = np.empty((len(left), len(right)))
    precise = left.astype(np.float64)
    for cols in even_blocks(len(right), COLUMN_BLOCK // right.shape[1]):
        scores[:, cols] = precise @ right[cols].astype(np.float64).T
    return scores
