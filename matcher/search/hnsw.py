"""Approximate cosine search by graphs of near rows (HNSW), built and walked by usearch."""

from __future__ import annotations

from threading import Lock
from typing import Any, cast

import numpy as np
from pydantic import Field

from matcher.errors import BackendError
from matcher.search._approximate import ApproximateIndex, Found, compare_all
from matcher.search._candidates import even_blocks
from matcher.search._join import Limits, Pairs, Plan
from matcher.search._threads import in_order, n_threads
from matcher.settings import Settings
from matcher.types import Embeddings, Encoded, Float32

BLOCK = 4096  # queries
SPARE = 16  # neighbours asked for beyond k: bfloat16 may swap those close to the last place
GROWTH = 4  # how many times more are asked for while all found reach the bound
LARGE_SHARE = 8  # where more than an eighth of all rows is wanted, a graph only gets in the way
N_GRAPHS = 4
BFLOAT16_SLACK = 2.0**-7  # two roundings of 2**-9 in each product, doubled


class Spec(Settings):
    """Settings of ``HnswIndex``; more of each is more recall, time and memory.

    Attributes:
        connectivity: Links of a row in a graph (M of the paper).
        expansion: Rows kept in sight while a graph is searched (ef of the paper); twice as
            many while it is built.
    """

    connectivity: int = Field(16, ge=2, le=256)
    expansion: int = Field(64, ge=8, le=4096)


class HnswIndex(ApproximateIndex):
    """Walk from row to closer row through graphs; score what is found exactly.

    The rows are dealt to four graphs. Each is built by one thread, so that the same rows in
    the same order give the same graphs on one machine, and the four are built side by side;
    together they cost no more than one and find more. Graphs live in memory alone, nothing is
    written or read. Where more than an eighth of the rows may be wanted, they are compared one
    by one instead. Memory beside vectors and answer: about ``4 d + 40 connectivity`` bytes a
    row, and 64 MiB a thread.

    Args:
        embeddings: Dense vectors to search in.
        spec: Settings.

    Raises:
        BackendError: If usearch is not installed.

    Source:
        Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using
        hierarchical navigable small world graphs, TPAMI 2020, arXiv:1603.09320.
    """

    kinds = ("dense vectors",)

    def __init__(self, embeddings: Embeddings, spec: Spec | None = None) -> None:
        super().__init__(embeddings)
        self.spec = spec or Spec()
        self._walking = Lock()  # a graph is not made for several callers; it has threads itself
        self._graphs = list(in_order(self._build, range(min(N_GRAPHS, self._held.n_different))))

    def _build(self, part: int) -> Any:
        """The graph of every fourth row."""
        vectors = self._vectors[part::N_GRAPHS]
        graph = usearch_index()(
            ndim=vectors.shape[1],
            metric="ip",
            dtype="bf16",
            connectivity=self.spec.connectivity,
            expansion_add=2 * self.spec.expansion,
            expansion_search=self.spec.expansion,
        )
        keys = np.arange(len(vectors), dtype=np.uint64) * N_GRAPHS + part
        for block in even_blocks(len(vectors), BLOCK):
            graph.add(keys[block], np.ascontiguousarray(vectors[block]), threads=1)
        return graph

    @property
    def _vectors(self) -> Float32:
        return cast(Float32, cast(Embeddings, self._held.encoded).vectors)

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        vectors = cast(Float32, cast(Embeddings, queries).vectors)

        def propose(block: slice) -> Pairs:
            rows, cols = self._ask(vectors[block], limits)
            return rows + block.start, cols

        return Plan(even_blocks(len(vectors), BLOCK), propose)

    def _ask(self, queries: Float32, limits: Limits) -> Pairs:
        """Ask for neighbours, and for more of them where no ``k`` ends the list."""
        n_asked = (limits.k or 0) + SPARE
        lowest = limits.floor - BFLOAT16_SLACK
        open_rows, found = np.arange(len(queries)), []
        while len(open_rows) and LARGE_SHARE * n_asked <= self._held.n_different:
            near = self._nearest(queries[open_rows], n_asked, lowest)
            counts = np.bincount(near.rows, minlength=len(open_rows))
            done = (counts < n_asked) | (limits.k is not None)
            kept = done[near.rows]
            found.append((open_rows[near.rows[kept]], near.cols[kept]))
            open_rows, n_asked = open_rows[~done], GROWTH * n_asked
        if len(open_rows):
            rows, cols = compare_all(queries[open_rows], self._vectors, limits)
            found.append((open_rows[rows], cols))
        return np.concatenate([r for r, _ in found]), np.concatenate([c for _, c in found])

    def _nearest(self, queries: Float32, n_asked: int, lowest: float) -> Found:
        """Up to ``n_asked`` rows near each query that score ``lowest`` or more, by query."""
        parts = []
        for graph in self._graphs:
            with self._walking:
                hits = graph.search(queries, min(n_asked, len(graph)), threads=n_threads())
            # The answer to a single query has one dimension less.
            keys, distances = np.atleast_2d(hits.keys), np.atleast_2d(hits.distances)
            n_found: Any = getattr(hits, "counts", keys.shape[1])
            there = np.arange(keys.shape[1]) < np.reshape(n_found, (-1, 1))
            scores = np.where(there, 1 - distances, -np.inf).astype(np.float32)
            parts.append((keys.astype(np.int64), scores))
        keys, scores = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
        order = np.lexsort((keys, -scores))[:, :n_asked]
        keys, scores = (np.take_along_axis(side, order, axis=1) for side in (keys, scores))
        rows, rank = np.nonzero(scores >= lowest)
        return Found(rows, keys[rows, rank], scores[rows, rank])


def usearch_index() -> Any:
    """The ``Index`` class of usearch.

    Raises:
        BackendError: If it is not installed, or cannot be loaded.
    """
    try:
        from usearch.index import Index
    except ImportError as error:
        raise BackendError(
            "The search method hnsw needs usearch. Install it with: pip install "
            "'matcher[search]', or set search.method to exact."
        ) from error
    return Index
