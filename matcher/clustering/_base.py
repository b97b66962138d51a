"""What all clusterers share: their settings, and how clusters are numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.settings import Settings
from matcher.types import Clusters, Int64, SimilarityGraph


class ClustererSettings(Settings):
    """Settings that every clusterer has.

    Attributes:
        min_score: Lowest fused score that joins, in [0, 1]; the bound included. 0.5 is where
            the fusion accepts a pair.
        max_size: Most listings in a cluster. A merge that would go beyond it is left out.
    """

    min_score: float = Field(0.5, ge=0, le=1)
    max_size: int = Field(50, ge=1)

    def __call__(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing; see ``protocols.Clusterer``."""
        raise NotImplementedError

    def sweep(self, graph: SimilarityGraph, cuts: Sequence[float]) -> Iterator[Clusters]:
        """Return the clusters for each of several ``min_score``, in the order given."""
        for cut in cuts:
            yield self.model_copy(update={"min_score": cut})(graph)


def upper_edges(graph: SimilarityGraph) -> tuple[Int64, Int64, Any]:
    """Each edge of a symmetric graph once, as rows, larger columns and scores."""
    rows = graph.rows()
    keep = rows < graph.indices
    return rows[keep], graph.indices[keep], graph.scores[keep]


def number_by_first_member(labels: Int64) -> Clusters:
    """Renumber arbitrary labels 0, 1, … in the order of each cluster's first listing."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return Clusters(rank[inverse] if len(labels) else np.empty(0, np.int64))


def components(rows: Int64, cols: Int64, n: int) -> Int64:
    """Label of the connected component of each of ``n`` listings, shape ``(n,)``."""
    ones = np.ones(len(rows), dtype=np.int8)
    graph = csr_array((ones, (rows, cols)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
