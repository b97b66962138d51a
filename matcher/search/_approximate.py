"""What approximate indexes share: they may miss neighbours, but never score one wrongly."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, cast

import numpy as np

from matcher.search._candidates import even_blocks, places, rounding_slack, settle_listed, shortlist
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded, Float32, Int64

TILE_QUERIES = 256
TILE_ROWS = 2**16


class Found(NamedTuple):
    """Candidates with scores that are off by rounding, column by column."""

    rows: Int64
    cols: Int64
    scores: Float32


class ApproximateIndex(JoinIndex):
    """A ``JoinIndex`` whose plan may leave out pairs that belong in the answer.

    Scores, bounds, ties, self-pairs, repeated rows and rows without signal are those of every
    other index; only completeness is given up. ``measure_recall`` tells how much of it.
    """

    approximate: ClassVar[bool] = True

    def exactly(self) -> JoinIndex:
        """An exact index of the same dense rows, which it shares; nothing is copied."""
        return _Exactly(self)


class _Exactly(JoinIndex):
    """Compares each query with every row of another index."""

    kinds = ("dense vectors",)

    def __init__(self, other: JoinIndex) -> None:
        vars(self).update(vars(other))

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        left, right = (cast(Embeddings, e).vectors for e in (queries, self._held.encoded))

        def propose(block: slice) -> Pairs:
            rows, cols = compare_all(left[block], right, limits)
            return rows + block.start, cols

        return Plan(even_blocks(len(left), TILE_QUERIES), propose)


def compare_all(left: Float32, right: Float32, limits: Limits) -> Pairs:
    """At least the pairs of two small or large tables that belong in the answer.

    Memory beside the answer: a tile of 256 by 65,536 scores, 64 MiB, and some more for those
    that pass.
    """
    slack = rounding_slack(right.shape[1])
    found = []
    for queries in even_blocks(len(left), TILE_QUERIES):
        tiles = []
        for tile in even_blocks(len(right), TILE_ROWS):
            rows, cols, scores = compare(left[queries], right[tile], limits, slack)
            tiles.append(Found(rows, cols + tile.start, scores))
        rows, cols = best_of(tiles, limits.k, slack)
        found.append((rows + queries.start, cols))
    return np.concatenate([r for r, _ in found]), np.concatenate([c for _, c in found])


def compare(left: Float32, right: Float32, limits: Limits, slack: float) -> Found:
    """The pairs of two tables that may be among the ``k`` best of a row and reach the bound.

    Args:
        left: Shape ``(b, d)``.
        right: Shape ``(m, d)``.
        limits: What is wanted.
        slack: Largest error of a float32 product.
    """
    similarity = left @ right.T
    np.clip(similarity, -1, 1, out=similarity)
    chosen = shortlist(similarity, limits.k, limits.floor, slack)
    rows, cols = places(chosen, slice(0, len(left)))
    return Found(rows, cols, similarity[rows, cols])


def best_of(parts: list[Found], k: int | None, slack: float) -> Pairs:
    """Of candidates from several comparisons those that may be among the ``k`` best of a row."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, cols, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    if k is not None and len(rows):
        order = np.argsort(rows, kind="stable")
        rows, cols = rows[order], cols[order]
        kept = settle_listed(rows, cols, scores[order].astype(np.float64), k, slack)
        rows, cols = rows[kept], cols[kept]
    return rows, cols
