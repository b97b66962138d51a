"""Clusters after a change: clustered anew where it touches, under ids that last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from matcher.catalog._clustering import cluster_part
from matcher.catalog._gallery import Gallery
from matcher.catalog._gathering import gather
from matcher.catalog._links import Links
from matcher.catalog._settings import CatalogSettings
from matcher.catalog.lineage import NEW, Event, carry_over
from matcher.store import Transaction
from matcher.types import Int64

# Ids below it were given; those that are new are numbered from it on, until the store gives them.
NOT_YET = 1 << 62


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change has touched.

    Attributes:
        rows: Listings to begin with.
        clusters: Clusters that have lost listings.
        moved: By row of a new listing the cluster of the one that it takes the place of.
    """

    rows: Int64
    clusters: Iterable[int] = ()
    moved: Mapping[int, int] = field(default_factory=dict)


def regrow(
    write: Transaction,
    gallery: Gallery,
    settings: CatalogSettings,
    links: Links,
    touched: Touched,
) -> None:
    """Cluster what a change touches anew, and record what became of the clusters.

    Args:
        write: After listings, edges and decisions have been changed.
        gallery: The same state, in memory.
        settings: Of the catalogue.
        links: Decisions in force.
        touched: Where to begin.
    """
    lost = set(touched.clusters) | set(touched.moved.values())
    left = write.members(np.array(sorted(lost), np.int64)).rows
    seeds = np.unique(np.concatenate([touched.rows, left]))
    part = gather(write, gallery, links, seeds, settings.joins, touched.moved)
    labels = cluster_part(part, settings, links, gallery.own_scores(part.rows))
    before = np.where(part.before == 0, NEW, part.before)
    emptied = tuple(sorted(lost - set(before.tolist())))
    lineage = carry_over(before, labels, NOT_YET, emptied)
    given = write.add_clusters(lineage.next_id - NOT_YET)
    after = _given(lineage.ids, given)
    moved = after != _now(write, part.rows)
    write.assign(part.rows[moved], after[moved])
    ended = np.setdiff1d(np.append(before[before != NEW], emptied), after).astype(np.int64)
    write.end_clusters(ended)
    _record(write, [_named(event, given) for event in lineage.events], part.rows, before, after)


def _given(ids: Int64, given: Int64) -> Int64:
    """Ids with those that the store gave in place of those not yet given."""
    found = ids.copy()
    new = ids >= NOT_YET
    found[new] = given[ids[new] - NOT_YET]
    return found


def _now(write: Transaction, rows: Int64) -> Int64:
    """Cluster of each row as the store has it; 0 for none."""
    held = write.membership(rows)
    found = np.zeros(len(rows), np.int64)
    found[np.searchsorted(rows, held.rows)] = held.clusters
    return found


def _named(event: Event, given: Int64) -> Event:
    names = _given(np.array([event.cluster, *event.others], np.int64), given).tolist()
    return Event(event.kind, names[0], tuple(names[1:]))


def _record(
    write: Transaction, events: Iterable[Event], rows: Int64, before: Int64, after: Int64
) -> None:
    """Record events; those merged into others end, and listings join what was there."""
    told = list(events)
    for event in events:
        if event.kind == "merged":
            told += [Event("ended", other, (event.cluster,)) for other in event.others]
    kinds: list[str] = [event.kind for event in told]
    clusters = [event.cluster for event in told]
    others = [event.others for event in told]
    joined: dict[int, list[int]] = defaultdict(list)
    old = set(before.tolist())
    for row, was, now in zip(rows.tolist(), before.tolist(), after.tolist(), strict=True):
        if was == NEW and now in old:
            joined[now].append(row)
    kinds += ["joined"] * len(joined)
    clusters += list(joined)
    others += [tuple(own) for own in joined.values()]
    order = np.argsort(np.array(clusters, np.int64), kind="stable").tolist()
    write.add_events(
        [kinds[i] for i in order],
        np.array([clusters[i] for i in order], np.int64),
        [others[i] for i in order],
    )
