"""Clustering a part of a catalogue, whatever the order in which its listings came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from matcher.catalog._gathering import Part
from matcher.catalog._links import Links
from matcher.catalog._settings import CatalogSettings
from matcher.clustering import Constraints
from matcher.clustering._unions import components
from matcher.similarity import build_graph
from matcher.types import Float32, Int64, SimilarityGraph

Columns = tuple[Int64, Int64, Float32]


def cluster_part(part: Part, settings: CatalogSettings, links: Links, own_scores: Float32) -> Int64:
    """Cluster the listings of a part.

    Copies count as one listing, but for those that a person has decided about. Nodes are in the
    order of their lowest ids: where scores tie, ids settle it and not the order of arrival.

    Args:
        part: Whole components.
        settings: Its config has the clusterer.
        links: Decisions in force.
        own_scores: Fused score of each listing with itself, shape ``(n,)``.

    Returns:
        Label of each listing, shape ``(n,)``.
    """
    if not len(part.rows):
        return part.rows
    groups = np.array([links.group(id) for id in part.ids], np.int64)
    node, names = _nodes(part, groups)
    edges = _edges(part, node, own_scores)
    constraints = _constraints(node, groups, links, len(names))
    n = len(names)
    if not settings.one_by_one:
        return np.asarray(_run(settings, edges, constraints, n)[node], np.int64)
    labels = np.arange(n) * n
    for nodes, inner, decided in _components(edges, constraints, n, settings.joins):
        labels[nodes] = nodes[0] * n + _run(settings, inner, decided, len(nodes))
    return np.asarray(labels[node], np.int64)


def _nodes(part: Part, groups: Int64) -> tuple[Int64, list[str]]:
    """Node of each listing, and the lowest id of each node, ascending."""
    _, node = np.unique(np.stack([part.heads, groups]), axis=1, return_inverse=True)
    node = node.reshape(len(part.rows))
    names: dict[int, str] = {}
    for place, id in zip(node.tolist(), part.ids, strict=True):
        names[place] = min(names.get(place, id), id)
    order = sorted(names, key=names.__getitem__)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[node], [names[place] for place in order]


def _edges(part: Part, node: Int64, own_scores: Float32) -> Columns:
    """Edges between nodes: those of their heads, and between the nodes of one kind."""
    pairs = np.unique(np.stack([part.heads, node]), axis=1)
    starts = np.searchsorted(pairs[0], np.unique(pairs[0]))
    of_head = dict(zip(pairs[0][starts].tolist(), np.split(pairs[1], starts[1:]), strict=True))
    lone = np.append(starts, pairs.shape[1])[1:] - starts == 1
    heads = pairs[0][starts]
    at_left, at_right = (np.searchsorted(heads, end) for end in (part.edges.left, part.edges.right))
    simple = lone[at_left] & lone[at_right]
    first = pairs[1][starts]
    columns = [(first[at_left[simple]], first[at_right[simple]], part.edges.scores[simple])]
    for at in np.flatnonzero(~simple).tolist():
        left, right = of_head[int(part.edges.left[at])], of_head[int(part.edges.right[at])]
        columns.append(_all_pairs(left, right, float(part.edges.scores[at])))
    scores = dict(zip(part.heads.tolist(), own_scores.tolist(), strict=True))
    for head in heads[~lone].tolist():
        nodes = of_head[head]
        left, right = np.triu_indices(len(nodes), 1)
        columns.append((nodes[left], nodes[right], np.full(len(left), scores[head], np.float32)))
    left, right, values = (np.concatenate(column) for column in zip(*columns, strict=True))
    return left, right, values


def _all_pairs(left: Int64, right: Int64, score: float) -> Columns:
    n = len(left) * len(right)
    return np.repeat(left, len(right)), np.tile(right, len(left)), np.full(n, score, np.float32)


def _constraints(node: Int64, groups: Int64, links: Links, n: int) -> Constraints:
    """Decisions on nodes."""
    nodes: dict[int, list[int]] = defaultdict(list)
    decided = np.flatnonzero(groups >= 0)
    for group, own in sorted(
        set(zip(groups[decided].tolist(), node[decided].tolist(), strict=True))
    ):
        nodes[group].append(own)
    same = [(own[0], other) for own in nodes.values() for other in own[1:]]
    apart = [
        (own[0], nodes[other][0])
        for group, own in nodes.items()
        for other in links.apart(group)
        if group < other and other in nodes
    ]
    return Constraints(
        cannot_link=np.array(sorted(apart), np.int64).reshape(-1, 2),
        must_link=np.array(sorted(same), np.int64).reshape(-1, 2),
    )


def _run(settings: CatalogSettings, edges: Columns, constraints: Constraints, n: int) -> Int64:
    labels: Int64 = settings.config.clustering(_graph(edges, n), constraints).labels
    return labels


def _graph(edges: Columns, n: int) -> SimilarityGraph:
    left, right, scores = edges
    both = np.concatenate([left, right]), np.concatenate([right, left])
    return build_graph(*both, np.concatenate([scores, scores]), n, n)


def _components(
    edges: Columns, constraints: Constraints, n: int, joins: np.float32
) -> Iterator[tuple[Int64, Columns, Constraints]]:
    """Components of edges that may join and of what belongs together, of two nodes or more.

    Yields:
        The nodes, ascending, and edges and decisions among them, by their places.
    """
    left, right, scores = edges
    strong, must = scores >= joins, constraints.must_link
    ends = [np.concatenate([end[strong], must[:, i]]) for i, end in enumerate((left, right))]
    of_node = components(ends[0], ends[1], n)
    order = np.argsort(of_node, kind="stable")
    place = np.empty(n, np.int64)
    sizes = np.bincount(of_node, minlength=1)
    starts = np.cumsum(sizes) - sizes
    place[order] = np.arange(n) - np.repeat(starts, sizes)
    inside = np.flatnonzero(of_node[left] == of_node[right])
    parts = [_by_component(of_node[left[inside]], inside)]
    for pairs in (constraints.cannot_link, must):
        within = np.flatnonzero(of_node[pairs[:, 0]] == of_node[pairs[:, 1]])
        parts.append(_by_component(of_node[pairs[within, 0]], within))
    for number in np.flatnonzero(sizes > 1).tolist():
        own, apart, same = (part.get(number, np.zeros(0, np.int64)) for part in parts)
        nodes = order[starts[number] : starts[number] + sizes[number]]
        decided = Constraints(place[constraints.cannot_link[apart]], place[must[same]])
        yield nodes, (place[left[own]], place[right[own]], scores[own]), decided


def _by_component(of_component: Int64, positions: Int64) -> dict[int, Int64]:
    """Positions of each component."""
    if not len(positions):
        return {}
    order = np.argsort(of_component, kind="stable")
    numbers, starts = np.unique(of_component[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(positions[order], starts[1:]), strict=True))
