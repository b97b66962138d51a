"""The part of a catalogue that a change touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from matcher.catalog._gallery import Gallery
from matcher.catalog._links import Links
from matcher.store import Edges, Transaction
from matcher.types import Bool, Float32, Int64


@dataclass(frozen=True, slots=True)
class Part:
    """Whole components, and whole clusters as they were before the change.

    Attributes:
        rows: Listings, ascending, shape ``(n,)``.
        ids: Of the listings.
        heads: For each the oldest of its kind, shape ``(n,)``.
        edges: Between heads, each once, with both ends in the part.
        before: Cluster that each was in, 0 for none, shape ``(n,)``.
    """

    rows: Int64
    ids: list[str]
    heads: Int64
    edges: Edges
    before: Int64


def gather(
    write: Transaction,
    gallery: Gallery,
    links: Links,
    seeds: Int64,
    joins: np.float32,
    moved: Mapping[int, int],
) -> Part:
    """All that hangs together with some listings.

    From each listing on, by edges that may join, to copies, to what a person said is the same, and
    to whom it is in one cluster with.

    Args:
        write: After listings and edges have been changed.
        gallery: The same state, in memory.
        links: Decisions in force.
        seeds: Rows to begin with.
        joins: Lowest score of an edge that may join.
        moved: By new row the cluster that a listing was in which it takes the place of.
    """
    rows, before = np.zeros(0, np.int64), dict(moved)
    found: list[Edges] = []
    todo = np.unique(np.concatenate([seeds, *_of_clusters(write, before.values())]))
    while len(todo):
        rows = np.union1d(rows, todo)
        near, edges = _neighbors(write, gallery, todo, joins)
        found.append(edges)
        near.append(_linked(write, gallery, links, todo))
        held = write.membership(todo)
        before |= dict(zip(held.rows.tolist(), held.clusters.tolist(), strict=True))
        near.extend(_of_clusters(write, set(held.clusters.tolist())))
        todo = np.setdiff1d(np.concatenate(near), rows)
    heads = gallery.heads(rows)
    clusters = np.array([before.get(row, 0) for row in rows.tolist()], np.int64)
    return Part(rows, gallery.ids(rows), heads, _inside(found, heads), clusters)


def _of_clusters(write: Transaction, clusters: Iterable[int]) -> list[Int64]:
    """Listings of clusters."""
    asked = np.array(sorted(set(clusters)), np.int64)
    return [write.members(asked).rows] if len(asked) else []


def _neighbors(
    write: Transaction, gallery: Gallery, rows: Int64, joins: np.float32
) -> tuple[list[Int64], Edges]:
    """Copies and joined listings of rows, and all edges of theirs."""
    keys = {key for key in gallery.keys(rows) if key is not None}
    near = [copies for copies in map(gallery.kind, keys) if len(copies) > 1]
    heads = np.unique(gallery.heads(rows))
    edges = write.edges(None if len(heads) * 2 > write.count() else heads)
    strong = edges.scores >= joins
    if len(heads) * 2 > write.count():
        strong &= np.isin(edges.left, heads) | np.isin(edges.right, heads)
    near += [edges.left[strong], edges.right[strong]]
    return near, edges


def _linked(write: Transaction, gallery: Gallery, links: Links, rows: Int64) -> Int64:
    """Listings that a person said are the same as some of these."""
    if not len(links):
        return np.zeros(0, np.int64)
    groups = {links.group(id): id for id in gallery.ids(rows) if links.group(id) >= 0}
    ids = sorted({other for id in groups.values() for other in links.together(id)})
    linked = write.rows_of(ids)
    return linked[linked >= 0]


def _inside(found: list[Edges], heads: Int64) -> Edges:
    """Edges with both ends among ``heads``, each once."""
    if not found:
        nothing = np.zeros(0, np.int64)
        return Edges(nothing, nothing, np.zeros(0, np.float32))
    left, right, scores = (
        np.concatenate([getattr(edges, name) for edges in found])
        for name in ("left", "right", "scores")
    )
    inside: Bool = np.isin(left, heads) & np.isin(right, heads)
    left, right, scores = left[inside], right[inside], scores[inside]
    _, first = np.unique(np.stack([left, right]), axis=1, return_index=True)
    kept: Float32 = scores[first]
    return Edges(left[first], right[first], kept)
