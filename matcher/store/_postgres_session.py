"""One connection to PostgreSQL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import errors, sql
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumper, TextLoader

from matcher.errors import StoreError, StoreFullError
from matcher.store._postgres_copy import from_stream, to_stream
from matcher.store._postgres_types import sql_types
from matcher.store._session import Asked, Table, ask_dense
from matcher.store.records import Float16, KeptEncoder, Vectors
from matcher.types import Float32, Int64

# PostgreSQL holds no NUL in a text; it is kept as ESC 0, and ESC as ESC 1.
_ESCAPE = "\x1b"
_VALUE = re.compile(r"(?<!:):([a-z_]+)")


class _Dumper(StrDumper):
    def dump(self, obj: str) -> Any:
        if _ESCAPE in obj or "\0" in obj:
            obj = obj.replace(_ESCAPE, _ESCAPE + "1").replace("\0", _ESCAPE + "0")
        return super().dump(obj)


class _Loader(TextLoader):
    def load(self, data: Any) -> str:
        text = bytes(data).decode()
        if _ESCAPE in text:
            text = text.replace(_ESCAPE + "0", "\0").replace(_ESCAPE + "1", _ESCAPE)
        return text


class PostgresSession:
    """See ``matcher.store._session.Session``.

    Args:
        address: For libpq.
        schema: Name of the schema that holds the tables.
        place: What to call it in messages.
        timeout: Seconds to wait for another session that writes.
    """

    def __init__(self, address: str, schema: str, place: str, timeout: float) -> None:
        self._place, self._timeout = place, timeout
        digest = hashlib.sha256(f"matcher.store {schema}".encode()).digest()
        self._lock = int.from_bytes(digest[:8], "big", signed=True)
        with self._explained():
            self.connection = psycopg.connect(
                address, autocommit=True, prepare_threshold=None, client_encoding="utf8"
            )
            self.connection.adapters.register_dumper(str, _Dumper)
            self.connection.adapters.register_loader("text", _Loader)
            path = sql.SQL("SET search_path TO {}").format(sql.Identifier(schema))
            self.connection.execute(path)

    @property
    def usable(self) -> bool:
        idle = self.connection.info.transaction_status == TransactionStatus.IDLE
        return idle and not self.connection.closed

    def begin_read(self) -> None:
        self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def begin_write(self) -> None:
        # Each statement sees what the last writer left; later ones, that there is no other.
        self._run(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
            f"SET LOCAL lock_timeout = {max(1, int(self._timeout * 1000))}; "
            f"SELECT pg_advisory_xact_lock({self._lock}); "
            "SET LOCAL lock_timeout = DEFAULT; "
            "SELECT set_config('synchronous_commit', 'on', true) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )

    def commit(self) -> None:
        self._run("COMMIT")

    def rollback(self) -> None:
        status = self.connection.info.transaction_status
        if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            with suppress(psycopg.Error):
                self.connection.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(psycopg.Error):
            self.connection.close()

    def version(self) -> int:
        return int(self.select("SELECT schema_version FROM about")[0][0])

    def set_version(self, version: int) -> None:
        self.execute("UPDATE about SET schema_version = :version", version=version)

    def types(self, encoders: Sequence[KeptEncoder]) -> Mapping[str, str]:
        return sql_types(self, self._place, encoders)

    def select(self, sql: str, asked: Asked = None, **values: Any) -> list[tuple[Any, ...]]:
        with self._explained():
            return self.connection.execute(*_to_query(sql, asked, values)).fetchall()

    def array(
        self, sql: str, fields: Mapping[str, str], asked: Asked = None, **values: Any
    ) -> Table:
        types: dict[str, np.dtype[Any]] = {name: np.dtype(kind) for name, kind in fields.items()}
        parts = list(self._copied(sql, types, asked, values))
        table = np.empty(sum(map(len, parts)), np.dtype(list(fields.items())))
        for name in types:
            table[name] = np.concatenate([part[name] for part in parts])
        return table

    def dense(self, table: str, like: Float32 | Float16, asked: Int64 | None) -> Vectors:
        n, query = ask_dense(self, table, asked)
        types = {"row_no": np.dtype("i8"), "value": np.dtype((like.dtype, like.shape[1:]))}
        rows, matrix, end = np.empty(n, np.int64), np.empty((n, like.shape[1]), like.dtype), 0
        for part in self._copied(query, types, asked, {}):
            start, end = end, end + len(part)
            rows[start:end] = part["row_no"]
            matrix[start:end] = part["value"]["numbers"]
        return Vectors(rows[:end], matrix[:end])

    def execute(self, sql: str, asked: Asked = None, **values: Any) -> None:
        with self._explained():
            self.connection.execute(*_to_query(sql, asked, values))

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        with self._explained(), self.connection.cursor() as cursor:
            query: Any = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with cursor.copy(query) as copy:
                for row in zip(*columns.values(), strict=True):
                    copy.write_row(row)

    def insert_arrays(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        with self._explained(), self.connection.cursor() as cursor:
            query: Any = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
            with cursor.copy(query) as copy:
                for block in to_stream(columns):
                    copy.write(block)

    def _copied(
        self,
        sql: str,
        types: Mapping[str, np.dtype[Any]],
        asked: Asked,
        values: Mapping[str, Any],
    ) -> Iterator[Table]:
        """Rows of a query, in their packed form."""
        query, given = _to_query(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", asked, values)
        with (
            self._explained(),
            self.connection.cursor() as cursor,
            cursor.copy(query, given) as copy,
        ):
            yield from from_stream(copy, types)

    def _run(self, statements: str) -> None:
        with self._explained():
            self.connection.execute(statements.encode())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of PostgreSQL into ours."""
        try:
            yield
        except psycopg.Error as error:
            raise explain(error, self._place, self._timeout) from error


def _to_query(sql: str, asked: Asked, values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A query and its values as psycopg wants them."""
    given, query = dict(values), _VALUE.sub(r"%(\1)s", sql)
    if asked is not None:
        rows = isinstance(asked, np.ndarray)
        kind, name = ("bigint", "row_no") if rows else ("text", "id")
        # Places count from 0, as rows of an array do.
        query = query.replace(
            "{asked}",
            f"(SELECT {name}, place - 1 AS place FROM unnest(%(asked)s::{kind}[]) "
            f"WITH ORDINALITY AS given({name}, place)) AS asked",
        )
        given["asked"] = asked.tolist() if isinstance(asked, np.ndarray) else list(asked)
    return query, given


def explain(error: psycopg.Error, place: str, timeout: float) -> StoreError:
    """Say what went wrong, and the way out."""
    reason = " ".join((str(error).splitlines() or ["no reason given"])[0].split())
    if isinstance(error, errors.DiskFull):
        return StoreFullError(
            f"{place} cannot grow: {reason}. Make room on the server and write again; "
            "what was kept before is whole."
        )
    if isinstance(error, errors.LockNotAvailable):
        return StoreError(
            f"{place} is being written by another process or thread for longer than "
            f"{timeout:g} seconds. Wait for it to end, or allow a longer timeout."
        )
    if isinstance(error, psycopg.IntegrityError):
        return StoreError(f"{place} has it already, or it breaks a rule of the tables: {reason}.")
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return StoreError(f"{place} holds no catalogue, or is damaged: {reason}.")
    return StoreError(f"{place} cannot be used: {reason}.")
