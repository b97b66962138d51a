"""Cluster ids that last: what becomes of them as listings come, go and are clustered anew."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from matcher.errors import DataError
from matcher.types import Int64

# Stands for "in no cluster before": a listing that is new.
NEW = -1

Change: TypeAlias = Literal["created", "merged", "split", "ended"]


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a cluster.

    Attributes:
        kind: ``created``: of new listings alone. ``merged``: others became part of it, and their
            ids ended. ``split``: it lost listings to others, which are those named, or to
            new ones. ``ended``: all its listings were removed.
        cluster: Its id.
        others: Ids of the clusters that it took in, or lost listings to, rising.
    """

    kind: Change
    cluster: int
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Ids after a change.

    Attributes:
        ids: Cluster of each listing, shape ``(n,)``.
        events: What became of the clusters concerned, by id.
        next_id: The lowest id that was never given.
    """

    ids: Int64
    events: tuple[Event, ...]
    next_id: int


def carry_over(before: Int64, after: Int64, next_id: int, emptied: tuple[int, ...] = ()) -> Lineage:
    """Give clusters the ids of those that they come from.

    A cluster goes on as the one that most of its listings are in, the one with its oldest listing
    where several have as many. Where several go on as one, the lowest of their ids, which is the
    oldest, stays. All others get ids that were never given.

    Args:
        before: Id of each listing's cluster, ``NEW`` where it is a new listing, shape ``(n,)``;
            oldest listings first. All listings of each id are among them.
        after: Label of each listing's cluster now, shape ``(n,)``.
        next_id: The lowest id that was never given.
        emptied: Ids of which no listing is left.

    Raises:
        DataError: If shapes differ, or an id is ``next_id`` or higher.

    Example:
        >>> found = carry_over(np.array([7, 7, 9, -1]), np.array([0, 0, 0, 1]), 10)
        >>> found.ids.tolist(), [(e.kind, e.cluster, e.others) for e in found.events]
        ([7, 7, 7, 10], [('merged', 7, (9,)), ('created', 10, ())])
    """
    if before.shape != after.shape or before.ndim != 1:
        raise DataError(
            "Ids before and labels after are of the same listings. "
            f"Received: shapes {before.shape} and {after.shape}."
        )
    if len(before) and before.max() >= next_id:
        raise DataError(f"Ids are below next_id={next_id}. Received: {before.max()}.")
    heirs = _find_heirs(before, after)
    kept = {label: min(olds) for label, olds in heirs.items()}
    ids = np.empty(len(after), np.int64)
    named: dict[int, int] = {}
    for row, label in enumerate(after.tolist()):
        if label not in named:
            named[label] = kept.get(label, next_id)
            next_id += label not in kept
        ids[row] = named[label]
    events = _tell(before, ids, heirs, named, emptied)
    return Lineage(ids, events, next_id)


def _find_heirs(before: Int64, after: Int64) -> dict[int, list[int]]:
    """For each label, the old ids that go on as it."""
    shared: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for row, (old, label) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        if old != NEW:
            count, first = shared[old].get(label, (0, row))
            shared[old][label] = count + 1, first
    heirs: dict[int, list[int]] = defaultdict(list)
    for old, labels in shared.items():
        best = min(labels, key=lambda label: (-labels[label][0], labels[label][1]))
        heirs[best].append(old)
    return heirs


def _tell(
    before: Int64,
    ids: Int64,
    heirs: dict[int, list[int]],
    named: dict[int, int],
    emptied: tuple[int, ...],
) -> tuple[Event, ...]:
    """The events, in the order of the ids concerned."""
    went_on = {old: named[label] for label, olds in heirs.items() for old in olds}
    lost: dict[int, set[int]] = defaultdict(set)
    from_old: set[int] = set()
    for old, now in zip(before.tolist(), ids.tolist(), strict=True):
        if old != NEW:
            from_old.add(now)
            if now != went_on[old]:
                lost[old].add(now)
    events = [Event("ended", old) for old in emptied]
    events += [Event("split", old, tuple(sorted(to))) for old, to in lost.items()]
    for label, olds in heirs.items():
        taken = tuple(sorted(set(olds) - {named[label]}))
        if taken:
            events.append(Event("merged", named[label], taken))
    events += [Event("created", now) for now in set(ids.tolist()) - from_old]
    return tuple(sorted(events, key=lambda event: (event.cluster, event.kind)))
