"""What lasts: listings, their vectors, edges, clusters and decisions, in SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from matcher.store.protocol import Snapshot, Store, Transaction
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
    Vectors,
)

__all__ = [
    "About",
    "ClusterSpans",
    "Decision",
    "Edges",
    "Events",
    "KeptEncoder",
    "KeptListings",
    "ListingColumns",
    "Members",
    "Removed",
    "Snapshot",
    "Store",
    "Transaction",
    "Vectors",
    "create_store",
    "is_address",
    "open_store",
]


def create_store(place: str | Path, about: About, timeout: float = 30) -> Store:
    """Make a new store.

    Args:
        place: A folder; or ``postgresql://user@host/database?schema=NAME``, where ``NAME`` tells
            the catalogues of one database apart (``matcher`` if left out).
        about: What it is to hold.
        timeout: Seconds that a write waits for another one to end.

    Raises:
        StoreError: If there is one already, or none can be made there.
        BackendError: If the place is in PostgreSQL and the extra ``postgres`` is missing.
    """
    if is_address(place):
        from matcher.store._postgres import create_postgres

        return create_postgres(str(place), about, timeout)
    from matcher.store._sqlite import create_sqlite

    return create_sqlite(Path(place), about, timeout)


def open_store(place: str | Path, timeout: float = 30) -> Store:
    """Open a store; older tables are brought up to date.

    Args:
        place: As for ``create_store``.
        timeout: Seconds that a write waits for another one to end.

    Raises:
        StoreError: If there is none, it cannot be read, or a newer version made it.
        BackendError: If the place is in PostgreSQL and the extra ``postgres`` is missing.
    """
    if is_address(place):
        from matcher.store._postgres import open_postgres

        return open_postgres(str(place), timeout)
    from matcher.store._sqlite import open_sqlite

    return open_sqlite(Path(place), timeout)


def is_address(place: str | Path) -> bool:
    """Whether a place is the address of a PostgreSQL server."""
    return str(place).startswith(("postgresql://", "postgres://"))
