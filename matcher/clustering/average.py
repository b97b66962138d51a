"""Average-linkage agglomeration inside connected components."""

from __future__ import annotations

from operator import add
from typing import ClassVar

from matcher.clustering._agglomeration import AgglomerativeClusterer, Linkage


class AverageClusterer(AgglomerativeClusterer):
    """Merge the two clusters whose listings resemble each other most on average.

    Starting from single listings, the pair of clusters with the highest mean score over all
    their cross pairs is merged, until no mean reaches ``min_score``. A pair that is absent
    from the graph counts as 0, so the two ends of a chain hold it apart.

    Time is O(m log m) for m candidate pairs when clusters are small; memory is O(m).

    Source:
        Sokal & Michener, "A statistical method for evaluating systematic relationships",
        1958 (UPGMA), on a sparse graph.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
        >>> graph = build_graph(rows, cols, np.float32([0.9, 0.9, 0.6, 0.6]), 3, 3)
        >>> AverageClusterer(min_score=0.5)(graph).labels  # 2 joins {0, 1} at 0.3 only
        array([0, 0, 1])
    """

    # the link of two clusters is the sum of their cross scores
    linkage: ClassVar = Linkage(add, lambda total, n_a, n_b: total / (n_a * n_b))


Spec = AverageClusterer
