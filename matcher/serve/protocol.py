"""HTTP on a connection: uvicorn's fast parser, with the bounds that it lacks."""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle
from secrets import token_hex
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from matcher.serve.frame import SECURITY
from matcher.serve.gate import PREFIX
from matcher.serve.problems import MEDIA_TYPE, busy
from matcher.serve.slots import BUSY, Slots

# Of the lines before the body.
MAX_HEAD_BYTES = 16_384
# In which they must have come.
HEAD_SECONDS = 10.0
_TOO_LARGE = "The lines before the body are too long."
_TOO_MANY = "Too many connections are open. Come again later."
_QUESTION = f"{PREFIX}/match".encode()


class BoundedProtocol(HttpToolsProtocol):
    """Gives up on clients that send endless or slow heads, and on too many of them.

    Where no question can be taken, it is refused here: at ten times as many as can be answered, the
    way through the application and back would be too long. These are counted, not logged.

    ``max_connections`` and ``slots`` are set by ``bounded``.
    """

    max_connections: ClassVar[int]
    slots: ClassVar[Slots]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head_bytes, self._in_head = 0, True
        self._head_timer: TimerHandle | None = None
        self._too_many = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one connection too many is told so once it has asked, many too many are cut."""
        super().connection_made(transport)
        self._expect_head()
        self._too_many = len(self.connections) > self.max_connections
        if len(self.connections) > 2 * self.max_connections:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._drop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, unless it is a head without end."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Another request begins."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Its head is there: it goes on to the application, or ends here."""
        self._in_head, self._head_bytes = False, 0
        self._drop_timer()
        free = self.cycle is None or self.cycle.response_complete
        asks = self.url.partition(b"?")[0] == _QUESTION
        if not (free and (self._too_many or (asks and self.slots.is_full("match")))):
            super().on_headers_complete()
            return
        self.cycle = _Answered()  # type: ignore[assignment]  # what follows of it is let fall
        keep = self.parser.should_keep_alive() and not self.expect_100_continue
        self._refuse(_TOO_MANY if self._too_many else BUSY, keep and not self._too_many)
        self.on_response_complete()

    def _refuse(self, detail: str, keep: bool) -> None:
        """Send a whole answer."""
        self.transport.write(_answer(detail, self.slots.retry_seconds, keep))
        self.slots.count_refusal()
        if not keep:
            self.transport.close()

    def _expect_head(self) -> None:
        self._in_head = True
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _drop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _Answered:
    """In place of a request that was answered before it was taken."""

    response_complete = True
    message_event = asyncio.Event()


def bounded(max_connections: int, slots: Slots) -> type[BoundedProtocol]:
    """The protocol of one service."""
    bounds = {"max_connections": max_connections, "slots": slots}
    return type("ServiceProtocol", (BoundedProtocol,), bounds)


def _answer(detail: str, seconds: int, keep: bool) -> bytes:
    """A problem with its headers, as the frame would dress it."""
    request_id = token_hex(8)
    refused = busy(detail, seconds)
    body = refused.body(request_id)
    headers = {
        **refused.headers,
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id,
        **SECURITY,
        **({} if keep else {"Connection": "close"}),
    }
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + body
