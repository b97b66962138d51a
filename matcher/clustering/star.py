"""Clusters as stars: a listing with many matches, and those matches."""

from __future__ import annotations

import numpy as np

from matcher.clustering._base import ClustererSettings
from matcher.clustering._ranking import rank_edges
from matcher.types import Clusters, SimilarityGraph


class StarClusterer(ClustererSettings):
    """Let the listing with the most accepted pairs take its neighbours, then the next one.

    Listings come by descending number of accepted pairs, then by descending sum of their
    scores. Each that no star has taken yet becomes a centre and takes its free neighbours,
    best score first, up to ``max_size``. Everyone in a cluster resembles its centre.

    Time is O(m log m) for m candidate pairs; memory is O(m).

    Source:
        Aslam, Pelekhov & Rus, "The star clustering algorithm for static and dynamic
        information organization", JGAA 8, 2004; a listing in reach of several stars goes to
        the first of them only.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2, 2, 3]), np.array([1, 0, 2, 1, 3, 2])
        >>> scores = np.float32([0.9, 0.9, 0.7, 0.7, 0.6, 0.6])
        >>> graph = build_graph(rows, cols, scores, 4, 4)
        >>> StarClusterer()(graph).labels  # 1 and 2 have two pairs each; 1 has better ones
        array([0, 0, 0, 1])
    """

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        edges = rank_edges(graph, self.min_score)
        near = edges.neighbours()
        star = [-1] * len(near)
        # Places are by descending sum already, and the sort is stable.
        for center in sorted(range(len(near)), key=lambda place: -len(near[place])):
            if star[center] >= 0:
                continue
            free = [place for place in near[center] if star[place] < 0]
            for place in [center, *free][: self.max_size]:
                star[place] = center
        return edges.clusters(np.array(star, np.int64))


Spec = StarClusterer
