"""Vectors on disk by what they were made from, so that a later run makes only the new ones.

One SQLite file for each encoder, safe to use from several processes and to kill at any moment. It
is only a cache: whatever is wrong with it, the run goes on without, and one warning says why.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from matcher.io.cache_place import make_folder
from matcher.io.vector_files import file_name, make_room, remove, size_limit
from matcher.io.versions import digest_of_code, installed_versions

T = TypeVar("T")

log = logging.getLogger(__name__)

# To be raised with the tables.
SCHEMA = 1
# Seconds. Another process locks a file for one transaction at a time.
PATIENCE = 10.0
# Looked up together; SQLite takes 999 at most where it is old.
KEYS = 500
# Holds six vectors of 1,280 dimensions, or twenty of 384.
PAGE = 32_768
# What decides a vector beside the settings and weights that the encoder's fingerprint tells of.
LIBRARIES = (
    *("matcher", "numba", "pillow", "scipy", "tokenizers", "transformers"),
    *("keras", "tensorflow", "tensorflow-cpu", "openvino", "jax", "jaxlib", "torch"),
)
# Our own part in it: how a picture or title is read, and what becomes of it.
CODE = (
    *("encoders/*.py", "models/*.py", "runtime/*.py", "similarity.py"),
    *("io/decoding.py", "io/images.py", "io/resizing.py"),
)
# The answers of SQLite that speak of the file's content, not of its surroundings.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


class DamagedError(Exception):
    """A file that is not what it should be."""


class VectorCache:
    """The vectors of one encoder, by the digest of what they were made from.

    No trouble with the disk raises an error. A file that is damaged, or was made by another
    encoder, is removed and begun anew; a row whose checksum is wrong counts as absent. Where the
    file cannot be read, nothing is found; where it cannot be written, nothing is kept.

    Args:
        folder: Where the files of all encoders lie; made if need be.
        source: Fingerprint of the encoder.

    Raises:
        ConfigError: If the limit to its size, in the environment, is no number.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._made_by = f"{source} ({_versions()})"
        self.path = folder / file_name(source, f"{SCHEMA} {self._made_by}")
        self._limit = size_limit()
        self._connection: sqlite3.Connection | None = None
        self._readable = self._writable = True
        self._begun_anew = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def get(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Look vectors up; those that are not there are left out."""
        if not self._readable or not digests:
            return {}
        try:
            return self._retrying(lambda connection: _look_up(connection, digests))
        except (sqlite3.Error, OSError, DamagedError) as error:
            self._readable = self._writable = False
            log.warning("the cache %s is not used: %s.", self.path, error)
            return {}

    def put(self, vectors: Mapping[bytes, bytes]) -> None:
        """Keep vectors by digest, all of them or none; they are on the disk on return."""
        if not self._writable or not vectors:
            return
        try:
            make_room(self.path, sum(map(len, vectors.values())), self._limit)
            self._retrying(lambda connection: _keep(connection, vectors))
        except (sqlite3.Error, OSError, DamagedError) as error:
            self._writable = False
            log.warning("nothing new is kept in the cache %s: %s.", self.path, error)

    def _retrying(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the file; once more with a new one if that is found damaged."""
        try:
            return step(self._connect())
        except (sqlite3.Error, DamagedError) as error:
            if self._begun_anew or not _is_damage(error):
                raise
            log.warning("the cache %s is damaged and begun anew: %s.", self.path, error)
            self._begun_anew = True
            self._close()
            remove(self.path)
            return step(self._connect())

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            make_folder(self.path.parent)
            if self.path.exists() and not self.path.is_file():  # a pipe would block
                raise OSError("it is no regular file")
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            try:
                _prepare(connection, self._made_by)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            with suppress(OSError):
                os.utime(self.path)  # those not used for longest make room first
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _prepare(connection: sqlite3.Connection, made_by: str) -> None:
    """Make the tables of a new file; raise DamagedError if a file is another's."""
    connection.text_factory = bytes  # of a damaged file it may be no UTF-8
    connection.execute(f"PRAGMA page_size={PAGE}")
    connection.execute("PRAGMA synchronous=NORMAL")
    # The default journal, not the write-ahead log: that needs memory shared between processes,
    # which file systems of networks lack.
    if _schema_of(connection) == 0:
        _transact(connection, lambda: _make_tables(connection, made_by))
    schema, row = _schema_of(connection), connection.execute("SELECT made_by FROM about").fetchone()
    if schema != SCHEMA or row != (made_by.encode(),):
        raise DamagedError("it was made by something else")


def _schema_of(connection: sqlite3.Connection) -> int:
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return int(schema)


def _make_tables(connection: sqlite3.Connection, made_by: str) -> None:
    if _schema_of(connection):  # another process was quicker
        return
    connection.execute("CREATE TABLE about (made_by TEXT)")
    connection.execute("INSERT INTO about VALUES (?)", (made_by,))
    connection.execute("CREATE TABLE vectors (digest BLOB PRIMARY KEY, vector BLOB, checksum INT)")
    connection.execute(f"PRAGMA user_version={SCHEMA}")


def _look_up(connection: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(digests), KEYS):
        some = digests[start : start + KEYS]
        places = ",".join("?" * len(some))
        query = f"SELECT digest, vector, checksum FROM vectors WHERE digest IN ({places})"
        for digest, vector, checksum in connection.execute(query, some):
            whole = isinstance(digest, bytes) and isinstance(vector, bytes)
            if whole and _checksum(digest, vector) == checksum:
                found[digest] = vector
    return found


def _keep(connection: sqlite3.Connection, vectors: Mapping[bytes, bytes]) -> None:
    rows = [(digest, v, _checksum(digest, v)) for digest, v in vectors.items()]
    insert = "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)"
    _transact(connection, lambda: connection.executemany(insert, rows))


def _transact(connection: sqlite3.Connection, step: Callable[[], object]) -> None:
    """Do something as a whole or not at all; no other process writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        step()
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _checksum(digest: bytes, vector: bytes) -> int:
    return zlib.crc32(vector, zlib.crc32(digest))


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # its last byte is the kind
    return isinstance(error, DamagedError) or (code is not None and code & 0xFF in _DAMAGE)


def _versions() -> str:
    """Versions of the libraries that are installed, and of our own code."""
    told = [f"{name} {found}" for name, found in installed_versions(LIBRARIES).items()]
    return ", ".join([*told, f"code {digest_of_code(*CODE)[:8]}"])
