"""Clusters to look at, to review and to count."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np

from matcher.catalog._bridges import order_by_bridge, weakest_bridge
from matcher.catalog._gallery import Gallery, make_block, read_encoded
from matcher.catalog._links import Links, in_force
from matcher.catalog._segments import Block
from matcher.catalog._state import State
from matcher.catalog.records import ClusterView, Ended, ReviewItem, Statistics
from matcher.explain import explain_pairs
from matcher.store import Snapshot
from matcher.types import Float32, Int64

BIN = 0.05
NORMAL_95 = 1.959964
FEW = 200  # kinds of listings whose pairs are all scored


def view_cluster(snapshot: Snapshot, state: State, cluster: int) -> ClusterView | Ended | None:
    """A cluster as ``Catalog.cluster`` shows it."""
    spans = snapshot.clusters(np.array([cluster], np.int64))
    if not len(spans.ids):
        return None
    if spans.ended[0]:
        return Ended(cluster, where_now(snapshot, cluster))
    return view_living(snapshot, state, cluster)


def where_now(snapshot: Snapshot, cluster: int) -> tuple[int, ...]:
    """Clusters that the listings of an ended one went to, and what split off from those since."""
    found: set[int] = set()
    seen: set[tuple[int, int]] = set()
    todo = [(cluster, 0)]
    while todo:
        one, since = todo.pop()
        if (one, since) in seen:
            continue
        seen.add((one, since))
        events = snapshot.events(max(since - 1, 0), np.array([one], np.int64))
        ended = False
        told = zip(events.kinds, events.others, events.revisions.tolist(), strict=True)
        for kind, others, revision in told:
            ended |= kind == "ended"
            if kind == "ended" or (kind == "split" and since):
                todo += [(other, revision) for other in others]
        if not ended:
            found.add(one)
    return tuple(sorted(found - {cluster}))


def view_living(snapshot: Snapshot, state: State, cluster: int) -> ClusterView:
    """A cluster that has listings."""
    rows = snapshot.members(np.array([cluster], np.int64)).rows
    block = read_rows(snapshot, state, rows)
    left, right, scores = edges_within(snapshot, block)
    events = snapshot.events(clusters=np.array([cluster], np.int64))
    told = zip(events.times, events.kinds, events.others, strict=True)
    return ClusterView(
        id=cluster,
        ids=block.ids,
        titles=block.titles,
        images=block.images,
        edges=tuple(
            (block.ids[a], block.ids[b], score)
            for a, b, score in zip(left.tolist(), right.tolist(), scores.tolist(), strict=True)
        ),
        reasons=explain(block, left, right),
        events=tuple((at, kind, () if kind == "joined" else others) for at, kind, others in told),
    )


def read_rows(snapshot: Snapshot, state: State, rows: Int64) -> Block:
    """Some listings with their vectors, by ascending row."""
    rows = np.sort(rows)
    listings = snapshot.listings(rows)
    encoders = state.encoders
    encoded = {kept.name: read_encoded(snapshot, kept, encoders, rows) for kept in encoders.kept}
    return make_block(listings, encoded, state.settings)


def edges_within(snapshot: Snapshot, block: Block) -> tuple[Int64, Int64, Float32]:
    """Edges within a block, by position; of copies one to the oldest each."""
    if len(block.firsts) <= FEW:
        left, right, scores = _scored(block)
    else:
        edges = snapshot.edges(block.rows)
        inside = np.isin(edges.left, block.rows) & np.isin(edges.right, block.rows)
        left, right = (np.searchsorted(block.rows, e[inside]) for e in (edges.left, edges.right))
        scores = edges.scores[inside]
    copies = [(own[0], other) for own in block.places.values() for other in own[1:]]
    firsts, others = np.array(copies, np.int64).reshape(-1, 2).T
    left, right = np.concatenate([left, firsts]), np.concatenate([right, others])
    scores = np.concatenate([scores, block.own_scores[firsts]])
    order = np.lexsort((right, left, -scores))
    return left[order], right[order], scores[order]


def _scored(block: Block) -> tuple[Int64, Int64, Float32]:
    """The edges that the store would keep between the kinds of a block, by scoring all pairs."""
    config, kinds = block.settings.config, block.firsts
    a, b = np.triu_indices(len(kinds), 1)
    left, right = kinds[a], kinds[b]
    pairs = block.score(left, block, right)
    near = np.zeros(len(left), np.bool_)
    for name, scores in pairs.scores.items():
        proposes, lowest = config.search_of(name)
        near |= proposes & (scores >= np.float32(lowest))
    fused = config.fusion(pairs)
    near &= fused >= block.settings.floor
    return left[near], right[near], fused[near]


def explain(block: Block, left: Int64, right: Int64) -> tuple[str, ...]:
    """What speaks for pairs of a block."""
    pairs = block.score(left, block, right)
    return explain_pairs(pairs, block.encoded, block.encoded, (block.titles, block.titles))


def largest(snapshot: Snapshot, min_size: int) -> list[int]:
    """Clusters of ``min_size`` listings or more, largest first, then by id."""
    ids, sizes = np.unique(snapshot.membership().clusters, return_counts=True)
    order = np.lexsort((ids, -sizes))
    found: list[int] = ids[order][sizes[order] >= min_size].tolist()
    return found


def weakest(snapshot: Snapshot, state: State, gallery: Gallery, n: int) -> list[ReviewItem]:
    """Clusters that hang by the weakest edges, and that nobody has accepted as they are."""
    links = Links(in_force(snapshot.decisions()))
    held = snapshot.membership()
    ids, sizes = np.unique(held.clusters, return_counts=True)
    several = np.isin(held.clusters, ids[sizes > 1])
    rows, clusters = held.rows[several], held.clusters[several]
    items: list[ReviewItem] = []
    for cluster in order_by_bridge(snapshot, gallery, links, rows, clusters):
        if len(items) >= n:
            break
        block = read_rows(snapshot, state, rows[clusters == cluster])
        items += _review(snapshot, block, links, cluster)
    return sorted(items, key=lambda item: (item.score, item.cluster))


def _review(snapshot: Snapshot, block: Block, links: Links, cluster: int) -> list[ReviewItem]:
    """The weakest bridge of a cluster, if it has one."""
    left, right, scores = edges_within(snapshot, block)
    groups = np.array([links.group(id) for id in block.ids], np.int64)
    found = weakest_bridge(left, right, scores, groups)
    if found is None:
        return []
    edge, side = found
    near = set(side.tolist())
    return [
        ReviewItem(
            cluster,
            float(scores[edge]),
            tuple(id for place, id in enumerate(block.ids) if place in near),
            tuple(id for place, id in enumerate(block.ids) if place not in near),
            explain(block, left[edge : edge + 1], right[edge : edge + 1])[0],
        )
    ]


def count(snapshot: Snapshot) -> Statistics:
    """A catalogue in numbers."""
    _, sizes = np.unique(snapshot.membership().clusters, return_counts=True)
    by_size = Counter(sizes.tolist())
    bins = np.minimum((snapshot.edges().scores / BIN + 1e-6).astype(int), round(1 / BIN) - 1)
    histogram = np.bincount(bins, minlength=round(1 / BIN))
    decided = Counter(one.kind for one in in_force(snapshot.decisions()))
    reviewed = decided["accept"] + decided["reject"] + decided["split"]
    return Statistics(
        n_listings=snapshot.count(),
        n_clusters=int((sizes > 1).sum()),
        sizes=dict(sorted(by_size.items())),
        scores=tuple((round(i * BIN, 2), n) for i, n in enumerate(histogram.tolist())),
        decisions=dict(sorted(decided.items())),
        precision=wilson(decided["accept"], reviewed) if reviewed else None,
        revision=snapshot.revision,
    )


def wilson(good: int, n: int) -> tuple[float, float, float]:
    """A share, and the ends of its 95 % interval.

    Example:
        >>> [round(x, 3) for x in wilson(9, 10)]
        [0.9, 0.596, 0.982]
    """
    share, square = good / n, NORMAL_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = NORMAL_95 / (1 + square / n) * sqrt(share * (1 - share) / n + square / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)
