"""Clusters as connected components of the accepted pairs."""

from __future__ import annotations

import numpy as np

from matcher.clustering._base import ClustererSettings, number_by_first_member, upper_edges
from matcher.clustering._unions import components, limit_clusters
from matcher.types import Clusters, SimilarityGraph


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

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        rows, cols, scores = upper_edges(graph)
        strong = scores >= np.float32(self.min_score)
        rows, cols, scores = rows[strong], cols[strong], scores[strong]
        labels = components(rows, cols, graph.n_rows)
        return number_by_first_member(limit_clusters(labels, (rows, cols, scores), self.max_size))


Spec = ComponentsClusterer
