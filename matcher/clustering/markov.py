"""Markov clustering: random walks that stay where the matches are dense."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, vstack

from matcher.clustering._base import ClustererSettings
from matcher.clustering._ranking import RankedEdges, rank_edges
from matcher.clustering._unions import components, limit_clusters
from matcher.types import Clusters, Float64, SimilarityGraph

BLOCK = 512  # rows expanded at a time; bounds the memory of a product
MOST_ROUNDS = 100
CHAOS = 1e-9  # how far from a limit the walks may still be; a balance tips late


class MarkovClusterer(ClustererSettings):
    """Let random walks flow along the accepted pairs until they stay in one place.

    A walk steps to a neighbour in proportion to the score; each listing is its own neighbour
    with the score of its best pair. Two steps at once (expansion), then raising the chances to
    a power and scaling them to 1 again (inflation), favour the paths inside dense parts more
    and more. What remains connected in the limit is a cluster; one of more than ``max_size``
    is built anew from its strongest pairs.

    Each row keeps at most ``1 / pruning`` entries, its best; a listing with more accepted pairs
    than that walks along the best of them only. Time is O(n k²) a round for n listings with k
    entries each, which is long where a giant component has no dense parts; memory is O(n k).

    Attributes:
        inflation: The power, above 1; a higher one makes more and smaller clusters.
        pruning: Chances below it are dropped after each round, in [1e-5, 0.1].

    Source:
        van Dongen, "Graph clustering by flow simulation", PhD thesis, Utrecht 2000, chapter 6.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2, 2, 3]), np.array([1, 0, 2, 1, 3, 2])
        >>> scores = np.float32([0.9, 0.9, 0.5, 0.5, 0.8, 0.8])
        >>> graph = build_graph(rows, cols, scores, 4, 4)
        >>> MarkovClusterer()(graph).labels
        array([0, 0, 1, 1])
    """

    inflation: float = Field(2.0, gt=1, le=10)
    pruning: float = Field(1e-3, ge=1e-5, le=0.1)

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        edges = rank_edges(graph, self.min_score)
        if not edges.n_strong:
            return edges.clusters(np.empty(0, np.int64))
        walks = keep_best(first_steps(edges), self._most)
        for _ in range(MOST_ROUNDS):
            walks = self._round(walks)
            if _chaos(walks) < CHAOS:
                break
        ends = walks.tocoo()
        labels = components(ends.row, ends.col, len(edges.nodes))
        return edges.clusters(limit_clusters(labels, edges.strong(), self.max_size))

    @property
    def _most(self) -> int:
        """Most entries in a row."""
        return int(1 / self.pruning)

    def _round(self, walks: csr_array) -> csr_array:
        """Expand, inflate and prune, a block of rows at a time."""
        starts = range(0, walks.shape[0], BLOCK)
        return vstack([self._inflate(walks[i : i + BLOCK] @ walks) for i in starts], "csr")

    def _inflate(self, walks: csr_array) -> csr_array:
        """Raise chances to the power, drop the small ones, and scale rows to 1."""
        walks.data **= self.inflation
        scale_rows(walks)
        # A row's best chance stays even where it is small.
        least = np.minimum(self.pruning, _row_reduce(np.maximum, walks))
        walks.data[walks.data < np.repeat(least, np.diff(walks.indptr))] = 0
        walks.eliminate_zeros()
        return keep_best(walks, self._most)


def keep_best(walks: csr_array, most: int) -> csr_array:
    """Keep the best entries of each row, ties by lower column, and scale rows to 1."""
    counts = np.diff(walks.indptr)
    if counts.max(initial=0) > most:
        rows = np.repeat(np.arange(len(counts)), counts)
        order = np.lexsort((walks.indices, -walks.data, rows))
        rank = np.arange(len(rows)) - np.repeat(walks.indptr[:-1], counts)
        walks.data[order[rank >= most]] = 0
        walks.eliminate_zeros()
    scale_rows(walks)
    return walks


def first_steps(edges: RankedEdges) -> csr_array:
    """Chances of one step from each listing (a row) to each (a column), shape ``(n, n)``."""
    left, right, scores = edges.strong()
    n = len(edges.nodes)
    # A score of 0 is accepted where the bound is 0, and must leave a path.
    weights = np.maximum(scores.astype(np.float64), 1e-6)
    own = np.zeros(n)
    np.maximum.at(own, left, weights)
    np.maximum.at(own, right, weights)
    every = np.arange(n)
    rows, cols = np.concatenate([left, right, every]), np.concatenate([right, left, every])
    walks = csr_array((np.concatenate([weights, weights, own]), (rows, cols)), shape=(n, n))
    scale_rows(walks)
    return walks


def scale_rows(walks: csr_array) -> None:
    """Scale each row to the sum 1, in place; no row may be empty."""
    walks.data /= np.repeat(_row_reduce(np.add, walks), np.diff(walks.indptr))


def _row_reduce(reduce: np.ufunc, walks: csr_array) -> Float64:
    """Reduce the entries of each row, shape ``(n,)``; no row may be empty."""
    return np.asarray(reduce.reduceat(walks.data, walks.indptr[:-1]), np.float64)


def _chaos(walks: csr_array) -> float:
    """0 where in each row all chances are equal, as they are in the limit."""
    squares = csr_array((walks.data**2, walks.indices, walks.indptr), shape=walks.shape)
    return float((_row_reduce(np.maximum, walks) - _row_reduce(np.add, squares)).max())


Spec = MarkovClusterer
