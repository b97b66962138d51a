"""The edge by which a cluster hangs together."""

from __future__ import annotations

import numpy as np

from matcher.catalog._gallery import Gallery
from matcher.catalog._links import Links
from matcher.clustering import chaining
from matcher.clustering._base import number_by_first_member
from matcher.clustering._unions import Unions, components
from matcher.similarity import build_graph
from matcher.store import Edges, Snapshot
from matcher.types import Float32, Int64, SimilarityGraph


def order_by_bridge(
    snapshot: Snapshot, gallery: Gallery, links: Links, rows: Int64, clusters: Int64
) -> list[int]:
    """Clusters that a person has not accepted as they are, weakest bridge first.

    Args:
        snapshot: Of the store.
        gallery: The same state.
        links: Decisions in force.
        rows: Listings of clusters of two or more, ascending, shape ``(m,)``.
        clusters: Cluster of each, shape ``(m,)``.
    """
    groups = np.array([links.group(id) for id in gallery.ids(rows)], np.int64)
    kinds = _contracted(clusters, gallery.heads(rows), groups)
    accepted = _contracted(clusters, rows, groups)
    n = int(kinds.max(initial=-1)) + 1
    of_node = np.zeros(n, np.int64)
    of_node[kinds] = clusters
    numbered = number_by_first_member(of_node)
    report = chaining(_graph(snapshot.edges(), rows, clusters, kinds, n), numbered)
    first = np.zeros(numbered.n_clusters, np.int64)
    first[numbered.labels] = of_node
    weak = first[report.cluster][np.argsort(report.weakest_link, kind="stable")].tolist()
    # Of copies alone; nothing joins them but what they are.
    whole = np.unique(np.stack([clusters, accepted]), axis=1)[0]
    open_ones, parts = np.unique(whole, return_counts=True)
    copies = np.setdiff1d(open_ones[parts > 1], weak).tolist()
    return [*weak, *copies]


def _contracted(clusters: Int64, heads: Int64, groups: Int64) -> Int64:
    """Node of each listing: copies, and what a person said is the same, are one."""
    n = len(clusters)
    decided = np.flatnonzero(groups >= 0)
    ends = []
    for of, at in ((heads, np.arange(n)), (groups, decided)):
        _, first, inverse = np.unique(
            np.stack([clusters[at], of[at]]), axis=1, return_index=True, return_inverse=True
        )
        ends.append((at, at[first[inverse.reshape(-1)]]))
    left, right = (np.concatenate(end) for end in zip(*ends, strict=True))
    return components(left, right, n)


def _graph(edges: Edges, rows: Int64, clusters: Int64, node: Int64, n: int) -> SimilarityGraph:
    """Edges inside clusters between nodes, the best of each two."""
    inside = np.isin(edges.left, rows) & np.isin(edges.right, rows)
    at = [np.searchsorted(rows, end[inside]) for end in (edges.left, edges.right)]
    scores = edges.scores[inside]
    ends = np.sort(np.stack([node[at[0]], node[at[1]]]), axis=0)
    kept = (clusters[at[0]] == clusters[at[1]]) & (ends[0] != ends[1])
    left, right, scores = ends[0, kept], ends[1, kept], scores[kept]
    best = np.lexsort((-scores, right, left))
    left, right, scores = left[best], right[best], scores[best]
    new = np.ones(len(left), np.bool_)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    left, right, scores = left[new], right[new], scores[new]
    both = np.concatenate([left, right]), np.concatenate([right, left])
    return build_graph(*both, np.concatenate([scores, scores]), n, n)


def weakest_bridge(
    left: Int64, right: Int64, scores: Float32, groups: Int64
) -> tuple[int, Int64] | None:
    """The lowest edge of the maximum spanning tree of a cluster.

    Args:
        left: One end of each edge, by position, shape ``(m,)``.
        right: The other end.
        scores: Fused score of each edge.
        groups: Listings of one group are the same, whatever they score; -1 for none; ``(n,)``.

    Returns:
        The edge, and the positions on the side of its left end; None where a person has said
        that all are the same, or edges do not connect them.

    Example:
        >>> edge, side = weakest_bridge(np.array([0, 1]), np.array([1, 2]),
        ...                             np.float32([0.9, 0.6]), np.array([-1, -1, -1]))
        >>> edge, side.tolist()
        (1, [0, 1])
    """
    n = len(groups)
    ties = [(int(np.flatnonzero(groups == g)[0]), i) for i, g in enumerate(groups) if g >= 0]
    tree: list[int] = []
    sets = _joined(n, ties)
    for edge in np.lexsort((right, left, -scores)).tolist():
        if sets.join(int(left[edge]), int(right[edge])):
            tree.append(edge)
    if not tree or len(set(sets.roots().tolist())) > 1:
        return None
    lowest = tree[-1]
    rest = _joined(n, [*ties, *((int(left[e]), int(right[e])) for e in tree[:-1])])
    return lowest, np.flatnonzero(rest.roots() == rest.root(int(left[lowest])))


def _joined(n: int, pairs: list[tuple[int, int]]) -> Unions:
    sets = Unions([1] * n, n)
    for a, b in pairs:
        sets.join(a, b)
    return sets
