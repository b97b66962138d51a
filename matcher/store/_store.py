"""A store above any database: who reads, who writes, and which connection serves whom."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import Self

from matcher.store._session import Session
from matcher.store._snapshot import SqlSnapshot
from matcher.store._tables import first_encoder, read_about
from matcher.store._transaction import SqlTransaction
from matcher.store.records import About

# Connections kept open for the next reader; more are opened where more read at once.
MAX_IDLE = 8


class SqlStore:
    """See ``matcher.store.protocol.Store``.

    Args:
        place: What to call it.
        connect: Opens one connection to tables that are up to date.
    """

    def __init__(self, place: str, connect: Callable[[], Session]) -> None:
        self.place = place
        self._connect = connect
        self._idle: list[Session] = []
        self._lock, self._process = Lock(), os.getpid()
        with self._session(Session.begin_read) as session:
            self.about = read_about(session)

    @contextmanager
    def read(self) -> Iterator[SqlSnapshot]:
        with self._session(lambda session: session.begin_read()) as session:
            self.about = self._about_now(session)
            snapshot = SqlSnapshot(session, self.about)
            try:
                yield snapshot
            finally:
                snapshot.end()

    @contextmanager
    def write(self, at: datetime | None = None) -> Iterator[SqlTransaction]:
        with self._session(lambda session: session.begin_write()) as session:
            transaction = SqlTransaction(session, self._about_now(session), at)
            try:
                yield transaction
                transaction.finish()
            finally:
                transaction.end()
            session.commit()
        self.about = transaction.about

    def _about_now(self, session: Session) -> About:
        """What the store holds; another process may have replaced the encoders."""
        if first_encoder(session) == self.about.first:
            return self.about
        return read_about(session)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def _session(self, begin: Callable[[Session], None]) -> Iterator[Session]:
        """A connection in a transaction, which is rolled back unless it was committed."""
        session = self._begun(begin)
        try:
            yield session
        finally:
            session.rollback()
            with self._lock:
                kept = session.usable and len(self._idle) < MAX_IDLE
                if kept:
                    self._idle.append(session)
            if not kept:
                session.close()

    def _begun(self, begin: Callable[[Session], None]) -> Session:
        session = self._take()
        while session is not None:
            try:
                begin(session)
                return session
            except BaseException:
                session.rollback()
                if session.usable:
                    session.close()
                    raise
            # The server may have ended an idle connection long ago.
            session.close()
            session = self._take()
        session = self._connect()
        try:
            begin(session)
        except BaseException:
            session.close()
            raise
        return session

    def _take(self) -> Session | None:
        with self._lock:
            if self._process != os.getpid():
                # Connections do not survive a fork; the parent goes on to use them.
                self._idle, self._process = [], os.getpid()
            return self._idle.pop() if self._idle else None
