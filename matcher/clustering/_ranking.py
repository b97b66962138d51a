"""Edges in an order that does not depend on the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.clustering._base import number_by_first_member, upper_edges
from matcher.clustering._unions import components
from matcher.types import Clusters, Float32, Int64, SimilarityGraph


@dataclass(frozen=True, slots=True)
class RankedEdges:
    """The edges inside the components of the accepted pairs, best first.

    Ends are places in ``nodes``. What works on places alone gives the same clusters whatever
    the order of the rows, as far as scores (and their sums by listing) are distinct.

    Attributes:
        nodes: Listings with an accepted pair, by descending sum of their accepted scores.
        left: The end with the higher sum, shape ``(m,)``.
        right: The other end, shape ``(m,)``; ``left < right``.
        scores: Descending, shape ``(m,)``.
        n_strong: How many of the edges are accepted; they come first.
        n_rows: Number of listings in the graph.
    """

    nodes: Int64
    left: Int64
    right: Int64
    scores: Float32
    n_strong: int
    n_rows: int

    def strong(self) -> tuple[Int64, Int64, Float32]:
        """Ends and scores of the accepted pairs."""
        return self.left[: self.n_strong], self.right[: self.n_strong], self.scores[: self.n_strong]

    def neighbours(self, strong: bool = True) -> list[dict[int, float]]:
        """For each place, the places it shares an edge with and their scores, best first."""
        n = self.n_strong if strong else len(self.scores)
        columns = (column[:n].tolist() for column in (self.left, self.right, self.scores))
        found: list[dict[int, float]] = [{} for _ in self.nodes]
        for a, b, score in zip(*columns, strict=True):
            found[a][b] = found[b][a] = score
        return found

    def clusters(self, labels: Int64) -> Clusters:
        """Clusters of all listings from labels, at least 0, of the places."""
        every = np.arange(self.n_rows)
        every[self.nodes] = self.n_rows + labels
        return number_by_first_member(every)


def rank_edges(graph: SimilarityGraph, min_score: float) -> RankedEdges:
    """Rank the listings and edges of a graph; pairs from ``min_score`` up are accepted."""
    rows, cols, scores = upper_edges(graph)
    order = np.lexsort((cols, rows, -scores))
    rows, cols, scores = rows[order], cols[order], scores[order]
    n_strong = int((scores >= np.float32(min_score)).sum())
    component = components(rows[:n_strong], cols[:n_strong], graph.n_rows)
    inside = component[rows] == component[cols]
    rows, cols, scores = rows[inside], cols[inside], scores[inside]
    # Both ends of an edge in turn, so that every sum is taken from the best score down.
    ends = np.stack([rows[:n_strong], cols[:n_strong]], axis=1).ravel()
    sums = np.bincount(ends, np.repeat(scores[:n_strong], 2), graph.n_rows)
    nodes = np.unique(ends)
    nodes = nodes[np.lexsort((nodes, -sums[nodes]))]
    place = np.zeros(graph.n_rows, np.int64)
    place[nodes] = np.arange(len(nodes))
    a, b = place[rows], place[cols]
    return RankedEdges(nodes, np.minimum(a, b), np.maximum(a, b), scores, n_strong, graph.n_rows)
