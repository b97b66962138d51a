"""How thin the links are that hold each cluster together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from matcher.clustering._base import check_same_listings, upper_edges
from matcher.types import Bool, Clusters, Float32, Int64, SimilarityGraph


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What holds each cluster of two or more listings together, by ascending cluster.

    A cluster whose ``weakest_link`` is high but whose ``least_alike`` is 0 is a chain: each
    step is close, and its ends are not.

    Attributes:
        cluster: Label of the cluster, shape ``(c,)``.
        size: Listings in it.
        weakest_link: Lowest score of its maximum spanning tree: the highest bound at which it
            still hangs together; 0 where its candidate pairs do not connect it.
        least_alike: Lowest score of its pairs; a pair that is no candidate counts as 0.
        n_absent: How many of its pairs are no candidates.
    """

    cluster: Int64
    size: Int64
    weakest_link: Float32
    least_alike: Float32
    n_absent: Int64

    def __len__(self) -> int:
        return len(self.cluster)


def chaining(graph: SimilarityGraph, clusters: Clusters) -> ChainReport:
    """Measure how far each cluster is a chain.

    Args:
        graph: Symmetric, with the scores that the clusters were made from.
        clusters: Clusters of the listings of ``graph``.

    Raises:
        DataError: If graph and clusters differ in their number of listings.

    Example:
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
        >>> graph = build_graph(rows, cols, np.float32([0.9, 0.9, 0.6, 0.6]), 3, 3)
        >>> report = chaining(graph, Clusters(np.array([0, 0, 0])))
        >>> report.weakest_link, report.least_alike, report.n_absent
        (array([0.6], dtype=float32), array([0.], dtype=float32), array([1]))
    """
    check_same_listings(graph, clusters)
    labels = clusters.labels
    rows, cols, scores = upper_edges(graph)
    inside = labels[rows] == labels[cols]
    rows, cols, scores = rows[inside], cols[inside], scores[inside]
    n = clusters.n_clusters
    size = np.bincount(labels, minlength=n)
    n_absent = size * (size - 1) // 2 - np.bincount(labels[rows], minlength=n)
    least_alike = _lowest(labels[rows], scores, n, n_absent > 0)
    tree = _spanning_tree(rows, cols, scores, len(labels))
    apart = np.bincount(labels[rows[tree]], minlength=n) < size - 1
    weakest_link = _lowest(labels[rows[tree]], scores[tree], n, apart)
    kept = np.flatnonzero(size > 1)
    return ChainReport(kept, size[kept], weakest_link[kept], least_alike[kept], n_absent[kept])


def _spanning_tree(rows: Int64, cols: Int64, scores: Float32, n: int) -> Int64:
    """Which edges are in a maximum spanning tree of their component."""
    # Ranks as costs: scipy takes a cost of 0 for no edge, and a rank leads back to its edge.
    best_first = np.lexsort((cols, rows, -scores))
    costs = np.arange(1, len(rows) + 1, dtype=np.float64)
    graph = csr_array((costs, (rows[best_first], cols[best_first])), shape=(n, n))
    ranks = minimum_spanning_tree(graph).data.astype(np.int64)
    return np.asarray(best_first[ranks - 1], np.int64)


def _lowest(labels: Int64, scores: Float32, n: int, has_absent: Bool) -> Float32:
    """Lowest score by label, or 0 if that is lower and a pair is absent, shape ``(n,)``."""
    lowest = np.where(has_absent, np.float32(0), np.float32(1))
    np.minimum.at(lowest, labels, scores)
    return lowest
