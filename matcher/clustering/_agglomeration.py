"""Agglomeration on a sparse graph: merge the two closest clusters, again and again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from matcher.clustering._base import ClustererSettings, number_by_first_member, upper_edges
from matcher.clustering._constraints import Constraints
from matcher.clustering._unions import Apart, components
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

    def __call__(self, graph: SimilarityGraph, constraints: Constraints | None = None) -> Clusters:
        """Return the cluster of each listing.

        Must-linked listings are merged first, whatever they score, and no merge brings a
        cannot-link pair together. Must-link pairs alone make a cluster exceed ``max_size``.

        Args:
            graph: Symmetric, with fused scores; see ``protocols.Clusterer``.
            constraints: Decided pairs, as rows of ``graph``; None for none.

        Raises:
            DataError: If a constraint names a row that ``graph`` does not have.
        """
        return next(self.sweep(graph, [self.min_score], constraints))

    def sweep(
        self,
        graph: SimilarityGraph,
        cuts: Sequence[float],
        constraints: Constraints | None = None,
    ) -> Iterator[Clusters]:
        """Return the clusters for each of several ``min_score``, in the order given.

        Scores never rise as clusters merge, so that the merges for a higher bound are the first
        of those for a lower one: all bounds together cost one run. A refused merge changes
        nothing about that: what refuses it once refuses it for ever.
        """
        decided = Constraints() if constraints is None else constraints
        leader = decided.leaders(graph.n_rows)
        followers = np.flatnonzero(leader != np.arange(graph.n_rows))
        least = np.float32(min(cuts))
        rows, cols, scores = upper_edges(graph)
        strong = scores >= least
        component = components(
            np.concatenate([rows[strong], followers]),
            np.concatenate([cols[strong], leader[followers]]),
            graph.n_rows,
        )
        inside = component[rows] == component[cols]
        columns = (column[inside].tolist() for column in (rows, cols, scores))
        merges = _Agglomeration(graph.n_rows, self.linkage, float(least), self.max_size)
        merges.start(
            zip(*columns, strict=True),
            zip(leader[followers].tolist(), followers.tolist(), strict=True),
            map(tuple, leader[decided.cannot_link].tolist()),
        )
        merges.run()
        for cut in cuts:
            yield number_by_first_member(merges.labels(float(np.float32(cut))))


class _Agglomeration:
    """Clusters in the making; each is named by its lowest row."""

    def __init__(self, n: int, linkage: Linkage, least: float, max_size: int) -> None:
        self.linkage, self.least, self.max_size = linkage, least, max_size
        self.size = [1] * n
        self.apart = Apart(())
        # for each living cluster, its link to each neighbour
        self.links: dict[int, dict[int, float]] = {}
        self.merged: list[tuple[float, int, int]] = []  # score, cluster, what it took in

    def start(
        self,
        edges: Iterable[tuple[int, int, float]],
        together: Iterable[tuple[int, int]],
        apart: Iterable[tuple[int, int]],
    ) -> None:
        """Set the links of single listings, and merge those that belong together."""
        for a, b, score in edges:
            self.links.setdefault(a, {})[b] = score
            self.links.setdefault(b, {})[a] = score
        for a, b in together:
            self._merge(a, b)
            self.merged.append((inf, a, b))
        self.apart = Apart(apart)

    def run(self) -> None:
        """Merge until no score reaches the bound; ties go to the lower rows."""
        heap = [
            (-score, a, b)
            for a, links in self.links.items()
            for b, link in links.items()
            if a < b
            and (score := self.linkage.score(link, self.size[a], self.size[b])) >= self.least
        ]
        heapq.heapify(heap)
        while heap:
            negative, a, b = heapq.heappop(heap)
            if not self._is_current(a, b, -negative) or self._is_refused(a, b):
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

    def _is_refused(self, a: int, b: int) -> bool:
        """Whether two clusters are too large together, or are to stay apart."""
        return self.size[a] + self.size[b] > self.max_size or self.apart.forbids(a, b)

    def _merge(self, a: int, b: int) -> None:
        """Put cluster ``b`` into ``a``, combining their links to every third cluster."""
        own, taken = self.links.setdefault(a, {}), self.links.pop(b, {})
        self.size[a] += self.size[b]
        self.apart.join(a, b)
        own.pop(b, None)
        taken.pop(a, None)
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
