"""The tables, in SQL that both databases read; types are filled in by each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from matcher.store._migrations import newest
from matcher.store._session import Session
from matcher.store.records import About, KeptEncoder

_TABLES = (
    "CREATE TABLE about (config {text} NOT NULL, created {text} NOT NULL, "
    "schema_version {integer} NOT NULL)",
    "CREATE TABLE encoders (number {integer} PRIMARY KEY, name {text} NOT NULL UNIQUE, "
    "fingerprint {text} NOT NULL, kind {text} NOT NULL, width {integer} NOT NULL, "
    "kept_as {text} NOT NULL, state {bytes} NOT NULL)",
    # The next to be given: numbers are never given twice, whatever is removed.
    "CREATE TABLE counters (revision {integer} NOT NULL, row_no {integer} NOT NULL, "
    "cluster {integer} NOT NULL, event {integer} NOT NULL, decision {integer} NOT NULL)",
    "CREATE TABLE revisions (revision {integer} PRIMARY KEY, at {text} NOT NULL)",
    "CREATE TABLE listings (row_no {integer} PRIMARY KEY, id {key} NOT NULL UNIQUE, "
    "digest {text} NOT NULL, title {text} NOT NULL, image {text}, phash {integer}, "
    "box_x {real}, box_y {real}, box_width {real}, box_height {real}, extra {text} NOT NULL, "
    "revision {integer} NOT NULL)",
    "CREATE INDEX listings_by_revision ON listings (revision)",
    "CREATE TABLE edges (left_row {integer} NOT NULL {end_of_edge}, "
    "right_row {integer} NOT NULL {end_of_edge}, score {real} NOT NULL, "
    "PRIMARY KEY (left_row, right_row), CHECK (left_row < right_row)) {clustered}",
    "CREATE INDEX edges_by_right ON edges (right_row)",
    "CREATE TABLE clusters (cluster {integer} PRIMARY KEY, made {integer} NOT NULL, "
    "ended {integer} NOT NULL)",
    "CREATE TABLE members (row_no {integer} PRIMARY KEY {of_listing}, cluster {integer} NOT NULL "
    "REFERENCES clusters (cluster))",
    "CREATE INDEX members_by_cluster ON members (cluster)",
    "CREATE TABLE events (number {integer} PRIMARY KEY, revision {integer} NOT NULL, "
    "kind {text} NOT NULL, cluster {integer} NOT NULL, others {text} NOT NULL)",
    "CREATE INDEX events_by_revision ON events (revision)",
    "CREATE TABLE decisions (number {integer} PRIMARY KEY, who {text} NOT NULL, "
    "at {text} NOT NULL, model {text} NOT NULL, kind {text} NOT NULL, same {text} NOT NULL, "
    "different {text} NOT NULL, undoes {integer}, note {text} NOT NULL)",
    "CREATE TABLE removed (id {key} NOT NULL, revision {integer} NOT NULL, "
    "PRIMARY KEY (id, revision))",
)


def vectors_table(number: int) -> str:
    """Name of the table of one encoder's vectors."""
    return f"vectors_{number}"


def make_tables(session: Session, about: About, types: Mapping[str, str]) -> None:
    """Make the tables of an empty store, within a transaction.

    Args:
        session: In a transaction of its own.
        about: Kept, with the newest schema.
        types: SQL for each word in braces; and for ``dense:float32``, ``dense:float16``,
            ``sparse`` and ``hash``, where ``{width}`` stands for the number of dimensions.
    """
    for table in _TABLES:
        session.execute(table.format(**types))
    created = about.created.astimezone(UTC).isoformat()
    session.insert(
        "about", {"config": [about.config], "created": [created], "schema_version": [newest()]}
    )
    add_encoders(session, about.encoders, types)
    session.execute("INSERT INTO counters VALUES (0, 0, 0, 0, 0)")
    session.set_version(newest())


def add_encoders(
    session: Session, kept: Sequence[KeptEncoder], types: Mapping[str, str], first: int = 0
) -> None:
    """Keep encoders, numbered from ``first`` on, and make a table for the vectors of each."""
    for number, encoder in enumerate(kept, first):
        kind = "dense:" + encoder.precision if encoder.kind == "dense" else encoder.kind
        value = types[kind].format(width=encoder.width)
        session.execute(
            f"CREATE TABLE {vectors_table(number)} (row_no {types['integer']} PRIMARY KEY "
            f"{types['of_listing']}, value {value} NOT NULL)"
        )
    session.insert(
        "encoders",
        {
            "number": range(first, first + len(kept)),
            "name": [encoder.name for encoder in kept],
            "fingerprint": [encoder.fingerprint for encoder in kept],
            "kind": [encoder.kind for encoder in kept],
            "width": [encoder.width for encoder in kept],
            "kept_as": [encoder.precision for encoder in kept],
            "state": [encoder.state for encoder in kept],
        },
    )


def first_encoder(session: Session) -> int:
    """Number of the first encoder; 0 where there is none."""
    return int(session.select("SELECT min(number) FROM encoders")[0][0] or 0)


def read_about(session: Session) -> About:
    """Read what ``make_tables`` kept."""
    config, created, version = session.select("SELECT * FROM about")[0]
    encoders = session.select(
        "SELECT name, fingerprint, kind, width, kept_as, state FROM encoders ORDER BY number"
    )
    kept = tuple(KeptEncoder(*row) for row in encoders)
    return About(config, kept, datetime.fromisoformat(created), version, first_encoder(session))
