"""Average-linkage agglomeration inside connected components."""

from __future__ import annotations

import heapq

import numpy as np

from matcher.clustering._base import (
    ClustererSettings,
    components,
    number_by_first_member,
    upper_edges,
)
from matcher.types import Clusters, SimilarityGraph


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
        rows, cols, scores = upper_edges(graph)
        strong = scores >= np.float32(self.min_score)
        component = components(rows[strong], cols[strong], graph.n_rows)
        inside = component[rows] == component[cols]
        edges = zip(
            rows[inside].tolist(), cols[inside].tolist(), scores[inside].tolist(), strict=True
        )
        merging = _Agglomeration(graph.n_rows, self.min_score, self.max_size)
        merging.run(list(edges))
        return number_by_first_member(np.array(merging.labels(), np.int64))


class _Agglomeration:
    """Clusters in the making; each is named by its lowest row."""

    def __init__(self, n: int, min_score: float, max_size: int) -> None:
        self.min_score, self.max_size = min_score, max_size
        self.parent = list(range(n))
        self.size = [1] * n
        # for each living cluster, the sum of the cross scores to each neighbour
        self.sums: dict[int, dict[int, float]] = {}

    def run(self, edges: list[tuple[int, int, float]]) -> None:
        """Merge until no mean reaches the bound; ties go to the lower rows."""
        for a, b, score in edges:
            self.sums.setdefault(a, {})[b] = score
            self.sums.setdefault(b, {})[a] = score
        least = float(np.float32(self.min_score))
        heap = [(-score, a, b) for a, b, score in edges if score >= least]
        heapq.heapify(heap)
        while heap:
            negative, a, b = heapq.heappop(heap)
            if not self._is_current(a, b, -negative) or self.size[a] + self.size[b] > self.max_size:
                continue
            self._merge(a, b)
            for other, total in self.sums[a].items():
                mean = total / (self.size[a] * self.size[other])
                if mean >= least:
                    heapq.heappush(heap, (-mean, min(a, other), max(a, other)))

    def _is_current(self, a: int, b: int, mean: float) -> bool:
        """Whether both clusters still live and neither has grown since the entry was made."""
        total = self.sums.get(a, {}).get(b)
        return total is not None and total / (self.size[a] * self.size[b]) == mean

    def _merge(self, a: int, b: int) -> None:
        """Put cluster ``b`` into ``a``, adding up their sums to every third cluster."""
        taken = self.sums.pop(b)
        self.parent[b] = a
        self.size[a] += self.size[b]
        own = self.sums[a]
        del own[b], taken[a]
        for other, total in taken.items():
            theirs = self.sums[other]
            del theirs[b]
            own[other] = theirs[a] = own.get(other, 0.0) + total

    def labels(self) -> list[int]:
        """The cluster of each listing, as its lowest row."""
        labels = list(range(len(self.parent)))
        for i in range(len(labels)):
            labels[i] = i if self.parent[i] == i else labels[self.parent[i]]
        return labels


Spec = AverageClusterer
