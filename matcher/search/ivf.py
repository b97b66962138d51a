"""Approximate cosine search in the cells that lie closest to a query (IVF)."""

from __future__ import annotations

from typing import cast

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from matcher.search._approximate import ApproximateIndex, Found, best_of, compare
from matcher.search._candidates import BLOCK_BYTES, even_blocks, rounding_slack, weighed_blocks
from matcher.search._join import Limits, Pairs, Plan
from matcher.search._threads import in_order
from matcher.settings import Settings
from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Encoded, Float32, Int64

LEARNT_FROM = 64  # rows per cell
ASSIGN = 4096  # rows put into cells at once
SCORE_BYTES = 16  # a score, and what comparing it takes


class Spec(Settings):
    """Settings of ``IvfIndex``.

    Attributes:
        n_lists: Cells that the rows are put into; None for the square root of their number.
        n_probes: Cells that are searched for each query; more is more recall and time.
        n_iterations: Rounds of k-means.
        seed: Of the first centres, and of the rows that they are learnt from.
    """

    n_lists: int | None = Field(None, ge=1, le=2**20)
    n_probes: int = Field(16, ge=1)
    n_iterations: int = Field(10, ge=1, le=1000)
    seed: int = Field(0, ge=0)


class IvfIndex(ApproximateIndex):
    """Put rows into cells by spherical k-means, search the cells closest to each query.

    Scores inside the cells are float32 products; what may belong in the answer is scored
    exactly. Time is about ``n_probes / n_lists`` of exact search, beside what it takes to put
    rows and queries into cells. Memory beside vectors and answer: the vectors once more, in
    the order of their cells, ``8 n_probes`` bytes a query, and some 64 MiB a thread.

    Args:
        embeddings: Dense vectors to search in.
        spec: Settings.

    Source:
        Sivic, Zisserman: Video Google, ICCV 2003; Jégou, Douze, Schmid: Product quantization
        for nearest neighbor search, TPAMI 2011, section IV (without the quantisation). k-means
        on the sphere: Dhillon, Modha, Machine Learning 2001.
    """

    kinds = ("dense vectors",)

    def __init__(self, embeddings: Embeddings, spec: Spec | None = None) -> None:
        super().__init__(embeddings)
        self.spec = spec or Spec()
        vectors = cast(Float32, cast(Embeddings, self._held.encoded).vectors)
        self.centers = _learn_centers(vectors, self.spec)
        cells = _closest(vectors, self.centers, 1)[:, 0]
        self._sizes = np.bincount(cells, minlength=len(self.centers))
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._order = np.argsort(cells, kind="stable")
        self._by_cell = vectors[self._order]

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        vectors = cast(Float32, cast(Embeddings, queries).vectors)
        probed = _closest(vectors, self.centers, self.spec.n_probes)
        slack = rounding_slack(vectors.shape[1])

        def propose(block: slice) -> Pairs:
            cells = probed[block].ravel()
            asking = np.argsort(cells, kind="stable")
            bounds = np.searchsorted(cells[asking], np.arange(len(self.centers) + 1))
            found = []
            for cell in np.flatnonzero(np.diff(bounds)).tolist():
                rows = asking[bounds[cell] : bounds[cell + 1]] // probed.shape[1]
                found.append(self._search_cell(vectors[block], rows, cell, limits, slack))
            rows, cols = best_of(found, limits.k, slack)
            return rows + block.start, cols

        weights = SCORE_BYTES * self._sizes[probed].sum(axis=1) + 1
        return Plan(weighed_blocks(weights, BLOCK_BYTES), propose)

    def _search_cell(
        self, queries: Float32, rows: Int64, cell: int, limits: Limits, slack: float
    ) -> Found:
        """Candidates of some queries among the rows of one cell."""
        begin = self._starts[cell]
        members = slice(begin, begin + self._sizes[cell])
        at, cols, scores = compare(queries[rows], self._by_cell[members], limits, slack)
        return Found(rows[at], self._order[members][cols], scores)


def _learn_centers(vectors: Float32, spec: Spec) -> Float32:
    """Spherical k-means on a sample of the rows; unit vectors, shape ``(n_lists, d)``."""
    n = len(vectors)
    n_lists = min(n, spec.n_lists or max(1, round(n**0.5)))
    chosen = np.random.default_rng(spec.seed).permutation(n)[: LEARNT_FROM * n_lists]
    centers = vectors[chosen[:n_lists]].copy()
    if n_lists < 2:
        return centers
    sample = vectors[np.sort(chosen)]
    for _ in range(spec.n_iterations):
        cells = _closest(sample, centers, 1)[:, 0]
        members = csr_array(
            (np.ones(len(sample), np.float32), cells, np.arange(len(sample) + 1)),
            shape=(len(sample), n_lists),
        )
        sums = l2_normalize(np.asarray(members.T @ sample, np.float32))
        filled = sums.any(axis=1)  # an empty cell, or one of opposites, keeps its centre
        centers[filled] = sums[filled]
    return centers


def _closest(vectors: Float32, centers: Float32, n_wanted: int) -> Int64:
    """The cells closest to each row, ascending by number, shape ``(n, n_wanted)``."""
    n_wanted = min(n_wanted, len(centers))

    def pick(block: slice) -> Int64:
        scores: Float32 = vectors[block] @ centers.T
        if n_wanted == 1:
            return np.asarray(scores.argmax(axis=1)[:, None], np.int64)
        best = np.argpartition(-scores, n_wanted - 1, axis=1)[:, :n_wanted]
        return np.asarray(np.sort(best, axis=1), np.int64)

    blocks = even_blocks(len(vectors), min(ASSIGN, BLOCK_BYTES // (12 * max(1, len(centers)))))
    found = list(in_order(pick, blocks))
    return np.concatenate(found) if found else np.empty((0, max(1, n_wanted)), np.int64)
