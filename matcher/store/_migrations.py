"""Older tables made new: a list of steps, each from one version to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from matcher.errors import StoreError
from matcher.store._session import Session

Step: TypeAlias = Callable[[Session], None]

# STEPS[i] leads from version i + 1 to i + 2. A step is never changed once it has been released.
STEPS: tuple[Step, ...] = ()


def newest(steps: Sequence[Step] | None = None) -> int:
    """Version that all steps lead to."""
    return 1 + len(STEPS if steps is None else steps)


def check_version(version: int, place: str) -> None:
    """Refuse tables that a newer program made.

    Raises:
        StoreError: If so, or if no program of ours ever made such a version.
    """
    if version > newest():
        raise StoreError(
            f"{place} was made by a newer version of this program: its tables have version "
            f"{version}, this one knows up to {newest()}. Update the program. "
            "Nothing was changed."
        )
    if version < 1:
        raise StoreError(f"{place} is damaged: its tables have version {version}.")


def migrate(session: Session, place: str) -> None:
    """Bring older tables up to the newest version, all steps in one transaction.

    Raises:
        StoreError: If a step fails, and then the tables stay as they were; or if the tables are
            newer than this program.
    """
    if session.version() == newest():
        return
    session.begin_write()
    try:
        version = session.version()  # another process may have been faster
        check_version(version, place)
        for number in range(version, newest()):
            STEPS[number - 1](session)
            session.set_version(number + 1)
        session.commit()
    except BaseException:
        session.rollback()
        raise
