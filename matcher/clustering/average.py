"""Average-linkage agglomeration inside connected components."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from matcher.clustering._base import (
    ClustererSettings,
    components,
    number_by_first_member,
    upper_edges,
)
from matcher.types import Clusters, Int64, SimilarityGraph


class AverageClusterer(ClustererSettings):
    """Merge the two clusters whose listings resemble each other most on average.

    Starting from single listings, the pair of clusters with the highest mean score over all
    their cross pairs is merged, until no mean reaches ``min_score``. A pair that is absent
    from the graph counts as 0, so the two ends of a chain hold it apart.

    Time is O(m log m) for m candidate pairs when clusters are small; memory is O(m).

    Source:
        Sokal & Michener, "A statistical method for evaluating systematic relationships",
        1958 (UPGMA), on a sparse graph.

    Example:
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
        >>> graph = build_graph(rows, cols, np.float32([0.9, 0.9, 0.6, 0.6]), 3, 3)
        >>> AverageClusterer(min_score=0.5)(graph).labels  # 2 joins {0, 1} at 0.3 only
        array([0, 0, 1])
    """

    def __call__(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing."""
        return next(self.sweep(graph, [self.min_score]))

    def sweep(self, graph: SimilarityGraph, cuts: Sequence[float]) -> Iterator[Clusters]:
        """Return the clusters for each of several ``min_score``, in the order given.

        Means never rise as clusters merge, so that the merges for a higher bound are the first
        of those for a lower one: all bounds together cost one run.
        """
        least = np.float32(min(cuts))
        rows, cols, scores = upper_edges(graph)
        strong = scores >= least
        component = components(rows[strong], cols[strong], graph.n_rows)
        inside = component[rows] == component[cols]
        columns = (column[inside].tolist() for column in (rows, cols, scores))
        merges = _Agglomeration(graph.n_rows, float(least), self.max_size)
        merges.run(list(zip(*columns, strict=True)))
        for cut in cuts:
            yield number_by_first_member(merges.labels(float(np.float32(cut))))


class _Agglomeration:
    """Clusters in the making; each is named by its lowest row."""

    def __init__(self, n: int, least: float, max_size: int) -> None:
        self.least, self.max_size = least, max_size
        self.size = [1] * n
        # for each living cluster, the sum of the cross scores to each neighbour
        self.sums: dict[int, dict[int, float]] = {}
        self.merged: list[tuple[float, int, int]] = []  # mean, cluster, what it took in

    def run(self, edges: list[tuple[int, int, float]]) -> None:
        """Merge until no mean reaches the bound; ties go to the lower rows."""
        for a, b, score in edges:
            self.sums.setdefault(a, {})[b] = score
            self.sums.setdefault(b, {})[a] = score
        heap = [(-score, a, b) for a, b, score in edges if score >= self.least]
        heapq.heapify(heap)
        while heap:
            negative, a, b = heapq.heappop(heap)
            if not self._is_current(a, b, -negative) or self.size[a] + self.size[b] > self.max_size:
                continue
            self._merge(a, b)
            self.merged.append((-negative, a, b))
            for other, total in self.sums[a].items():
                mean = total / (self.size[a] * self.size[other])
                if mean >= self.least:
                    heapq.heappush(heap, (-mean, min(a, other), max(a, other)))

    def _is_current(self, a: int, b: int, mean: float) -> bool:
        """Whether both clusters still live and neither has grown since the entry was made."""
        total = self.sums.get(a, {}).get(b)
        return total is not None and total / (self.size[a] * self.size[b]) == mean

    def _merge(self, a: int, b: int) -> None:
        """Put cluster ``b`` into ``a``, adding up their sums to every third cluster."""
        taken = self.sums.pop(b)
        self.size[a] += self.size[b]
        own = self.sums[a]
        del own[b], taken[a]
        for other, total in taken.items():
            theirs = self.sums[other]
            del theirs[b]
            own[other] = theirs[a] = own.get(other, 0.0) + total

    def labels(self, cut: float) -> Int64:
        """The cluster of each listing, as its lowest row, after the merges from ``cut`` up."""
        labels = np.arange(len(self.size))
        for mean, a, b in self.merged:
            if mean >= cut:
                labels[b] = a
        while (labels != labels[labels]).any():
            labels = labels[labels]
        return labels


Spec = AverageClusterer
