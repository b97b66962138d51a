"""Clusters as connected components of the accepted pairs."""

from __future__ import annotations

import numpy as np

from matcher.clustering._base import (
    ClustererSettings,
    components,
    number_by_first_member,
    upper_edges,
)
from matcher.types import Bool, Clusters, Float32, Int64, SimilarityGraph


class ComponentsClusterer(ClustererSettings):
    """Treat matching as transitive: a~b and b~c put a, b, c together.

    Fast, and prone to chains. A component above ``max_size`` is built anew from its strongest
    pairs down (Kruskal's algorithm), leaving out each pair that would join too many.

    Example:
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
        >>> graph = build_graph(rows, cols, np.float32([0.9, 0.9, 0.6, 0.6]), 4, 4)
        >>> ComponentsClusterer()(graph).labels
        array([0, 0, 0, 1])
        >>> ComponentsClusterer(max_size=2)(graph).labels
        array([0, 0, 1, 2])
    """

    def __call__(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        rows, cols, scores = upper_edges(graph)
        strong = scores >= np.float32(self.min_score)
        rows, cols, scores = rows[strong], cols[strong], scores[strong]
        labels = components(rows, cols, graph.n_rows)
        too_large = np.bincount(labels, minlength=1)[labels] > self.max_size
        if too_large.any():
            inside = too_large[rows]
            labels = self._split(labels, too_large, rows[inside], cols[inside], scores[inside])
        return number_by_first_member(labels)

    def _split(
        self, labels: Int64, too_large: Bool, rows: Int64, cols: Int64, scores: Float32
    ) -> Int64:
        """Join the listings of too large components anew, strongest pairs first."""
        n = len(labels)
        parent, size = list(range(n)), [1] * n
        order = np.lexsort((cols, rows, -scores))
        for a, b in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
            a, b = _root(parent, a), _root(parent, b)
            if a != b and size[a] + size[b] <= self.max_size:
                parent[b] = a
                size[a] += size[b]
        found = np.array([_root(parent, i) for i in np.flatnonzero(too_large).tolist()], np.int64)
        labels = labels.copy()
        labels[too_large] = n + found  # beyond every label in use
        return labels


def _root(parent: list[int], i: int) -> int:
    """Representative of ``i``, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


Spec = ComponentsClusterer
