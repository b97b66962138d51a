"""The prior that every listing has a mate, as in a competition's data."""

from __future__ import annotations

import numpy as np

from matcher.clustering._base import check_same_listings, number_by_first_member, upper_edges
from matcher.clustering._constraints import Constraints
from matcher.clustering._unions import Unions
from matcher.types import Clusters, SimilarityGraph


def give_mates(
    clusters: Clusters,
    graph: SimilarityGraph,
    constraints: Constraints | None = None,
    max_size: int = 50,
) -> Clusters:
    """Let every listing that is alone join its best candidate, however weak.

    Of use only where each product is known to have two listings or more, as in the data of
    Shopee's competition, and only where best candidates are right often enough: a wrong one
    costs the cluster that takes it in as well. A ``max_size`` of 2 makes pairs of listings that
    are alone, and leaves clusters as they are. Measure both on labels first.

    Pairs come best score first, ties by lower rows. A listing that is still alone joins the
    cluster of the other one, or makes a pair with it where that is alone too. Where the cluster
    is full, or holds a listing that must stay apart, the next best candidate follows. A listing
    without a candidate that scores above 0 stays alone.

    Args:
        clusters: Made under the same constraints.
        graph: Symmetric, with the scores that the clusters were made from.
        constraints: Decided pairs, as rows of ``graph``; None for none.
        max_size: Most listings in a cluster that takes one in.

    Raises:
        DataError: If graph and clusters differ in their number of listings, or a constraint
            names a row that is not there.

    Example:
        >>> from matcher.similarity import build_graph
        >>> rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
        >>> graph = build_graph(rows, cols, np.float32([0.9, 0.9, 0.1, 0.1]), 4, 4)
        >>> give_mates(Clusters(np.array([0, 0, 1, 2])), graph).labels
        array([0, 0, 0, 1])
    """
    check_same_listings(graph, clusters)
    decided = Constraints() if constraints is None else constraints
    labels = clusters.labels
    apart = labels[decided.leaders(graph.n_rows)[decided.cannot_link]]
    apart = apart[apart[:, 0] != apart[:, 1]]
    size = np.bincount(labels)
    rows, cols, scores = upper_edges(graph)
    alone = size == 1
    useful = (scores > 0) & (alone[labels[rows]] | alone[labels[cols]])
    rows, cols, scores = rows[useful], cols[useful], scores[useful]
    order = np.lexsort((cols, rows, -scores))
    sets = Unions(size.tolist(), max_size, map(tuple, apart.tolist()))
    ends = labels[rows[order]].tolist(), labels[cols[order]].tolist()
    for a, b in zip(*ends, strict=True):
        if 1 in (sets.size[sets.root(a)], sets.size[sets.root(b)]):
            sets.join(a, b)
    return number_by_first_member(sets.roots()[labels])
