"""Exact cosine search in dense vectors, by blocks of matrix products."""

from __future__ import annotations

from typing import cast

import numpy as np

from matcher.errors import ConfigError
from matcher.search._candidates import (
    BLOCK_BYTES,
    CROWDED,
    FLOAT32_UNIT,
    FLOAT64_UNIT,
    Best,
    choose,
    even_blocks,
    places,
    reachable,
    rounding_slack,
)
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.search._products import Products, make_products
from matcher.types import Bool, Embeddings, Encoded, Float32, Float64, Int64

COLUMN_BLOCK = 2**22  # numbers converted to float64 at once
TILE = 1024  # columns compared at once
GATHERED_FROM = 1e11  # multiplications; fewer are done before numba is loaded
GATHERED_BYTES = 2**25  # lists of candidates per thread
SCORE_BYTES = 12  # with its column
LEAST_GATHERED = 128  # rows; smaller tiles are slow to multiply
LEAST_CHOICE = 16  # rows held per neighbour wanted; of fewer, too many would be gathered


class ExactIndex(JoinIndex):
    """Compare every query with every row; the reference for approximate indexes.

    Tiles of scores are multiplied in float32, and where that takes a second or more in
    bfloat16 if the processor has it and OpenVINO is installed (the extra ``fast``). What may
    belong in the answer is scored anew. A ``min_score`` alone within the rows compares
    each pair once. Where thousands of rows are so close that rounding could hide the best,
    float64 tells them apart. Time is O(q n d). Memory beside vectors and answer is some
    150 MiB per thread, whatever the number of queries.

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

    def __init__(self, embeddings: Embeddings, block: int = 1024) -> None:
        if block < 1:
            raise ConfigError(f"block must be at least 1. Received: {block}.")
        super().__init__(embeddings)
        self.block = block

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        left, right = (cast(Embeddings, e).vectors for e in (queries, self._held.encoded))
        n_products = len(left) * len(right)
        if limits.k is None:
            products = make_products(left, right, n_products / (1 + within))
            return _plan_reaching(products, limits.floor, self.block, half=within)
        list_bytes = SCORE_BYTES * (CROWDED * limits.k + TILE)
        gathered_at_once = min(self.block, GATHERED_BYTES // list_bytes)
        chosen_from = len(right) >= LEAST_CHOICE * limits.k and gathered_at_once >= LEAST_GATHERED
        if chosen_from and n_products * left.shape[1] >= GATHERED_FROM:
            products = make_products(left, right, n_products)
            return _plan_gathered(products, limits.k, limits.floor, gathered_at_once)

        def propose(block: slice) -> Pairs:
            return places(_compare(left[block], right, limits.k, limits.floor), block)

        step = min(self.block, BLOCK_BYTES // (4 * len(right)))
        return Plan(even_blocks(len(left), step), propose)


def _plan_reaching(products: Products, floor: float, step: int, half: bool) -> Plan:
    """Propose all pairs that may reach ``floor``; of half the tiles if ``half``."""
    lowest = np.float32(reachable(floor - products.error))
    n_rows, n_cols = len(products.left), len(products.right)

    def propose(block: slice) -> Pairs:
        found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for cols in even_blocks(n_cols, TILE):
            if half and cols.stop <= block.start:
                continue
            scores, at = products.reaching(block, cols, lowest)
            tile_rows, tile_cols = np.divmod(at, scores.shape[1])
            rows, columns = tile_rows + block.start, tile_cols + cols.start
            kept = columns >= rows if half else slice(None)
            found.append((rows[kept], columns[kept]))
        rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
        return rows, columns

    most = BLOCK_BYTES // (4 * TILE)
    return Plan(even_blocks(n_rows, min(step, most)), propose, half)


def _plan_gathered(products: Products, k: int, floor: float, step: int) -> Plan:
    """Gather the best of each row from tile to tile; compare crowded rows one by one."""
    left, right = products.left, products.right

    def propose(block: slice) -> Pairs:
        best = Best(len(left[block]), k, floor, products.error, TILE)
        best.begin(products.block(block, slice(0, TILE)))
        for cols in even_blocks(len(right), TILE):
            best.add(*products.reaching(block, cols, best.lowest), cols.start)
        *sparse, crowded = best.finish()
        found = [sparse]
        for part in even_blocks(len(crowded), BLOCK_BYTES // (4 * len(right))):
            chosen = _compare(left[block][crowded[part]], right, k, floor)
            at, columns = places(chosen, slice(0, len(chosen)))
            found.append([crowded[part][at], columns])
        rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.argsort(columns // TILE, kind="stable")  # scored while a tile is in the cache
        return rows[order] + block.start, columns[order]

    return Plan(even_blocks(len(left), step), propose)


def _compare(left: Float32, right: Float32, k: int | None, floor: float) -> Bool:
    """Which pairs may belong in the answer, shape ``(b, n)``, in float32 and float64."""
    slack, error = (rounding_slack(left.shape[1], u) for u in (FLOAT32_UNIT, FLOAT64_UNIT))

    def precisely(rows: Int64) -> Float64:
        return float64_products(left[rows], right)

    return choose(left @ right.T, k, floor, slack, precisely, error)


def float64_products(left: Float32, right: Float32) -> Float64:
    """Dot products of all pairs, without a float64 copy of all of ``right``."""
    scores = np.empty((len(left), len(right)))
    precise = left.astype(np.float64)
    for cols in even_blocks(len(right), COLUMN_BLOCK // right.shape[1]):
        scores[:, cols] = precise @ right[cols].astype(np.float64).T
    return scores
