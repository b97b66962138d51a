"""Fused scores looked at again: two listings with the same neighbours are closer."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, eye_array, vstack

from matcher.errors import DataError
from matcher.settings import Settings
from matcher.similarity import build_graph
from matcher.types import Float32, Float64, Int64, ScoredPairs, SimilarityGraph

ROWS = 2048  # listings looked at in one go
PAIRS = 4096  # pairs likewise


class KReciprocal(Settings):
    r"""k-reciprocal re-ranking of the candidates within one table.

    The neighbours N(p, k) of a listing p are itself and the k candidates with the best fused
    scores, of those that reach ``min_score``; a vetoed pair is never one. R(p, k) are those of
    which p is a neighbour in turn (eq. 3). R*(p) adds the sets R(q, k/2) of its members q of
    which R(p, k) holds two thirds (eq. 4). V(p) weighs each member g of R*(p) with
    :math:`e^{-d(p, g)}` (eq. 7), where d is 1 less the fused score, and 1 where the two are no
    neighbours; it is then averaged over ``expansion`` listings, p and its nearest (eq. 11).
    The score of a candidate pair becomes (eq. 12)

    .. math:: (1 - \lambda) \cdot s + \lambda \cdot
              \frac{\sum \min(V(p), V(q))}{\sum \max(V(p), V(q))}

    with the Jaccard index of the weighted sets (eq. 10). No new pairs arise. Memory is in
    proportion to listings times neighbours times ``expansion``.

    The defaults are for products that are listed a few times. The paper takes 20 neighbours,
    an expansion of 6 and a weight of 0.7, for people seen by many cameras: most of 20
    neighbours of a listing are other products.

    Attributes:
        neighbors: k, itself not counted.
        expansion: Listings that the weighted sets are averaged over; 1 for no averaging.
        min_score: Lowest fused score of a neighbour, in [0, 1].
        weight: λ, what the Jaccard index counts, in [0, 1]. (In the paper λ is what the
            original distance counts.)

    Source:
        Zhong, Zheng, Cao, Li: Re-ranking person re-identification with k-reciprocal encoding,
        CVPR 2017, arXiv:1701.08398.

    Example:
        >>> pairs = ScoredPairs(np.array([0, 0, 1]), np.array([1, 2, 2]), {}, 3, 3)
        >>> again = KReciprocal(neighbors=1, expansion=1, weight=0.5)
        >>> again(pairs, np.float32([0.8, 0.6, 0])).round(3)
        array([0.809, 0.3  , 0.   ], dtype=float32)
    """

    neighbors: int = Field(3, ge=1, le=1000)
    expansion: int = Field(2, ge=1, le=1000)
    min_score: float = Field(0.0, ge=0, le=1)
    weight: float = Field(0.1, ge=0, le=1)

    def __call__(self, pairs: ScoredPairs, fused: Float32) -> Float32:
        """Return the fused scores, looked at again.

        Args:
            pairs: Candidates within one table, each once, ``left < right``.
            fused: Fused score of each, in [0, 1], shape ``(m,)``.

        Returns:
            Scores in [0, 1], shape ``(m,)``; 0 where they were 0.

        Raises:
            DataError: If the pairs are not within one table, or there is not a score for each.
        """
        if len(fused) != len(pairs):
            raise DataError(
                "Re-ranking needs one fused score a pair. Received: "
                f"{len(fused)} scores for {len(pairs)} pairs."
            )
        if pairs.n_left != pairs.n_right or not (pairs.left < pairs.right).all():
            raise DataError(
                "Re-ranking is of candidates within one table, left < right. Received: "
                f"{pairs.n_left} and {pairs.n_right} listings. Leave it out between two tables."
            )
        alive = np.flatnonzero(fused > 0)
        again = np.zeros(len(pairs), np.float32)
        if len(alive):
            left, right, scores = pairs.left[alive], pairs.right[alive], fused[alive]
            near = scores >= np.float32(self.min_score)
            graph = _both_ways(left[near], right[near], scores[near], pairs.n_left)
            sets = self._weighted_sets(graph)
            mixed = (1 - self.weight) * scores + self.weight * _jaccard(sets, left, right)
            again[alive] = np.clip(mixed, 0, 1)
        return again

    def _weighted_sets(self, graph: SimilarityGraph) -> csr_array:
        """V of every listing, one row each."""
        near = _reciprocal(graph, self.neighbors)
        nearer = _reciprocal(graph, max(1, round(self.neighbors / 2)))
        shape = (graph.n_rows, graph.n_cols)
        shown = np.exp(graph.scores.astype(np.float64) - 1) - np.exp(-1.0)
        known = csr_array((shown, graph.indices, graph.indptr), shape=shape)
        known = csr_array(known + (1 - np.exp(-1.0)) * eye_array(shape[0]))
        sets = []
        for start in range(0, shape[0], ROWS):
            block = slice(start, start + ROWS)
            members = _expanded(near[block], nearer)
            sets.append(members.multiply(known[block]) + np.exp(-1.0) * members)
        weighted = csr_array(vstack(sets, format="csr"))
        if self.expansion == 1:
            return weighted
        around = _nearest(graph, self.expansion - 1)
        around = csr_array(around.multiply(1 / around.sum(axis=1)[:, None]))
        return csr_array(around @ weighted)


def _both_ways(left: Int64, right: Int64, scores: Float32, n: int) -> SimilarityGraph:
    rows, cols = np.append(left, right), np.append(right, left)
    return build_graph(rows, cols, np.append(scores, scores), n, n)


def _nearest(graph: SimilarityGraph, k: int) -> csr_array:
    """1 for each listing itself and its ``k`` best candidates: N(p, k)."""
    rows = graph.rows()
    kept = np.arange(len(rows)) - graph.indptr[rows] < k
    ones = np.ones(int(kept.sum()))
    shape = (graph.n_rows, graph.n_cols)
    found = csr_array((ones, (rows[kept], graph.indices[kept])), shape=shape)
    return csr_array(found + eye_array(shape[0]))


def _reciprocal(graph: SimilarityGraph, k: int) -> csr_array:
    """1 for each listing's reciprocal neighbours, R(p, k), itself among them; eq. 3."""
    near = _nearest(graph, k)
    return csr_array(near.multiply(near.T))


def _expanded(near: csr_array, nearer: csr_array) -> csr_array:
    """1 for the members of R*: ``near``, and the ``nearer`` sets two thirds within it; eq. 4."""
    shared = csr_array((near @ nearer).multiply(near)).tocoo()  # both are symmetric
    taken = 3 * shared.data >= 2 * np.diff(nearer.indptr)[shared.coords[1]]
    at = tuple(axis[taken] for axis in shared.coords)
    added = csr_array((np.ones(int(taken.sum())), at), shape=near.shape) @ nearer
    members = csr_array(near + added)
    members.data[:] = 1
    return members


def _jaccard(sets: csr_array, left: Int64, right: Int64) -> Float64:
    """Sum of the smaller over sum of the larger weights, shape ``(m,)``; eq. 10."""
    sizes = sets.sum(axis=1)
    shared = np.empty(len(left))
    for start in range(0, len(left), PAIRS):
        block = slice(start, start + PAIRS)
        shared[block] = sets[left[block]].minimum(sets[right[block]]).sum(axis=1)
    return np.asarray(shared / (sizes[left] + sizes[right] - shared), np.float64)


Spec = KReciprocal
