"""What every store can do, whatever it keeps things in."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, Self

from matcher.store.records import (
    About,
    ClusterSpans,
    Decision,
    Edges,
    Events,
    KeptEncoder,
    KeptListings,
    ListingColumns,
    Members,
    Removed,
    Values,
    Vectors,
)
from matcher.types import Int64


class Snapshot(Protocol):
    """All that is kept, as one write left it, whatever is written meanwhile.

    Rows are int64 arrays. Every method raises StoreError if the store cannot be read.

    Attributes:
        about: What the store holds.
        revision: The write that is seen last; 0 before the first.
    """

    about: About
    revision: int

    def count(self) -> int:
        """Number of listings."""
        ...

    def rows(self, since: int = 0) -> Int64:
        """Rows of the listings added after that revision, ascending."""
        ...

    def rows_of(self, ids: Sequence[str]) -> Int64:
        """Row of each id, -1 where there is no such listing, shape ``(len(ids),)``."""
        ...

    def listings(self, rows: Int64 | None = None) -> KeptListings:
        """Listings in the order asked, or all by ascending row.

        Raises:
            StoreError: If a row is asked for that is not there.
        """
        ...

    def vectors(self, encoder: str, rows: Int64 | None = None) -> Vectors:
        """Vectors in the order asked, or all by ascending row; rows without one are left out.

        Raises:
            StoreError: If there is no such encoder.
        """
        ...

    def edges(self, rows: Int64 | None = None) -> Edges:
        """Pairs with one end or both among ``rows``, or all; by left row, then right row."""
        ...

    def membership(self, rows: Int64 | None = None) -> Members:
        """Clusters of listings in the order asked, or all by row; those in none are left out."""
        ...

    def members(self, clusters: Int64) -> Members:
        """Listings of clusters, in the order asked, then by row."""
        ...

    def clusters(self, ids: Int64 | None = None) -> ClusterSpans:
        """Clusters that were ever made, or those of ``ids`` that were, by ascending id."""
        ...

    def events(self, since: int = 0, clusters: Int64 | None = None) -> Events:
        """What happened to clusters, or to those, after that revision, oldest first."""
        ...

    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, undone ones and undos included, oldest first."""
        ...

    def decisions_in_force(self) -> tuple[Decision, ...]:
        """Decisions that are not undone, undos left out, oldest first."""
        ...

    def removed(self, since: int = 0) -> Removed:
        """Listings removed after that revision, oldest first."""
        ...


class Transaction(Snapshot, Protocol):
    """One write: all of it or nothing; what it has done so far, it reads back.

    Attributes:
        revision: The one that this write makes.
    """

    def add_listings(self, listings: ListingColumns) -> Int64:
        """Keep listings.

        Returns:
            Their new rows, ascending, shape ``(n,)``.

        Raises:
            StoreError: If an id is there already or comes twice, columns differ in length, or
                a text cannot be kept.
        """
        ...

    def add_vectors(self, encoder: str, fingerprint: str, rows: Int64, values: Values) -> None:
        """Keep vectors of listings; each listing has at most one of each encoder.

        Args:
            encoder: Its name.
            fingerprint: Of the encoder that made the vectors.
            rows: Shape ``(n,)``.
            values: Of the kind, width and precision that the encoder was kept with.

        Raises:
            StoreError: If the fingerprint, kind, width or precision is another, a value is NaN
                or infinite, a row is not there, or has a vector of this encoder.
        """
        ...

    def add_edges(self, edges: Edges) -> None:
        """Keep scored pairs.

        Raises:
            StoreError: If left is not below right, a row is not there, a pair is kept already
                or comes twice, or a score is NaN or infinite.
        """
        ...

    def remove_listings(self, rows: Int64) -> None:
        """Remove listings, their vectors, edges and membership; their ids go into ``removed``.

        Raises:
            StoreError: If a row is not there.
        """
        ...

    def add_clusters(self, n: int) -> Int64:
        """Make clusters without members; returns their ids, shape ``(n,)``."""
        ...

    def end_clusters(self, ids: Int64) -> None:
        """End clusters for good.

        Raises:
            StoreError: If one has members, has ended before, or was never made.
        """
        ...

    def assign(self, rows: Int64, clusters: Int64) -> None:
        """Put listings into clusters, out of those they were in.

        Raises:
            StoreError: If a row is not there or comes twice, or a cluster does not live.
        """
        ...

    def add_events(
        self, kinds: Sequence[str], clusters: Int64, others: Sequence[Sequence[int]]
    ) -> None:
        """Record what happened to clusters, in this revision.

        Raises:
            StoreError: If a kind is unknown, a cluster was never made, or lengths differ.
        """
        ...

    def add_decision(self, decision: Decision) -> int:
        """Record a decision; returns its number, 1 for the first.

        Raises:
            StoreError: If it undoes one that is not there or is undone.
        """
        ...

    def replace_encoders(self, config: str, encoders: Sequence[KeptEncoder]) -> None:
        """Keep other settings and encoders; all vectors and edges go, all else stays.

        ``about`` of this write, and of every later one, tells of the new ones.

        Raises:
            StoreError: If two have one name, or the vectors of one cannot be kept.
        """
        ...


class Store(Protocol):
    """Where a catalogue lasts. Threads may share one; each reads and writes on its own.

    Attributes:
        place: The folder or address, without a password, to show to a person.
        about: What the store held when it was last read or written.
    """

    place: str
    about: About

    def read(self) -> AbstractContextManager[Snapshot]:
        """See one state of the store; any number may read beside one that writes.

        Raises:
            StoreError: If it cannot be read.
        """
        ...

    def write(self, at: datetime | None = None) -> AbstractContextManager[Transaction]:
        """Change the store: when the block has ended, all of it is on the disk.

        If the block raises, or anything in it failed, nothing is kept.

        Args:
            at: When this is, in any time zone; None for now.

        Raises:
            StoreError: If another write goes on for longer than the timeout, or it fails.
            StoreFullError: If there is no room.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections; a store may be read again afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...
