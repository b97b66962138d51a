"""What the pages for people need of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request

from matcher.catalog import Candidate
from matcher.errors import MatcherError
from matcher.page import PageError, Query, Visitor
from matcher.serve.batching import Question
from matcher.serve.gate import check_local
from matcher.serve.keys import Key, Keys
from matcher.serve.logs import service_log
from matcher.serve.metrics import Metrics
from matcher.serve.pictures import check_picture
from matcher.serve.problems import Refused
from matcher.serve.settings import ServeSettings
from matcher.serve.slots import Slots
from matcher.serve.tenants import Tenants
from matcher.serve.translation import as_refusal

T = TypeVar("T")
_BUG = "This is a bug of the service; its log tells more."


class PageService:
    """The service as ``matcher.page`` sees it; a search takes a slot as one by the interface does.

    Args:
        keys: Who may see what.
        settings: Limits.
        tenants: The catalogues.
        slots: How many requests may be under way.
        metrics: Where is counted.
        decoders: Threads that look into pictures.
    """

    def __init__(
        self,
        keys: Keys,
        settings: ServeSettings,
        tenants: Tenants,
        slots: Slots,
        metrics: Metrics,
        decoders: ThreadPoolExecutor,
    ) -> None:
        self._keys, self._settings, self._tenants = keys, settings, tenants
        self._slots, self._metrics, self._decoders = slots, metrics, decoders

    @property
    def needs_key(self) -> bool:
        """Whether a visitor signs in with a key."""
        return self._keys.open is None

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a request."""
        return self._settings.max_body_bytes

    def check(self, request: Request) -> None:
        """Without keys, refuse what other sites make a browser send; links to a page are fine.

        Raises:
            PageError: If it is refused.
        """
        if self.needs_key:
            return
        followed = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
        host = Headers({"host": request.headers.get("host", "")})
        try:
            check_local(host if followed else request.headers)
        except Refused as refused:
            raise _as_page(refused) from None

    def admit(self, key: str) -> Visitor | None:
        """Who shows this key; None if nobody does."""
        if self._keys.open is not None:
            return self._visitor(self._keys.open, "")
        found = self._keys.find(key)
        if found is None:
            self._metrics.refused.labels("key").inc()
            return None
        return self._visitor(found, found.name)

    def _visitor(self, key: Key, name: str) -> Visitor:
        return Visitor(name, key.rights, key.place, self._tenants[key.place].catalog)

    async def ask(self, visitor: Visitor, query: Query) -> list[Candidate]:
        """Search, with whichever other questions wait.

        Raises:
            PageError: If the photo cannot be read, or too many ask.
        """
        try:
            with self._slots.take("match"):
                picture = None
                if query.photo is not None:
                    picture = await asyncio.get_running_loop().run_in_executor(
                        self._decoders,
                        check_picture,
                        query.photo,
                        query.box,
                        self._settings.max_pixels,
                        "photo",
                    )
                box = query.box if picture is not None else None
                question = Question(query.title, picture, box, query.k)
                return await self._tenants[visitor.place].batcher.ask(question)
        except Refused as refused:
            raise _as_page(refused) from None

    async def write(self, visitor: Visitor, change: Callable[[], T]) -> T:
        """Change the visitor's catalogue in the thread that writes.

        Raises:
            PageError: If too many write.
        """
        try:
            with self._slots.take("write"):
                return await self._tenants[visitor.place].write(change)
        except Refused as refused:
            raise _as_page(refused) from None

    def explain(self, error: Exception, request_id: str) -> PageError:
        """What to tell of an error; one that is a bug is logged."""
        refused = error if isinstance(error, Refused) else None
        if refused is None and isinstance(error, MatcherError | OSError):
            refused = as_refusal(error)
        if refused is None:
            service_log().error("bug", request_id=request_id, exc_info=error)
            return PageError(500, _BUG)
        if refused.status >= 500 and refused is not error:
            service_log().error("failed", request_id=request_id, reason=str(error))
        if refused.counted_as:
            self._metrics.refused.labels(refused.counted_as).inc()
        return _as_page(refused)


def _as_page(refused: Refused) -> PageError:
    """A refusal for people: what is wrong in particular says more than that something is."""
    faults = " ".join(f"{fault.message.rstrip('.')}." for fault in refused.errors or ())
    return PageError(refused.status, faults or refused.detail, refused.headers)
