"""Who is signed in: in memory, found by a cookie that nobody can guess."""

from __future__ import annotations

import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes, token_urlsafe
from threading import Lock

from matcher.page.service import Visitor

IDLE_SECONDS = 12 * 3600
MAX_SECONDS = 7 * 24 * 3600
MAX_SESSIONS = 10_000
_N_BYTES = 32
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(slots=True)
class Session:
    """One browser that is signed in, or that has told its user's name.

    Attributes:
        visitor: Who signed in with a key; None where none is needed.
        who: Name that decisions are kept under.
        began: When it began, in seconds of the clock.
        used: When it was used last.
    """

    visitor: Visitor | None
    who: str
    began: float
    used: float


class Sessions:
    """Sessions by cookie; the longest unused goes when there are too many.

    Threads may share it. A restart ends all sessions.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._secret, self._lock = clock, token_bytes(_N_BYTES), Lock()
        self._by_digest: OrderedDict[bytes, Session] = OrderedDict()

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None if there is none, or it has ended."""
        now, key = self._clock(), _digest(cookie)
        with self._lock:
            session = self._by_digest.get(key)
            if session is None:
                return None
            if now - session.used > IDLE_SECONDS or now - session.began > MAX_SECONDS:
                del self._by_digest[key]
                return None
            session.used = now
            self._by_digest.move_to_end(key)
            return session

    def begin(self, cookie: str, visitor: Visitor | None, who: str) -> Session:
        """Begin a session for a cookie."""
        now = self._clock()
        session = Session(visitor, who, now, now)
        with self._lock:
            self._by_digest[_digest(cookie)] = session
            while len(self._by_digest) > MAX_SESSIONS:
                self._by_digest.popitem(last=False)
        return session

    def end(self, cookie: str) -> None:
        """End the session of a cookie, if there is one."""
        with self._lock:
            self._by_digest.pop(_digest(cookie), None)

    def token(self, cookie: str) -> str:
        """What a form of this browser carries, so that no other site can make one up."""
        return hmac.new(self._secret, cookie.encode(), sha256).hexdigest()

    def is_token(self, cookie: str, token: str) -> bool:
        """Whether a form carried the right token; compared in constant time."""
        return hmac.compare_digest(self.token(cookie).encode(), token.encode("utf-8", "replace"))


def new_cookie() -> str:
    """A cookie that nobody can guess."""
    return token_urlsafe(_N_BYTES)


def is_cookie(text: str) -> bool:
    """Whether a text can be a cookie of ours."""
    return _COOKIE.fullmatch(text) is not None


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()
