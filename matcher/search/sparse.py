"""Exact cosine search in sparse vectors, term by term."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import numpy as np
from scipy.sparse import csr_array

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
from matcher.search._sparse_kernels import (
    DEAD,
    Found,
    Index,
    Queries,
    Scratch,
    Wanted,
    search_rows,
)
from matcher.types import Bool, Embeddings, Encoded, Float64, Int64

PRODUCT_BYTES = 16  # a stored product, its column, and what comparing it takes
SCORE_BYTES = 32  # the same where all pairs are stored, related or not
COMPILED_PRODUCTS = 2**24  # from which compiled loops pay for being loaded
HEAD_SHARE = 0.25  # of the score wanted: what the head of two rows has in common at the most
FOUND_ROOM = 2**18  # candidates listed at once
MOST_CHUNKS = 2**13
LEAST_SHIFT = 6
N_BLOCKS = 64


class SparseIndex(JoinIndex):
    """Search by the rows that share terms with a query.

    From 2**24 products on (pairs, where unrelated ones may be wanted), compiled loops go
    through an inverted index, and through the commonest terms only where they could matter
    (``_sparse_kernels``); joins by ``min_score`` alone then compare half of the pairs. Fewer
    products, and a join of all rows with all, are SciPy's, by blocks.

    Memory beside vectors (held three times) and answer: 10 bytes per row held and 24 per
    candidate listed, of which there are 2**18 or the rows held, per thread; for SciPy's
    products some 64 MiB per thread. Without a ``min_score`` above 0 even rows that share no
    term may be wanted; that takes longer.

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
        self._vectors: Any = cast(Embeddings, self._held.encoded).vectors

    @cached_property
    def _columns(self) -> Any:
        """The transposed vectors in float64."""
        return self._vectors.T.tocsr().astype(np.float64)

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        left: Any = cast(Embeddings, queries).vectors
        error = rounding_slack(int(np.diff(left.indptr).max()), FLOAT64_UNIT)
        lowest = limits.floor - rounding_slack(0) - error  # a lower score may round to the floor
        if limits.k is None and lowest <= 0:  # all pairs
            return _plan_any(left, self._columns, limits, error)
        n_pairs = left.shape[0] * self._vectors.shape[0]
        n_products = _n_products(left, self._vectors) if lowest > 0 else n_pairs
        if n_products >= COMPILED_PRODUCTS:
            return _plan_compiled(left, self._vectors, limits, within, error)
        if lowest <= 0:
            return _plan_any(left, self._columns, limits, error)
        return _plan_related(left, self._columns, limits, lowest, error)


def _n_products(left: Any, right: Any) -> int:
    """Terms that a query and a row share, counted for all pairs."""
    holders = (np.bincount(v.indices, minlength=v.shape[1]) for v in (left, right))
    return int(np.dot(*holders))


def _plan_related(left: Any, columns: Any, limits: Limits, lowest: float, error: float) -> Plan:
    """Multiply with what shares a term."""

    def propose(block: slice) -> Pairs:
        scores = left[block].astype(np.float64) @ columns
        at = np.flatnonzero(scores.data >= lowest)
        rows = np.searchsorted(scores.indptr, at, side="right") - 1
        cols = scores.indices[at].astype(np.int64)
        if limits.k is None:
            return rows + block.start, cols
        kept = settle_listed(rows, cols, scores.data[at], limits.k, error)
        return rows[kept] + block.start, cols[kept]

    n_holders = np.diff(columns.indptr)[left.indices]
    weights = PRODUCT_BYTES * np.minimum(_sum_by_row(left, n_holders), columns.shape[1])
    return Plan(weighed_blocks(weights, BLOCK_BYTES), propose)


def _plan_any(left: Any, columns: Any, limits: Limits, error: float) -> Plan:
    """Score all pairs."""

    def propose(block: slice) -> Pairs:
        scores = (left[block].astype(np.float64) @ columns).toarray()
        slack = rounding_slack(0) + error
        chosen = choose(scores, limits.k, limits.floor, slack, scores.__getitem__, error)
        return places(chosen, block)

    return Plan(
        even_blocks(left.shape[0], BLOCK_BYTES // (SCORE_BYTES * columns.shape[1])), propose
    )


def _plan_compiled(left: Any, right: Any, limits: Limits, within: bool, error: float) -> Plan:
    """Go through an inverted index."""
    margin = rounding_slack(0) + error
    lowest = limits.floor - margin
    half = within and limits.k is None
    # Scores below -1 are yet to be clipped.
    wanted = Wanted(lowest if lowest > -1 else -2.0, limits.k or 0, half, error, margin)
    in_head = _head(right, HEAD_SHARE * max(lowest, 0))
    index = _index(right, in_head)
    queries = Queries(
        left.indptr.astype(np.int64),
        left.indices.astype(np.int32, copy=False),
        left.data,
        index.lengths if within else _lengths(left, in_head[left.indices]),
    )

    def propose(block: slice) -> Pairs:
        scratch, found = _scratch(index), _found(right.shape[0])
        parts, first = [], block.start
        while first < block.stop:
            first, n = search_rows(queries, index, scratch, found, wanted, first, block.stop)
            rows, cols = found.rows[:n], found.cols[:n]
            kept: slice | Int64 = slice(None)
            if limits.k is not None and n:
                kept = settle_listed(rows, cols, found.scores[:n], limits.k, error)
            parts.append((rows[kept].copy(), cols[kept].copy()))
        rows, cols = (np.concatenate(column) for column in zip(*parts, strict=True))
        return rows, cols

    work = _sum_by_row(left, np.diff(index.starts)[left.indices]) + len(index.longest)
    return Plan(weighed_blocks(work, max(1, int(work.sum()) // N_BLOCKS)), propose, half)


def _head(vectors: Any, share: float) -> Bool:
    """The commonest terms that hold little of the rows, shape ``(d,)``.

    What two rows have in common there is at most the product of the lengths of these parts,
    on average no more than the mean of their squares: ``share``.
    """
    n_rows, n_terms = vectors.shape
    holders = np.bincount(vectors.indices, minlength=n_terms)
    squares = np.bincount(
        vectors.indices, weights=np.square(vectors.data, dtype=np.float64), minlength=n_terms
    )
    order = np.argsort(-holders, kind="stable")
    small = np.cumsum(squares[order]) <= share * n_rows
    in_head = np.zeros(n_terms, bool)
    in_head[order[small]] = True
    return in_head


def _index(vectors: Any, in_head: Bool) -> Index:
    """Split the rows in an inverted index and their heads."""
    n_rows = vectors.shape[0]
    of_head = in_head[vectors.indices]
    slots = np.where(in_head, np.cumsum(in_head) - 1, -1).astype(np.int32)
    before = np.concatenate([[0], np.cumsum(of_head)])[vectors.indptr]
    tail = csr_array(
        (vectors.data[~of_head], vectors.indices[~of_head], vectors.indptr - before),
        shape=vectors.shape,
    ).T.tocsr()
    lengths = _lengths(vectors, of_head)
    shift = max(LEAST_SHIFT, (n_rows // MOST_CHUNKS).bit_length())
    return Index(
        tail.indptr.astype(np.int64),
        tail.indices.astype(np.uint32),
        tail.data,
        slots,
        before.astype(np.int64),
        slots[vectors.indices[of_head]].astype(np.uint32),
        vectors.data[of_head],
        lengths,
        np.maximum.reduceat(lengths, np.arange(0, n_rows, 1 << shift)),
        shift,
    )


def _lengths(vectors: Any, of_head: Bool) -> Float64:
    """Length of the head of each row, shape ``(n,)``."""
    squares = np.square(np.where(of_head, vectors.data, 0), dtype=np.float64)
    lengths: Float64 = np.sqrt(_sum_by_row(vectors, squares))
    return lengths


def _sum_by_row(vectors: Any, values: Any) -> Any:
    """Sum a number per stored entry by row; no row is empty."""
    return np.add.reduceat(values, vectors.indptr[:-1])


def _scratch(index: Index) -> Scratch:
    n_chunks, n_head = len(index.longest), int(index.slots.max(initial=-1)) + 1
    return Scratch(
        np.zeros(len(index.lengths)),
        np.full(n_chunks, DEAD),
        np.empty(n_chunks),
        np.zeros(n_head),
    )


def _found(n_held: int) -> Found:
    room = max(n_held, FOUND_ROOM)
    return Found(np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room))
