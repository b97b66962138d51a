"""One scan over the accepted pairs, best first, that appoints centres."""

from __future__ import annotations

from typing import ClassVar

from matcher.clustering._base import ClustererSettings
from matcher.clustering._ranking import rank_edges
from matcher.clustering._unions import Unions
from matcher.types import Clusters, SimilarityGraph


class CenterScan(ClustererSettings):
    """Base of the clusterers that appoint centres in one scan.

    Attributes:
        merges: Whether a pair of a centre and a listing that is in a cluster already joins the
            two clusters.
    """

    merges: ClassVar[bool]

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        edges = rank_edges(graph, self.min_score)
        left, right, _ = edges.strong()
        n = len(edges.nodes)
        sets = Unions([1] * n, self.max_size)
        taken, center = [False] * n, [False] * n
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            if not (taken[a] or taken[b]):
                taken[a] = center[a] = True
            if not (center[a] or center[b]) or (taken[a] and taken[b] and not self.merges):
                continue
            if sets.join(a, b):
                taken[a] = taken[b] = True
        return edges.clusters(sets.roots())
