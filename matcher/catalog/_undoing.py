"""Taking away what a creation that failed has left."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from matcher.store import is_address

NAMES = ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm")


def forget(place: str | Path) -> None:
    """Remove the empty catalogue of a folder, and the folder if nothing else is in it.

    In PostgreSQL the schema stays: only its owner may drop it.
    """
    if is_address(place):
        return
    folder = Path(place)
    with suppress(OSError):
        for name in NAMES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
