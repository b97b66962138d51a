"""What surrounds every request: an id, security headers, a line in the log, a count."""

from __future__ import annotations

import asyncio
import re
import time
from secrets import token_hex
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matcher.errors import MatcherError
from matcher.serve.logs import service_log
from matcher.serve.metrics import Metrics
from matcher.serve.problems import MEDIA_TYPE, Refused
from matcher.serve.translation import as_refusal

# Set where a route has not set its own, as a page does.
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Frame:
    """The outermost layer; every answer, refusals and bugs included, leaves through it.

    The id of the request is left in the scope as ``matcher.request_id``.

    Args:
        app: What is inside.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics, self._log = app, metrics, service_log()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        scope["matcher.request_id"] = request_id = _request_id(scope)
        sent: dict[str, int] = {"status": 0, "bytes": 0}

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            elif message["type"] == "http.response.body":
                sent["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._run(scope, receive, dressed, sent)
        finally:
            self._record(scope, sent, time.perf_counter() - began)

    async def _run(self, scope: Scope, receive: Receive, send: Send, sent: dict[str, int]) -> None:
        """Run what is inside; what it raises becomes an answer."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            refused = self._explain(error, scope["matcher.request_id"])
            if sent["status"]:  # half an answer has gone out: nothing can be said any more
                raise
            await answer(refused, scope["matcher.request_id"], send)
        except asyncio.CancelledError:
            sent["status"] = sent["status"] or 499  # the time to stop had run out
            raise

    def _explain(self, error: Exception, request_id: str) -> Refused:
        refused = error if isinstance(error, Refused) else None
        if refused is None and isinstance(error, MatcherError | OSError):
            refused = as_refusal(error)
        if refused is None:
            self._log.error("bug", request_id=request_id, exc_info=error)
            return Refused(500, "This is a bug of the service; its log tells more by request_id.")
        if refused.status >= 500 and refused is not error:
            self._log.error("failed", request_id=request_id, reason=str(error))
        if refused.counted_as:
            self._metrics.refused.labels(refused.counted_as).inc()
        return refused

    def _record(self, scope: Scope, sent: dict[str, int], seconds: float) -> None:
        """Count the request and write its line: the route, not the path, which holds ids."""
        route, method = route_of(scope), method_of(scope)
        self._metrics.requests.labels(method, route, str(sent["status"])).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        key = scope.get("matcher.key")
        self._log.info(
            "request",
            request_id=scope["matcher.request_id"],
            method=method,
            route=route,
            status=sent["status"],
            seconds=round(seconds, 6),
            bytes=sent["bytes"],
            key=key.name if key is not None else None,
        )


async def answer(refused: Refused, request_id: str, send: Send) -> None:
    """Send a problem."""
    body = refused.body(request_id)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **refused.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _request_id(scope: Scope) -> str:
    """The client's own id where it is a sane one, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else token_hex(8)


def route_of(scope: Scope) -> str:
    """Template of the route, so that there are few; "-" where none was found."""
    route: Any = scope.get("route")
    path: str = getattr(route, "path", "-")
    return path


def method_of(scope: Scope) -> str:
    """One of the usual methods, or "other": a client may invent names without end."""
    method: str = scope["method"]
    usual = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH")
    return method if method in usual else "other"
