"""Where a pair stands among the candidates of its two listings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from matcher.types import Encoded, Float32, Float64, Int64, ScoredPairs

PAIRS = 20_000  # looked at together
MOST_EDGES = 4_000_000  # of the listings of one block: hubs have many


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The scores of every listing's candidates in one modality, best first.

    Attributes:
        keys: Row of the listing plus a quarter of ``1 - score``, ascending: sorted by row, then
            by falling score.
        indptr: Row ``i`` has the keys ``indptr[i]:indptr[i + 1]``, shape ``(n + 1,)``.
    """

    keys: Float64
    indptr: Int64

    @classmethod
    def of(cls, rows: Int64, scores: Float32, n: int) -> Ranking:
        """Rank candidates; those without a score (NaN) are left out."""
        known = ~np.isnan(scores)
        counts = np.bincount(rows[known], minlength=n)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(np.sort(_key(rows[known], scores[known])), indptr)

    def rank(self, rows: Int64, scores: Float32) -> Float32:
        """1 + the number of candidates of each row with a higher score; NaN without a score."""
        higher = np.searchsorted(self.keys, _key(rows, np.nan_to_num(scores))) - self.indptr[rows]
        return np.where(np.isnan(scores), np.nan, 1 + higher).astype(np.float32)

    def nth_best(self, n: int) -> Float32:
        """Score of each listing's ``n``-th best candidate; 0 where it has fewer."""
        place = self.indptr[:-1] + n - 1
        has = place < self.indptr[1:]
        found = np.zeros(len(has), np.float32)
        rows = np.flatnonzero(has)
        found[rows] = 1 - 4 * (self.keys[place[rows]] - rows)
        return found


def _key(rows: Int64, scores: Float32) -> Float64:
    # Scores lie in [-1, 1]: the second term stays below 1, and float64 tells scores apart.
    return rows + (1 - scores.astype(np.float64)) / 4


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """The candidates of a run, and what was encoded.

    Attributes:
        candidates: All candidate pairs of the run.
        left: Encoded listings that ``candidates.left`` points into, by modality.
        right: Those that ``candidates.right`` points into.
        within: Whether both ends are of one table: a listing's candidates are then those on
            either side of it.
    """

    candidates: ScoredPairs
    left: Mapping[str, Encoded]
    right: Mapping[str, Encoded]
    within: bool

    @classmethod
    def of(cls, candidates: ScoredPairs, *tables: Mapping[str, Encoded]) -> Context:
        """From the candidates within one table, or from the first table to the second."""
        return cls(candidates, tables[0], tables[-1], len(tables) == 1)

    def rankings(self, scores: Float32) -> tuple[Ranking, Ranking]:
        """Candidates of the left and of the right listings, ranked by a score of each pair."""
        left, right = self.candidates.left, self.candidates.right
        if not self.within:
            ours = Ranking.of(left, scores, self.candidates.n_left)
            return ours, Ranking.of(right, scores, self.candidates.n_right)
        both = np.concatenate([left, right]), np.concatenate([scores, scores])
        ranking = Ranking.of(*both, self.candidates.n_left)
        return ranking, ranking

    def degrees(self) -> tuple[Int64, Int64]:
        """How many candidates each left and each right listing has."""
        left = np.bincount(self.candidates.left, minlength=self.candidates.n_left)
        right = np.bincount(self.candidates.right, minlength=self.candidates.n_right)
        return (left + right, left + right) if self.within else (left, right)

    def shared_neighbors(self, scores: Float32, pairs: ScoredPairs) -> Float32:
        """Cosine of the candidate lists of the two ends of each pair, shape ``(m,)``, in [0, 1].

        Args:
            scores: A score of every candidate, 0 or more: its weight in the lists.
            pairs: The pairs to look at.

        Returns:
            Within one table. Between two, listings of both sides have no list in common: zeros.
        """
        if not self.within:
            return np.zeros(len(pairs), np.float32)
        lists = _lists(self.candidates, scores)
        norms = np.sqrt(np.bincount(lists.tocoo().row, lists.data**2, lists.shape[0]))
        found = np.empty(len(pairs), np.float32)
        degree = np.diff(lists.indptr)
        for block in _blocks(degree[pairs.left] + degree[pairs.right]):
            a, b = pairs.left[block], pairs.right[block]
            dots = csr_array(lists[a].multiply(lists[b])).sum(axis=1)
            found[block] = dots / np.maximum(norms[a] * norms[b], 1e-9)
        return found


def _blocks(edges: Int64) -> Iterator[slice]:
    """Runs of pairs with a bounded number of edges together, and of pairs."""
    cost = np.cumsum(edges + MOST_EDGES // PAIRS) // MOST_EDGES
    cuts = [0, *(np.flatnonzero(np.diff(cost)) + 1).tolist(), len(edges)]
    return (slice(start, stop) for start, stop in pairwise(cuts) if stop > start)


def _lists(candidates: ScoredPairs, scores: Float32) -> csr_array:
    """The candidates of each listing as a row of weights, shape ``(n, n)``."""
    ends = np.concatenate([candidates.left, candidates.right])
    others = np.concatenate([candidates.right, candidates.left])
    weights = np.concatenate([scores, scores]).astype(np.float64)
    return csr_array((weights, (ends, others)), shape=(candidates.n_left,) * 2)
