"""Indexes that stay ready between searches."""

from __future__ import annotations

from threading import Lock
from typing import Any, cast

import numpy as np

from matcher.search._candidates import FLOAT64_UNIT, rounding_slack, settle_listed, weighed_blocks
from matcher.search._join import Limits, Pairs, Plan
from matcher.search._sparse_kernels import Index, Queries, Wanted, search_rows
from matcher.search.sparse import (
    HEAD_SHARE,
    N_BLOCKS,
    SparseIndex,
    _found,
    _head,
    _index,
    _lengths,
    _scratch,
    _sum_by_row,
)
from matcher.types import Embeddings, Encoded, Int64

MANY = 2_048  # queries that pay for an index made for their bound
FEW = 64  # queries that one thread answers faster than two share them


class ReadySparseIndex(SparseIndex):
    """A sparse index whose inverted lists are made once, and serve one query as well as many.

    Lists made for a lowest score leave the commonest terms out until they matter. They are right
    for other lowest scores too, only slower. Many queries pay for lists of their own.

    Args:
        embeddings: Rows to search in.
        usual: Lowest score that few queries mostly ask for.
    """

    def __init__(self, embeddings: Embeddings, usual: float = 0.0) -> None:
        super().__init__(embeddings)
        self._usual = usual
        self._made: dict[float, tuple[Any, Index]] = {}
        self._making = Lock()

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        left: Any = cast(Embeddings, queries).vectors
        error = rounding_slack(int(np.diff(left.indptr).max()), FLOAT64_UNIT)
        margin = rounding_slack(0) + error
        lowest = limits.floor - margin
        if limits.k is None or lowest <= 0:
            return super()._plan(queries, limits, within)
        in_head, index = self._ready(limits.floor if left.shape[0] >= MANY else self._usual)
        wanted = Wanted(lowest, limits.k, False, error, margin)
        asked = Queries(
            left.indptr.astype(np.int64),
            left.indices.astype(np.int32, copy=False),
            left.data,
            _lengths(left, in_head[left.indices]),
        )
        n_held, k = self._vectors.shape[0], limits.k

        def propose(block: slice) -> Pairs:
            scratch, found = _scratch(index), _found(n_held)
            parts, first = [], block.start
            while first < block.stop:
                first, n = search_rows(asked, index, scratch, found, wanted, first, block.stop)
                kept: Int64 = np.empty(0, np.int64)
                if n:
                    kept = settle_listed(found.rows[:n], found.cols[:n], found.scores[:n], k, error)
                parts.append((found.rows[:n][kept], found.cols[:n][kept]))
            rows, cols = (np.concatenate(column) for column in zip(*parts, strict=True))
            return rows, cols

        if left.shape[0] <= FEW:
            return Plan([slice(0, left.shape[0])], propose)
        work = _sum_by_row(left, np.diff(index.starts)[left.indices]) + len(index.longest)
        return Plan(weighed_blocks(work, max(1, int(work.sum()) // N_BLOCKS)), propose)

    def warm(self) -> None:
        """Make the lists that few queries go through."""
        if self._held.n_different:
            self._ready(self._usual)

    def rest(self) -> None:
        """Let go of the lists that many queries went through."""
        with self._making:
            self._made = {at: made for at, made in self._made.items() if at == self._usual}

    def _ready(self, floor: float) -> tuple[Any, Index]:
        """Lists made for a lowest score."""
        with self._making:
            if floor not in self._made:
                in_head = _head(self._vectors, HEAD_SHARE * floor)
                self._made[floor] = in_head, _index(self._vectors, in_head)
            return self._made[floor]
