"""One scan over the accepted pairs, best first, that appoints centres."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from matcher.clustering._base import ClustererSettings, join, root
from matcher.clustering._ranking import rank_edges
from matcher.types import Clusters, SimilarityGraph


class CenterScan(ClustererSettings):
    """Base of the clusterers that appoint centres in one scan.

    Attributes:
        merges: Whether a pair of a centre and a listing that is in a cluster already joins the
            two clusters.
    """

    merges: ClassVar[bool]

    def __call__(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        edges = rank_edges(graph, self.min_score)
        left, right, _ = edges.strong()
        n = len(edges.nodes)
        parent, size = list(range(n)), [1] * n
        taken, center = [False] * n, [False] * n
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            if not (taken[a] or taken[b]):
                taken[a] = center[a] = True
            if not (center[a] or center[b]) or (taken[a] and taken[b] and not self.merges):
                continue
            if join(parent, size, a, b, self.max_size):
                taken[a] = taken[b] = True
        return edges.clusters(np.array([root(parent, i) for i in range(n)], np.int64))
