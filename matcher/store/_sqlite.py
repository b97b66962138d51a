"""A store in a folder: one file of SQLite, and its log beside it while it is used."""

from __future__ import annotations

import os
from pathlib import Path

from matcher.errors import StoreError
from matcher.store._migrations import check_version, migrate
from matcher.store._sqlite_session import SqliteSession
from matcher.store._store import SqlStore
from matcher.store._tables import make_tables
from matcher.store.records import About

FILE = "catalog.sqlite"
_MAGIC = b"SQLite format 3\0"
_APPLICATION = 0x4D415443  # "MATC", in the header of the file
# Seven vectors of 512 dimensions fit in a page of this size, and one in a page of 4,096 bytes.
_PAGE_BYTES = 16384


def create_sqlite(folder: Path, about: About, timeout: float) -> SqlStore:
    """Make a store in a folder, which is made if need be.

    Raises:
        StoreError: If the folder holds one, or cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Where a creation was cut off, a file without content is left over.
        if path.exists() and path.stat().st_size:
            _header(path)
            raise _is_there(path)
        path.touch()
        session = SqliteSession(path, timeout)
        try:
            _fill(session, path, about)
        finally:
            session.close()
        _flush_folders(folder.absolute())
    except OSError as error:
        raise _refusal(path, error) from error
    return open_sqlite(folder, timeout)


def _fill(session: SqliteSession, path: Path, about: About) -> None:
    session.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    session.begin_write()
    try:
        if session.select("SELECT 1 FROM sqlite_master"):
            raise _is_there(path)  # another process was faster
        session.execute(f"PRAGMA application_id = {_APPLICATION}")
        make_tables(session, about, session.types(about.encoders))
        session.commit()
    finally:
        session.rollback()


def open_sqlite(folder: Path, timeout: float) -> SqlStore:
    """Open the store in a folder, bringing older tables up to date.

    Raises:
        StoreError: If there is none, it is damaged, another program's or a newer one's; then
            the file stays as it is, to the byte.
    """
    path = folder / FILE
    try:
        if not path.is_file():
            raise StoreError(
                f"{folder} holds no catalogue: there is no {FILE} in it. Create one first."
            )
        check_version(_header(path), str(path))
        _check_log(path, timeout)
        session = SqliteSession(path, timeout)
        try:
            session.keep_log()
            migrate(session, str(path))
        finally:
            session.close()
    except OSError as error:
        raise _refusal(path, error) from error
    return SqlStore(str(folder), lambda: SqliteSession(path, timeout))


def _header(path: Path) -> int:
    """Version of the tables, without SQLite, which would write beside the file.

    Raises:
        StoreError: If the file is not a store.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise StoreError(f"{path} is no catalogue or damaged: its first bytes are not SQLite's.")
    if int.from_bytes(header[68:72], "big") != _APPLICATION:
        raise StoreError(f"{path} is a database of another program. Name another folder.")
    return int.from_bytes(header[60:64], "big", signed=True)


def _check_log(path: Path, timeout: float) -> None:
    """Refuse a newer version of which only the log knows yet."""
    if not path.with_name(f"{FILE}-wal").exists():
        return
    session = SqliteSession(path, timeout, read_only=True)
    try:
        check_version(session.version(), str(path))
    finally:
        session.close()


def _is_there(path: Path) -> StoreError:
    return StoreError(f"There is a catalogue already: {path}. Open it, or name another folder.")


def _refusal(path: Path, error: OSError) -> StoreError:
    if isinstance(error, StoreError):
        return error
    return StoreError(f"{path} cannot be used: {error.strerror or error}.")


def _flush_folders(folder: Path) -> None:
    """Have the disk hold the names of the file and its folder (Windows does so by itself)."""
    if os.name == "nt":
        return
    for path in (folder, folder.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
