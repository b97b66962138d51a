"""Complete-linkage agglomeration: everyone in a cluster resembles everyone."""

from __future__ import annotations

from typing import ClassVar

from matcher.clustering._agglomeration import AgglomerativeClusterer, Linkage


class CompleteClusterer(AgglomerativeClusterer):
    """Merge the two clusters whose least similar listings resemble each other most.

    Starting from single listings, the pair of clusters with the highest lowest score over all
    their cross pairs is merged, until that score falls short of ``min_score``. A pair that is
    absent from the graph counts as 0, so that for any ``min_score`` above 0 each cluster is a
    clique: all its pairs are candidates that reach ``min_score``. Nothing chains, and a single
    missing candidate splits a cluster.

    Time is O(m log m) for m candidate pairs when clusters are small; memory is O(m).

    Source:
        Sørensen, "A method of establishing groups of equal amplitude in plant sociology",
        1948, on a sparse graph.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
        >>> graph = build_graph(rows, cols, np.float32([0.9, 0.9, 0.6, 0.6]), 3, 3)
        >>> CompleteClusterer(min_score=0.5)(graph).labels  # 0 and 2 are no candidates
        array([0, 0, 1])
    """

    # the link of two clusters is their lowest cross score
    linkage: ClassVar = Linkage(min, lambda lowest, n_a, n_b: lowest)


Spec = CompleteClusterer
