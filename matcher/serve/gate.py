"""What every request of the interface passes before anything of it is read."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matcher.serve.keys import Key, Keys
from matcher.serve.problems import Refused
from matcher.serve.settings import ServeSettings
from matcher.serve.slots import Kind, Rates, Slots

PREFIX = "/v1"
_NOT_YOURS = "A key is needed: send it as 'Authorization: Bearer KEY'."


class Gate:
    """Lets requests below ``/v1`` in: key, rate, a free slot, then a body of bounded size.

    The key is left in the scope as ``matcher.key``. Other paths pass untouched.

    Args:
        app: What is behind it.
        keys: Those that are let in.
        settings: Limits.
        slots: How many may be under way.
    """

    def __init__(self, app: ASGIApp, keys: Keys, settings: ServeSettings, slots: Slots) -> None:
        self._app, self._keys, self._settings, self._slots = app, keys, settings, slots
        self._rates = Rates(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = self._admit(headers)
        self._rates.spend(key)
        scope["matcher.key"] = key
        with self._slots.take(kind_of(scope["method"], path)):
            body = await self._read(headers, receive)
            await self._app(scope, _replay(body, receive), send)

    def _admit(self, headers: Headers) -> Key:
        """Find the key, or say no in one and the same way."""
        if self._keys.open is not None:
            check_local(headers)
            return self._keys.open
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        key = self._keys.find(shown.strip())
        if key is None or scheme.lower() != "bearer":
            challenge = {"WWW-Authenticate": "Bearer"}
            raise Refused(401, _NOT_YOURS, headers=challenge, counted_as="key")
        return key

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body, of bounded size and within bounded time.

        Raises:
            Refused: If it is too large, comes too slowly, or the client goes away.
        """
        limit = self._settings.max_body_bytes
        too_large = Refused(413, f"A request has at most {limit:,} bytes.", counted_as="size")
        announced = headers.get("content-length", "0")
        if len(announced) > 15 or (announced.isdigit() and int(announced) > limit):
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "The client went away.")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise too_large
                    more = message.get("more_body", False)
        except TimeoutError:
            close = {"Connection": "close"}
            raise Refused(408, "The request came too slowly.", headers=close) from None
        return b"".join(parts)


def kind_of(method: str, path: str) -> Kind:
    """Which slots a request takes."""
    if path == f"{PREFIX}/match":
        return "match"
    return "read" if method in ("GET", "HEAD", "OPTIONS") else "write"


def check_local(headers: Headers) -> None:
    """Refuse what a web page of somebody else makes the browser of a user send.

    Without keys, being on this machine is all that lets a request in; so it must name this machine
    as its host (which a rebound domain does not), and come from no other site.

    Raises:
        Refused: If it does not.
    """
    host = headers.get("host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if not is_loopback(name):
        raise Refused(403, "Without keys, requests name localhost as their host.")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Refused(403, "Without keys, requests from other sites are refused.")
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise Refused(403, "Without keys, requests from other sites are refused.")


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own, which no other machine reaches."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then what comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


def key_of(scope: Scope | Any) -> Key:
    """The key that a request was let in with."""
    key: Key = scope["matcher.key"]
    return key
