"""What a person decides, and what becomes of the clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from matcher.catalog._gallery import Gallery
from matcher.catalog._links import Links, in_force
from matcher.catalog._regrowing import Touched, regrow
from matcher.catalog._settings import CatalogSettings
from matcher.catalog._views import where_now
from matcher.errors import DataError
from matcher.store import Decision, Snapshot, Transaction
from matcher.store.records import Pairs
from matcher.types import Int64


class Terms(NamedTuple):
    """What a decision says: pairs of ids that are the same, that differ, or what it undoes."""

    same: Pairs = ()
    different: Pairs = ()
    undoes: int | None = None


class Wish(Protocol):
    """What somebody wants, before it is known whether it can be."""

    def terms(self, snapshot: Snapshot) -> Terms:
        """What the decision says about listings.

        Raises:
            DataError: If what it is about is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Accept:
    """All listings of a cluster are the same."""

    cluster: int

    def terms(self, snapshot: Snapshot) -> Terms:
        ids = ids_of(snapshot, self.cluster)
        if len(ids) < 2:
            raise DataError(
                f"Cluster {self.cluster} has one listing, {ids[0]!r}: there is nothing to accept."
            )
        return Terms(same=star(ids))


@dataclass(frozen=True, slots=True)
class Reject:
    """Two listings are different."""

    left: str
    right: str

    def terms(self, snapshot: Snapshot) -> Terms:
        known_rows(snapshot, (self.left, self.right))
        if self.left == self.right:
            raise DataError(
                f"A listing does not differ from itself. Received: {self.left!r} twice."
            )
        return Terms(different=((self.left, self.right),))


@dataclass(frozen=True, slots=True)
class Split:
    """Some listings of a cluster are one product, and not that of the rest."""

    cluster: int
    out: tuple[str, ...]

    def terms(self, snapshot: Snapshot) -> Terms:
        ids = ids_of(snapshot, self.cluster)
        out = list(dict.fromkeys(self.out))
        strange = [id for id in out if id not in set(ids)]
        if strange:
            raise DataError(f"Listing {strange[0]!r} is not in cluster {self.cluster}.")
        rest = [id for id in ids if id not in set(out)]
        if not out or not rest:
            raise DataError(
                f"A split leaves listings on both sides. Received: {len(out)} of the "
                f"{len(ids)} listings of cluster {self.cluster}."
            )
        # Those of one side are the same, so that it takes one of them to tell the rest apart.
        return Terms(star(out), tuple((out[0], id) for id in rest))


@dataclass(frozen=True, slots=True)
class Merge:
    """All listings of several clusters are the same."""

    clusters: tuple[int, ...]

    def terms(self, snapshot: Snapshot) -> Terms:
        if len(set(self.clusters)) < 2:
            raise DataError(f"A merge is of two clusters or more. Received: {self.clusters}.")
        ids = [id for one in dict.fromkeys(self.clusters) for id in ids_of(snapshot, one)]
        return Terms(same=star(ids))


@dataclass(frozen=True, slots=True)
class Undo:
    """An earlier decision holds no more."""

    number: int

    def terms(self, snapshot: Snapshot) -> Terms:
        made = snapshot.decisions()
        by_number = {one.number: one for one in made}
        if self.number not in by_number:
            known = f"1 to {len(made)}" if made else "none was made"
            raise DataError(f"There is no decision {self.number} to undo; there are: {known}.")
        done = next((one for one in _undos(made) if one.undoes == self.number), None)
        if done is not None:
            raise DataError(
                f"Decision {self.number} is undone already, by decision {done.number} "
                f"({done.who}). To have it back, undo that one."
            )
        return Terms(undoes=self.number)


def _undos(made: Sequence[Decision]) -> list[Decision]:
    """Undos that are not undone themselves."""
    found: list[Decision] = []
    gone: set[int] = set()
    for one in reversed(made):
        if one.undoes is not None and one.number not in gone:
            gone.add(one.undoes)
            found.append(one)
    return found


def decide(
    write: Transaction, gallery: Gallery, settings: CatalogSettings, decision: Decision
) -> int:
    """Keep a decision, and cluster what it touches anew, in one write.

    Raises:
        DataError: If others stand against it; nothing is written.
    """
    made = write.decisions()
    links = Links(in_force((*made, decision)))
    number = write.add_decision(decision)
    ids = dict.fromkeys(id for pair in _concerned(made, decision) for id in pair)
    rows = write.rows_of(list(ids))
    regrow(write, gallery, settings, links, Touched(rows[rows >= 0]))
    return number


def _concerned(made: Sequence[Decision], decision: Decision) -> Pairs:
    """The pairs that a decision is about; of an undo, those that it gives up or back."""
    by_number = {one.number: one for one in made}
    while decision.undoes is not None:
        decision = by_number[decision.undoes]
    return decision.same + decision.different


def star(ids: Sequence[str]) -> Pairs:
    """Pairs that make all listings the same: the first with each other one."""
    return tuple((ids[0], id) for id in ids[1:])


def ids_of(snapshot: Snapshot, cluster: int) -> list[str]:
    """Ids of the listings of a cluster, oldest first.

    Raises:
        DataError: If there is no such cluster, or no more.
    """
    rows = snapshot.members(np.array([cluster], np.int64)).rows
    if len(rows):
        return list(snapshot.listings(rows).ids)
    if not len(snapshot.clusters(np.array([cluster], np.int64)).ids):
        raise DataError(f"There never was a cluster {cluster}.")
    now = where_now(snapshot, cluster)
    told = f"its listings are in {', '.join(map(str, now))}" if now else "its listings are gone"
    raise DataError(f"Cluster {cluster} has ended: {told}.")


def known_rows(snapshot: Snapshot, ids: Sequence[str]) -> Int64:
    """Rows of listings.

    Raises:
        DataError: If one is not there.
    """
    rows = snapshot.rows_of(ids)
    missing = np.flatnonzero(rows < 0)
    if missing.size:
        others = f", and {missing.size - 1} more" * (missing.size > 1)
        raise DataError(f"The catalogue has no listing {ids[missing[0]]!r}{others}.")
    return rows
