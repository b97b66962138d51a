"""A store in PostgreSQL: one schema for each catalogue, dense vectors as pgvector's types."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from matcher.errors import BackendError, StoreError
from matcher.store._migrations import check_version, migrate
from matcher.store._postgres_types import check_widths
from matcher.store._store import SqlStore
from matcher.store._tables import make_tables
from matcher.store.records import About

try:
    from matcher.store._postgres_session import PostgresSession
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] != "psycopg":
        raise
    raise BackendError(
        "A catalogue in PostgreSQL needs psycopg. Install it: pip install 'matcher[postgres]'."
    ) from error

SCHEMA = "matcher"


def create_postgres(address: str, about: About, timeout: float) -> SqlStore:
    """Make a store in a schema of its own.

    Raises:
        StoreError: If the schema is there already, the server cannot be reached, lacks
            pgvector where vectors are dense, or an encoder gives too many dimensions.
    """
    check_widths(about.encoders)
    dsn, schema, place = split_address(address)
    session = PostgresSession(dsn, schema, place, timeout)
    try:
        session.begin_write()
        if session.select("SELECT 1 FROM pg_namespace WHERE nspname = :name", name=schema):
            raise StoreError(
                f"There is a schema {schema!r} already: {place}. Open it, or name another: "
                "add ?schema=NAME to the address."
            )
        types = session.types(about.encoders)
        session.execute(f'CREATE SCHEMA "{schema}"')
        make_tables(session, about, types)
        session.commit()
    finally:
        session.rollback()
        session.close()
    return open_postgres(address, timeout)


def open_postgres(address: str, timeout: float) -> SqlStore:
    """Open the store in a schema, bringing older tables up to date.

    Raises:
        StoreError: If there is none, it is another program's or a newer one's, or the server
            cannot be reached.
    """
    dsn, schema, place = split_address(address)
    session = PostgresSession(dsn, schema, place, timeout)
    try:
        if not session.select("SELECT 1 FROM pg_namespace WHERE nspname = :name", name=schema):
            raise StoreError(
                f"{place} holds no catalogue: there is no schema {schema!r}. Create one first."
            )
        check_version(session.version(), place)
        migrate(session, place)
    finally:
        session.close()
    return SqlStore(place, lambda: PostgresSession(dsn, schema, place, timeout))


def split_address(address: str) -> tuple[str, str, str]:
    """Take the name of the schema out of an address.

    Returns:
        The address for libpq, the schema, and what to show to a person: no password.

    Raises:
        StoreError: If the name is none that PostgreSQL takes as it is.
    """
    parts = urlsplit(address)
    items = [item for item in parts.query.split("&") if item]
    named = [unquote(item.partition("=")[2]) for item in items if item.startswith("schema=")]
    schema = named[-1] if named else SCHEMA
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", schema):
        raise StoreError(
            "The name of a schema has up to 63 of a-z, 0-9 and _, starts with no digit and not "
            f"with pg_. Received: {schema!r}."
        )
    query = [item for item in items if not item.startswith("schema=")]
    shown = [item for item in query if "pass" not in item.partition("=")[0]]
    user, at, host = parts.netloc.rpartition("@")
    place = _join(f"{user.partition(':')[0]}{at}{host}", parts.path, [*shown, f"schema={schema}"])
    return _join(parts.netloc, parts.path, query), schema, place


def _join(who: str, path: str, query: list[str]) -> str:
    """An address, of no host too, which ``urllib`` writes without its slashes."""
    return f"postgresql://{who}{path}" + ("?" if query else "") + "&".join(query)
