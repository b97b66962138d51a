"""What all clusterers share: their settings, and how clusters are numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.settings import Settings
from matcher.types import Clusters, Float32, Int64, SimilarityGraph


class ClustererSettings(Settings):
    """Settings that every clusterer has.

    Attributes:
        min_score: Lowest fused score that joins, in [0, 1]; the bound included. 0.5 is where
            the fusion accepts a pair.
        max_size: Most listings in a cluster. A merge that would go beyond it is left out. More
            than 25 identical listings count as one of them.
    """

    min_score: float = Field(0.5, ge=0, le=1)
    max_size: int = Field(50, ge=1)

    def __call__(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing; see ``protocols.Clusterer``."""
        raise NotImplementedError

    def sweep(self, graph: SimilarityGraph, cuts: Sequence[float]) -> Iterator[Clusters]:
        """Return the clusters for each of several ``min_score``, in the order given."""
        for cut in cuts:
            yield self.model_copy(update={"min_score": cut})(graph)


def upper_edges(graph: SimilarityGraph) -> tuple[Int64, Int64, Float32]:
    """Each edge of a symmetric graph once, as rows, larger columns and scores."""
    rows = graph.rows()
    keep = rows < graph.indices
    return rows[keep], graph.indices[keep], graph.scores[keep]


def number_by_first_member(labels: Int64) -> Clusters:
    """Renumber arbitrary labels 0, 1, … in the order of each cluster's first listing."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return Clusters(rank[inverse] if len(labels) else np.empty(0, np.int64))


def components(rows: Int64, cols: Int64, n: int) -> Int64:
    """Label of the connected component of each of ``n`` listings, shape ``(n,)``."""
    ones = np.ones(len(rows), dtype=np.int8)
    graph = csr_array((ones, (rows, cols)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def limit_size(labels: Int64, edges: tuple[Int64, Int64, Float32], max_size: int) -> Int64:
    """Build clusters of more than ``max_size`` anew from their strongest pairs down.

    Each pair that would join too many is left out (Kruskal's algorithm with a cap).

    Args:
        labels: Cluster of each listing, in ``0..n-1``, shape ``(n,)``.
        edges: Ends and scores of the pairs that may join, each pair once.
        max_size: Most listings in a cluster.

    Returns:
        New labels, in ``0..2n-1``, shape ``(n,)``.
    """
    too_large = np.bincount(labels, minlength=1)[labels] > max_size
    if not too_large.any():
        return labels
    n = len(labels)
    rows, cols, scores = edges
    inside = too_large[rows] & (labels[rows] == labels[cols])
    rows, cols, scores = rows[inside], cols[inside], scores[inside]
    parent, size = list(range(n)), [1] * n
    order = np.lexsort((cols, rows, -scores))
    for a, b in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
        join(parent, size, a, b, max_size)
    found = np.array([root(parent, i) for i in np.flatnonzero(too_large).tolist()], np.int64)
    labels = labels.copy()
    labels[too_large] = n + found  # beyond every label in use
    return labels


def root(parent: list[int], i: int) -> int:
    """Representative of ``i`` in a union-find, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def join(parent: list[int], size: list[int], a: int, b: int, max_size: int) -> bool:
    """Join the clusters of ``a`` and ``b`` in a union-find, unless that makes one too large."""
    a, b = root(parent, a), root(parent, b)
    if a == b or size[a] + size[b] > max_size:
        return False
    parent[b] = a
    size[a] += size[b]
    return True
