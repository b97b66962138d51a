"""One connection to SQLite."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError, StoreFullError
from matcher.store._session import Asked, Table, ask_dense
from matcher.store.records import Float16, KeptEncoder, Vectors
from matcher.types import Float32, Int64

_ROWS_AT_ONCE = 2048
# Below that much free space a failure to write is one of room, whatever SQLite calls it.
_NO_ROOM = 1 << 20
# Pages in memory, in KiB: usually, and while many rows are written into an index, far apart.
_CACHE, _LARGE_CACHE = 16_384, 262_144
_MANY_ROWS = 100_000
_SETTINGS = (
    "foreign_keys = ON",
    # A write is acknowledged when it is on the disk, on macOS in the disk and not its cache.
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "temp_store = MEMORY",
    f"cache_size = -{_CACHE}",
    # A large write leaves a large log behind, which is cut to this many bytes.
    "journal_size_limit = 67108864",
)
TYPES = {
    "integer": "INTEGER",
    "text": "TEXT",
    "key": "TEXT",
    "bytes": "BLOB",
    "real": "REAL",
    "of_listing": "REFERENCES listings (row_no)",
    "end_of_edge": "REFERENCES listings (row_no)",
    "clustered": "WITHOUT ROWID",
    "dense:float32": "BLOB",
    "dense:float16": "BLOB",
    "sparse": "BLOB",
    "hash": "INTEGER",
}


class _BusyError(StoreError):
    """Another process or thread writes."""


class SqliteSession:
    """See ``matcher.store._session.Session``.

    Args:
        path: The file, which exists.
        timeout: Seconds to wait for another process that writes.
        read_only: Whether nothing may change, not even the log.
    """

    def __init__(self, path: Path, timeout: float, read_only: bool = False) -> None:
        self._path, self._timeout = path, timeout
        address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        with self._explained():
            self.connection = sqlite3.connect(
                address, timeout, isolation_level=None, check_same_thread=False, uri=True
            )
        if not read_only:
            self._set_up()

    def _set_up(self) -> None:
        try:
            for setting in _SETTINGS:
                self.execute(f"PRAGMA {setting}")
            self.execute(
                "CREATE TEMP TABLE asked_rows (place INTEGER PRIMARY KEY, row_no INTEGER NOT NULL)"
            )
            self.execute(
                "CREATE TEMP TABLE asked_ids (place INTEGER PRIMARY KEY, id TEXT NOT NULL)"
            )
        except BaseException:
            self.close()
            raise

    def keep_log(self) -> None:
        """Have the file keep a write-ahead log from now on.

        Raises:
            StoreError: If it lies where that cannot be, or others do not let go of it.
        """
        until = monotonic() + self._timeout
        while True:
            try:
                mode = self.select("PRAGMA journal_mode = WAL")[0][0]
                break
            except _BusyError:  # SQLite itself does not wait here
                if monotonic() > until:
                    raise
                sleep(0.01)
        if mode != "wal":
            raise StoreError(
                f"{self._path} lies where SQLite cannot keep a log (journal mode {mode}), as on a "
                "network share. Move it to a disk of this machine."
            )

    @property
    def usable(self) -> bool:
        return True

    def begin_read(self) -> None:
        self.execute("BEGIN")

    def begin_write(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.connection.close()

    def version(self) -> int:
        return int(self.select("PRAGMA user_version")[0][0])

    def set_version(self, version: int) -> None:
        self.execute(f"PRAGMA user_version = {int(version)}")
        self.execute("UPDATE about SET schema_version = :version", version=version)

    def types(self, encoders: Sequence[KeptEncoder]) -> Mapping[str, str]:
        return TYPES

    def select(self, sql: str, asked: Asked = None, **values: Any) -> list[tuple[Any, ...]]:
        with self._asking(sql, asked, values) as cursor:
            return list(cursor)

    def array(
        self, sql: str, fields: Mapping[str, str], asked: Asked = None, **values: Any
    ) -> Table:
        with self._asking(sql, asked, values) as cursor:
            return np.fromiter(cursor, np.dtype(list(fields.items())))

    def dense(self, table: str, like: Float32 | Float16, asked: Int64 | None) -> Vectors:
        n, query = ask_dense(self, table, asked)
        width, stored = like.shape[1], like.dtype.newbyteorder("<")
        rows, matrix, end = np.empty(n, np.int64), np.empty((n, width), like.dtype), 0
        with self._asking(query, asked, {}) as cursor:
            while some := cursor.fetchmany(_ROWS_AT_ONCE):
                start, end = end, end + len(some)
                rows[start:end] = [row for row, _ in some]
                if any(len(value) != width * stored.itemsize for _, value in some):
                    raise StoreError(f"{self._path} is damaged: a vector has not {width} numbers.")
                content = b"".join([value for _, value in some])
                matrix[start:end] = np.frombuffer(content, stored).reshape(-1, width)
        return Vectors(rows[:end], matrix[:end])

    def execute(self, sql: str, asked: Asked = None, **values: Any) -> None:
        with self._asking(sql, asked, values):
            pass

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        self._insert(table, columns)

    def _insert(self, table: str, columns: Mapping[str, Iterable[Any]]) -> None:
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        with self._explained():
            self.connection.executemany(sql, zip(*columns.values(), strict=True))

    def insert_arrays(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        many = max((len(column) for column in columns.values()), default=0) >= _MANY_ROWS
        self.execute(f"PRAGMA cache_size = -{_LARGE_CACHE if many else _CACHE}")
        self._insert(
            table, {name: _rows(c) if c.ndim == 2 else c.tolist() for name, c in columns.items()}
        )

    @contextmanager
    def _asking(self, sql: str, asked: Asked, values: Mapping[str, Any]) -> Iterator[Any]:
        with self._explained():
            if asked is not None:
                rows = isinstance(asked, np.ndarray)
                table = "temp.asked_rows" if rows else "temp.asked_ids"
                sql = sql.replace("{asked}", f"{table} AS asked")
                wanted = asked.tolist() if isinstance(asked, np.ndarray) else asked
                self.connection.execute(f"DELETE FROM {table}")
                self.connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", enumerate(wanted))
            with closing(self.connection.execute(sql, values)) as cursor:
                yield cursor

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of SQLite into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self._path, self._timeout) from error


def _rows(matrix: NDArray[Any]) -> Iterator[bytes]:
    """The bytes of each row, little-endian wherever they are written."""
    stored = np.ascontiguousarray(matrix, matrix.dtype.newbyteorder("<"))
    return (row.tobytes() for row in stored)


def explain(error: sqlite3.Error, path: Path, timeout: float) -> StoreError:
    """Say what went wrong, and the way out."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _no_room(path)):
        return StoreFullError(
            f"{path} cannot grow: {error}. Make room on the disk and write again; "
            "what was kept before is whole."
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _BusyError(
            f"{path} is being written by another process or thread for longer than "
            f"{timeout:g} seconds. Wait for it to end, or allow a longer timeout."
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"{path} is damaged: {error}. Put a backup in its place.")
    if name.startswith("SQLITE_CONSTRAINT"):
        return StoreError(f"{path} has it already, or it breaks a rule of the tables: {error}.")
    return StoreError(f"{path} cannot be used: {error}.")


def _no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NO_ROOM
    except OSError:
        return False
