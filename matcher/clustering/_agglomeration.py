"""Agglomeration on a sparse graph: merge the two closest clusters, again and again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from matcher.clustering._base import (
    ClustererSettings,
    components,
    number_by_first_member,
    upper_edges,
)
from matcher.types import Clusters, Int64, SimilarityGraph


@dataclass(frozen=True, slots=True)
class Linkage:
    """How close two clusters are.

    Attributes:
        combine: From the links of two clusters to a third (0 where there is none), the link
            of the two together. The link of two single listings is their score.
        score: From a link and the sizes of its two clusters, the score that is compared with
            ``min_score``. It must never rise as clusters merge.
    """

    combine: Callable[[float, float], float]
    score: Callable[[float, int, int], float]


class AgglomerativeClusterer(ClustererSettings):
    """Base of the clusterers that differ in their linkage alone."""

    linkage: ClassVar[Linkage]

    def __call__(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        return next(self.sweep(graph, [self.min_score]))

    def sweep(self, graph: SimilarityGraph, cuts: Sequence[float]) -> Iterator[Clusters]:
        """Return the clusters for each of several ``min_score``, in the order given.

        Scores never rise as clusters merge, so that the merges for a higher bound are the first
        of those for a lower one: all bounds together cost one run.
        """
        least = np.float32(min(cuts))
        rows, cols, scores = upper_edges(graph)
        strong = scores >= least
        component = components(rows[strong], cols[strong], graph.n_rows)
        inside = component[rows] == component[cols]
        columns = (column[inside].tolist() for column in (rows, cols, scores))
        merges = _Agglomeration(graph.n_rows, self.linkage, float(least), self.max_size)
        merges.run(list(zip(*columns, strict=True)))
        for cut in cuts:
            yield number_by_first_member(merges.labels(float(np.float32(cut))))


class _Agglomeration:
    """Clusters in the making; each is named by its lowest row."""

    def __init__(self, n: int, linkage: Linkage, least: float, max_size: int) -> None:
        self.linkage, self.least, self.max_size = linkage, least, max_size
        self.size = [1] * n
        # for each living cluster, its link to each neighbour
        self.links: dict[int, dict[int, float]] = {}
        self.merged: list[tuple[float, int, int]] = []  # score, cluster, what it took in

    def run(self, edges: list[tuple[int, int, float]]) -> None:
        """Merge until no score reaches the bound; ties go to the lower rows."""
        for a, b, score in edges:
            self.links.setdefault(a, {})[b] = score
            self.links.setdefault(b, {})[a] = score
        heap = [(-score, a, b) for a, b, score in edges if score >= self.least]
        heapq.heapify(heap)
        while heap:
            negative, a, b = heapq.heappop(heap)
            if not self._is_current(a, b, -negative) or self.size[a] + self.size[b] > self.max_size:
                continue
            self._merge(a, b)
            self.merged.append((-negative, a, b))
            for other, link in self.links[a].items():
                score = self.linkage.score(link, self.size[a], self.size[other])
                if score >= self.least:
                    heapq.heappush(heap, (-score, min(a, other), max(a, other)))

    def _is_current(self, a: int, b: int, score: float) -> bool:
        """Whether both clusters still live and are still as close as the entry says."""
        link = self.links.get(a, {}).get(b)
        return link is not None and self.linkage.score(link, self.size[a], self.size[b]) == score

    def _merge(self, a: int, b: int) -> None:
        """Put cluster ``b`` into ``a``, combining their links to every third cluster."""
        own, taken = self.links[a], self.links.pop(b)
        self.size[a] += self.size[b]
        del own[b], taken[a]
        for other in own.keys() | taken.keys():
            link = self.linkage.combine(own.get(other, 0.0), taken.get(other, 0.0))
            theirs = self.links[other]
            theirs.pop(b, None)
            own[other] = theirs[a] = link

    def labels(self, cut: float) -> Int64:
        """The cluster of each listing, as its lowest row, after the merges from ``cut`` up."""
        labels = np.arange(len(self.size))
        for score, a, b in self.merged:
            if score >= cut:
                labels[b] = a
        while (labels != labels[labels]).any():
            labels = labels[labels]
        return labels
