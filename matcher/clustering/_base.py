"""What all clusterers share: their settings, constraints, and how clusters are numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import Field

from matcher.clustering._constraints import Constraints
from matcher.clustering._unions import limit_clusters
from matcher.errors import DataError
from matcher.settings import Settings
from matcher.similarity import build_graph
from matcher.types import Clusters, Float32, Int64, SimilarityGraph


class ClustererSettings(Settings):
    """Settings that every clusterer has. A clusterer gives ``partition``; the rest follows.

    Attributes:
        min_score: Lowest fused score that joins, in [0, 1]; the bound included. 0.5 is where
            the fusion accepts a pair.
        max_size: Most listings in a cluster. A merge that would go beyond it is left out; only
            must-link pairs make a larger one. More than 25 identical listings count as one of
            them.
    """

    min_score: float = Field(0.5, ge=0, le=1)
    max_size: int = Field(50, ge=1)

    def __call__(self, graph: SimilarityGraph, constraints: Constraints | None = None) -> Clusters:
        """Return the cluster of each listing.

        No cluster holds a cannot-link pair, and must-linked listings are always in one cluster,
        even one that exceeds ``max_size``. Listings that are must-linked are clustered as one,
        with the best of their scores. A cluster that would then hold a cannot-link pair, or too
        many listings, is built anew from its strongest accepted pairs down.

        Args:
            graph: Symmetric, with fused scores; see ``protocols.Clusterer``.
            constraints: Decided pairs, as rows of ``graph``; None for none.

        Raises:
            DataError: If a constraint names a row that ``graph`` does not have.
        """
        if constraints is None or not len(constraints):
            return self.partition(graph)
        # The number of each listing once must-linked ones are one.
        node = np.unique(constraints.leaders(graph.n_rows), return_inverse=True)[1]
        apart = node[constraints.cannot_link]
        smaller = _contract(graph, node, apart)
        rows, cols, scores = upper_edges(smaller)
        strong = scores >= np.float32(self.min_score)
        edges = rows[strong], cols[strong], scores[strong]
        labels = self.partition(smaller).labels
        labels = limit_clusters(labels, edges, self.max_size, np.bincount(node), apart)
        return number_by_first_member(labels[node])

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing where nothing has been decided."""
        raise NotImplementedError

    def sweep(
        self,
        graph: SimilarityGraph,
        cuts: Sequence[float],
        constraints: Constraints | None = None,
    ) -> Iterator[Clusters]:
        """Return the clusters for each of several ``min_score``, in the order given."""
        for cut in cuts:
            yield self.model_copy(update={"min_score": cut})(graph, constraints)


def _contract(graph: SimilarityGraph, node: Int64, apart: Int64) -> SimilarityGraph:
    """The graph of nodes that stand for several listings each; pairs to stay apart left out.

    Args:
        graph: Symmetric.
        node: Node of each listing, in ``0..k-1``, shape ``(n,)``.
        apart: Pairs of nodes that get no edge, shape ``(c, 2)``.

    Returns:
        Symmetric, with the best score of the listings of any two nodes.
    """
    n = int(node.max(initial=-1)) + 1
    rows, cols, scores = upper_edges(graph)
    rows, cols = np.sort([node[rows], node[cols]], axis=0)
    low, high = np.sort(apart, axis=1).T
    kept = (rows != cols) & ~np.isin(rows * n + cols, low * n + high)
    rows, cols, scores = rows[kept], cols[kept], scores[kept]
    best_first = np.lexsort((-scores, rows * n + cols))
    rows, cols, scores = rows[best_first], cols[best_first], scores[best_first]
    first = np.unique(rows * n + cols, return_index=True)[1]
    rows, cols, scores = rows[first], cols[first], scores[first]
    both = np.concatenate([rows, cols]), np.concatenate([cols, rows])
    return build_graph(*both, np.concatenate([scores, scores]), n, n)


def upper_edges(graph: SimilarityGraph) -> tuple[Int64, Int64, Float32]:
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


def check_same_listings(graph: SimilarityGraph, clusters: Clusters) -> None:
    """Raise DataError if graph and clusters differ in their number of listings."""
    if len(clusters) != graph.n_rows:
        raise DataError(
            f"Graph and clusters must be of the same listings. Received: {graph.n_rows} rows in "
            f"the graph, {len(clusters)} labels."
        )
