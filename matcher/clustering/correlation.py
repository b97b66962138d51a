"""Correlation clustering: as few weak pairs inside and strong pairs across as possible."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from matcher.clustering._base import ClustererSettings
from matcher.clustering._ranking import rank_edges
from matcher.types import Clusters, SimilarityGraph

LEAST_GAIN = 1e-9  # below it, a gain is rounding


class CorrelationClusterer(ClustererSettings):
    """Raise the sum over all pairs inside clusters of ``score - min_score``.

    A pair that is absent from the graph counts as 0, so it weighs ``-min_score``. The start is
    the pivot algorithm: by descending sum of accepted scores, each listing that is still free
    takes its free accepted neighbours, best first. Then every listing in turn moves to the
    cluster, or to one of its own, where it adds most to the sum, until none can gain.

    Time is O(m log m) for m candidate pairs and each pass; memory is O(m).

    Attributes:
        passes: Most times that every listing is asked to move; 0 leaves the pivots' clusters.

    Source:
        Bansal, Blum & Chawla, "Correlation clustering", Machine Learning 56, 2004; pivots from
        Ailon, Charikar & Newman, "Aggregating inconsistent information", JACM 55, 2008 (which
        draws them at random); moves as in Elsner & Schudy, "Bounding and comparing methods
        for correlation clustering beyond ILP", 2009.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2, 2, 3]), np.array([1, 0, 2, 1, 3, 2])
        >>> scores = np.float32([0.8, 0.8, 0.9, 0.9, 0.8, 0.8])
        >>> graph = build_graph(rows, cols, scores, 4, 4)
        >>> CorrelationClusterer(passes=0)(graph).labels  # 1 takes 0 and 2: 0.3 + 0.4 - 0.5
        array([0, 0, 0, 1])
        >>> CorrelationClusterer()(graph).labels  # 0.3 + 0.3
        array([0, 0, 1, 1])
    """

    passes: int = Field(20, ge=0)

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        edges = rank_edges(graph, self.min_score)
        home = _pivot(edges.neighbours(), self.max_size)
        moves = _Moves(
            edges.neighbours(strong=False), home, float(np.float32(self.min_score)), self.max_size
        )
        for _ in range(self.passes):
            if not moves.one_pass():
                break
        return edges.clusters(np.array(moves.home, np.int64))


def _pivot(near: list[dict[int, float]], max_size: int) -> list[int]:
    """The pivot that takes each listing, by place; a pivot takes itself."""
    home = [-1] * len(near)
    for pivot, neighbours in enumerate(near):
        if home[pivot] < 0:
            free = [place for place in neighbours if home[place] < 0]
            for place in [pivot, *free][:max_size]:
                home[place] = pivot
    return home


class _Moves:
    """A partition that listings leave one at a time for where they fit better."""

    def __init__(
        self, near: list[dict[int, float]], home: list[int], min_score: float, max_size: int
    ) -> None:
        self.near, self.home = near, home
        self.min_score, self.max_size = min_score, max_size
        self.size = [0] * len(near)
        for cluster in home:
            self.size[cluster] += 1
        self.empty = [cluster for cluster, n in enumerate(self.size) if n == 0]

    def one_pass(self) -> bool:
        """Ask every listing once; return whether any has moved."""
        return any([self._move(place) for place in range(len(self.near))])

    def _move(self, place: int) -> bool:
        """Take a listing to where it adds most, if that is more than where it is."""
        links: dict[int, float] = {}
        for other, score in self.near[place].items():
            cluster = self.home[other]
            links[cluster] = links.get(cluster, 0.0) + score
        own = self.home[place]
        stay = links.pop(own, 0.0) - self.min_score * (self.size[own] - 1)
        best, most = -1, 0.0  # a cluster of its own adds nothing
        for cluster, link in links.items():
            gain = link - self.min_score * self.size[cluster]
            if gain > most + LEAST_GAIN and self.size[cluster] < self.max_size:
                best, most = cluster, gain
        if most <= stay + LEAST_GAIN:
            return False
        if best < 0:
            best = self.empty.pop()
        self.home[place] = best
        self.size[best] += 1
        self.size[own] -= 1
        if self.size[own] == 0:
            self.empty.append(own)
        return True


Spec = CorrelationClusterer
