"""Listings that match their way into many clusters: hubs that would chain them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.clustering._base import check_same_listings
from matcher.types import Clusters, Float32, Int64, SimilarityGraph


@dataclass(frozen=True, slots=True)
class BridgeReport:
    """Listings with accepted pairs into other clusters than their own, most clusters first.

    Ties go to the higher ``strongest``, then to the lower row. A listing at the top is often a
    picture or a title that says nothing about the product: a placeholder, a shop's logo.

    Attributes:
        row: Row of the listing, shape ``(b,)``.
        n_clusters: How many clusters it reaches, its own left out.
        strongest: Best score of its pairs into them.
    """

    row: Int64
    n_clusters: Int64
    strongest: Float32

    def __len__(self) -> int:
        return len(self.row)


def bridges(
    graph: SimilarityGraph, clusters: Clusters, min_score: float = 0.5, least: int = 2
) -> BridgeReport:
    """Find the listings that bridge clusters, hubs first.

    Args:
        graph: Symmetric, with the scores that the clusters were made from.
        clusters: Clusters of the listings of ``graph``.
        min_score: Lowest score of an accepted pair, in [0, 1]; the bound included.
        least: Fewest other clusters that a listing must reach to be in the report.

    Raises:
        DataError: If graph and clusters differ in their number of listings.

    Example:
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 0, 0, 1, 2, 3]), np.array([1, 2, 3, 0, 0, 0])
        >>> scores = np.float32([0.9, 0.6, 0.8, 0.9, 0.6, 0.8])
        >>> found = bridges(build_graph(rows, cols, scores, 4, 4), Clusters(np.array([0, 0, 1, 2])))
        >>> found.row, found.n_clusters, found.strongest
        (array([0]), array([2]), array([0.8], dtype=float32))
    """
    check_same_listings(graph, clusters)
    labels, rows = clusters.labels, graph.rows()
    across = (graph.scores >= np.float32(min_score)) & (labels[rows] != labels[graph.indices])
    rows, scores = rows[across], graph.scores[across]
    reached = np.unique(rows * clusters.n_clusters + labels[graph.indices[across]])
    n_clusters = np.bincount(reached // max(clusters.n_clusters, 1), minlength=graph.n_rows)
    strongest = np.zeros(graph.n_rows, np.float32)
    np.maximum.at(strongest, rows, scores)
    row = np.flatnonzero(n_clusters >= max(least, 1))
    row = row[np.lexsort((row, -strongest[row], -n_clusters[row]))]
    return BridgeReport(row, n_clusters[row], strongest[row])
