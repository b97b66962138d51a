"""The candidates of a run within one table, and the pairs within clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.clustering import Constraints
from matcher.config import RunConfig
from matcher.fusion import VetoingFusion
from matcher.jobs.crowds import leaders
from matcher.jobs.steps import Encodings, find_candidates, fuse
from matcher.search import take_rows
from matcher.types import Clusters, Float32, Int64, ScoredPairs

MOST_MATCHES = 50  # ids in a row of matches


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates of a run, among the listings that were searched.

    Attributes:
        rows: Listings that were searched, ascending, shape ``(m,)``.
        first: For each listing of all the one searched in its stead, or itself, shape ``(n,)``.
        candidates: Pairs of places in ``rows``.
        fusion: Bound to the candidates.
        fused: Fused score of each candidate.
    """

    rows: Int64
    first: Int64
    candidates: ScoredPairs
    fusion: VetoingFusion
    fused: Float32

    def ends(self) -> tuple[Int64, Int64]:
        """The candidates' left and right listings among all."""
        return self.rows[self.candidates.left], self.rows[self.candidates.right]

    def judge(self, pairs: ScoredPairs) -> Float32:
        """Fused scores of pairs among all listings; a candidate's is the one it has."""
        place = np.searchsorted(self.rows, self.first)
        ends = np.sort(np.stack([place[pairs.left], place[pairs.right]]), axis=0)
        n = len(self.rows)
        fused = self.fusion(ScoredPairs(ends[0], ends[1], pairs.scores, n, n))
        keys = self.candidates.left * n + self.candidates.right  # ascending
        at = np.minimum(np.searchsorted(keys, ends[0] * n + ends[1]), max(len(keys) - 1, 0))
        if len(keys):
            fused = np.where(keys[at] == ends[0] * n + ends[1], self.fused[at], fused)
        return fused


def search(config: RunConfig, encodings: Encodings, decided: Constraints) -> Found:
    """Find the candidates within one table, crowds as one, and fuse their scores."""
    rows, first = leaders(config, encodings.tables[0], decided.rows())
    among = {name: take_rows(table, rows) for name, table in encodings.tables[0].items()}
    candidates = find_candidates(config, among, searched=encodings.searched)
    fusion, fused = fuse(config, candidates, among)
    return Found(rows, first, candidates, fusion, fused)


def pairs_within(clusters: Clusters, most: int = MOST_MATCHES) -> tuple[Int64, Int64]:
    """Pairs of listings of one cluster, ``left < right``, by ascending left, then right.

    All of them in clusters of up to ``most`` listings. In a larger one (copies can make one) a
    listing is paired with the ``most // 2`` on either side of it in the table, so that the number
    of pairs stays in proportion to the number of listings.
    """
    order = np.argsort(clusters.labels, kind="stable")
    sizes = np.bincount(clusters.labels, minlength=1)
    size = sizes[clusters.labels[order]]
    place = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[clusters.labels[order]]
    after = np.where(size > most, np.minimum(size - place - 1, most // 2), size - place - 1)
    left = np.repeat(np.arange(len(order)), after)
    start = np.repeat(np.cumsum(after) - after, after)
    right = left + 1 + np.arange(len(left)) - start
    pairs = np.stack([order[left], order[right]])
    pairs = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    return pairs[0], pairs[1]
