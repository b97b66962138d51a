"""Communities of the match graph by the Leiden algorithm."""

from __future__ import annotations

from importlib import import_module
from random import Random
from typing import Any

import numpy as np
from pydantic import Field

from matcher.clustering._base import ClustererSettings
from matcher.clustering._ranking import rank_edges
from matcher.clustering._unions import limit_clusters
from matcher.errors import BackendError
from matcher.types import Clusters, SimilarityGraph


class LeidenClusterer(ClustererSettings):
    """Find the partition whose clusters are denser than ``resolution`` inside.

    Pairs from ``min_score`` up are edges, weighted by their scores. The Leiden algorithm
    looks for the partition with the highest constant Potts model (CPM) quality, the sum over
    clusters of the edge weights inside less ``resolution`` times the number of pairs. Clusters
    are connected; a cluster of more than ``max_size`` is built anew from its strongest pairs.

    Needs the package igraph: ``pip install 'matcher[cluster]'``.

    Attributes:
        resolution: The mean score over all pairs, those that are no edges counting as 0, that
            splits clusters that fall below it; in [0, 1]. A pair that scores less stays apart.
        seed: Seeds the random order in which listings are visited.

    Source:
        Traag, Waltman & van Eck, "From Louvain to Leiden", Scientific Reports 9, 2019; CPM in
        Traag, Van Dooren & Nesterov, Physical Review E 84, 2011, eq. 7.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2, 2, 3]), np.array([1, 0, 2, 1, 3, 2])
        >>> scores = np.float32([0.9, 0.9, 0.5, 0.5, 0.8, 0.8])
        >>> graph = build_graph(rows, cols, scores, 4, 4)
        >>> LeidenClusterer()(graph).labels
        array([0, 0, 1, 1])
    """

    resolution: float = Field(0.2, ge=0, le=1)
    seed: int = 0

    def partition(self, graph: SimilarityGraph) -> Clusters:
        """Return the cluster of each listing.

        Raises:
            BackendError: If igraph is not installed.
        """
        igraph = load_igraph()
        edges = rank_edges(graph, self.min_score)
        left, right, scores = edges.strong()
        ends = np.stack([left, right], axis=1)
        network = igraph.Graph(n=len(edges.nodes), edges=ends.tolist())
        igraph.set_random_number_generator(Random(self.seed))
        try:
            found = network.community_leiden(
                objective_function="CPM",
                weights=scores.astype(np.float64).tolist(),
                resolution=self.resolution,
                n_iterations=-1,
            )
        finally:
            # igraph has one generator for the whole process; this is the one it starts with.
            igraph.set_random_number_generator(import_module("random"))
        labels = np.array(found.membership, np.int64)
        return edges.clusters(limit_clusters(labels, (left, right, scores), self.max_size))


def load_igraph() -> Any:
    """The igraph package."""
    try:
        return import_module("igraph")
    except ImportError as error:
        raise BackendError(
            "The leiden clusterer needs igraph, which is not installed. "
            "Install it with: pip install 'matcher[cluster]', or choose another clusterer."
        ) from error


Spec = LeidenClusterer
