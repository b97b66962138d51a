"""What vectors are kept as in PostgreSQL: the types of pgvector, wherever it lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matcher.errors import StoreError
from matcher.store._session import Session
from matcher.store.records import KeptEncoder

# The most that pgvector's types hold.
_MAX_WIDTH = 16_000
_TYPES = {
    "integer": "bigint",
    "text": "text",
    "key": 'text COLLATE "C"',
    "bytes": "bytea",
    "real": "real",
    "of_listing": "REFERENCES listings (row_no)",
    "end_of_edge": "",  # a check of each would take as long as all else; rows are checked before
    "clustered": "",
    # sparsevec refuses more than 16,000 entries, which a very long title has.
    "sparse": "bytea",
    "hash": "bigint",
}


def check_widths(encoders: Sequence[KeptEncoder]) -> None:
    """Refuse vectors of more dimensions than pgvector's types hold.

    Raises:
        StoreError: If there are any.
    """
    wide = [e for e in encoders if e.kind == "dense" and e.width > _MAX_WIDTH]
    if wide:
        raise StoreError(
            f"PostgreSQL keeps dense vectors of at most {_MAX_WIDTH:,} dimensions. Received: "
            f"{wide[0].width:,} of {wide[0].name!r}. Use a folder instead of an address."
        )


def sql_types(session: Session, place: str, encoders: Sequence[KeptEncoder]) -> Mapping[str, str]:
    """SQL of the types that tables for the vectors of these encoders need.

    Raises:
        StoreError: If pgvector is missing where vectors are dense, or one has too many dimensions.
    """
    check_widths(encoders)
    types = dict(_TYPES)
    if any(encoder.kind == "dense" for encoder in encoders):
        home = _home_of_vectors(session, place)
        types["dense:float32"] = f'"{home}".vector({{width}})'
        types["dense:float16"] = f'"{home}".halfvec({{width}})'
    return types


def _home_of_vectors(session: Session, place: str) -> str:
    """Name of the schema that holds pgvector, which is installed if need be."""
    query = (
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'vector'"
    )
    found = session.select(query)
    if not found:
        try:
            session.execute("CREATE EXTENSION vector SCHEMA public")
        except StoreError as error:
            raise StoreError(
                f"{place} needs pgvector, and it could not be set up ({error}) Have somebody "
                "who may do so run CREATE EXTENSION vector in that database."
            ) from error
        found = session.select(query)
    return str(found[0][0])
