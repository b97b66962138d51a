"""A client lean enough not to be what is measured: bytes on sockets, no task for each request."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

Done = Callable[[int], None]
# Of an open loop, as a proxy in front of a service would keep.
N_CONNECTIONS = 256
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Timings:
    """What happened to requests.

    Attributes:
        seconds: Of the whole run.
        taken: Seconds that each took, by status; 0 is the status of those that got no answer.
    """

    seconds: float = 0.0
    taken: dict[int, list[float]] = field(default_factory=dict)

    def count(self, status: int) -> int:
        """How many ended so."""
        return len(self.taken.get(status, ()))

    def quantile(self, q: float, status: int = 200) -> float:
        """Seconds that a share ``q`` of those took at most; NaN where there are none."""
        return float(np.quantile(self.taken.get(status) or [np.nan], q))

    def add(self, status: int, seconds: float) -> None:
        """Record one."""
        self.taken.setdefault(status, []).append(seconds)


class Connection(asyncio.Protocol):
    """One connection that is kept; one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._done: Done | None = None
        self._request = b""
        self._received = b""

    def ask(self, request: bytes, done: Done) -> None:
        """Send a request; ``done`` gets the status, or 0 where the connection broke."""
        self._done, self._request, self._received = done, request, b""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(request)
            return
        loop = asyncio.get_running_loop()
        opening = loop.create_task(loop.create_connection(lambda: self, "127.0.0.1", self._port))
        opening.add_done_callback(lambda task: self._end(0) if task.exception() else None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what waits."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Find out whether the answer is whole."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if end:
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if len(body) >= int(length):
                if b"connection: close" in head.lower():
                    self.close()
                self._end(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._end(0)

    def close(self) -> None:
        """Let go of it."""
        if self._transport is not None:
            self._transport.close()

    def _end(self, status: int) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(status)


def closed_loop(port: int, requests: Sequence[bytes], n_clients: int, seconds: float) -> Timings:
    """Each client asks again as soon as it has its answer."""
    found = Timings()

    async def client(number: int, end: float) -> None:
        connection, ended = Connection(port), asyncio.get_running_loop().create_future()
        i = number

        def again() -> None:
            nonlocal i
            began = time.perf_counter()
            if began >= end:
                connection.close()
                ended.set_result(None)
                return

            def done(status: int) -> None:
                found.add(status, time.perf_counter() - began)
                again()

            connection.ask(requests[i % len(requests)], done)
            i += n_clients

        again()
        await ended

    async def run() -> None:
        began = time.perf_counter()
        await asyncio.gather(*(client(i, began + seconds) for i in range(n_clients)))
        found.seconds = time.perf_counter() - began

    asyncio.run(run())
    return found


class _Pool:
    """Connections that are open already; a request that finds none idle waits for one."""

    def __init__(self, port: int, requests: Sequence[bytes], n: int) -> None:
        self._requests, self._left = requests, n
        self._idle = [Connection(port) for _ in range(min(n, N_CONNECTIONS))]
        self._waiting: deque[tuple[int, float]] = deque()
        self.every = list(self._idle)
        self.found, self.ended = Timings(), asyncio.Event()

    async def open(self) -> None:
        """Open all of them."""
        loop = asyncio.get_running_loop()
        for connection in self.every:
            opened: asyncio.Future[int] = loop.create_future()
            connection.ask(HEALTH, opened.set_result)
            await opened

    def send(self, number: int, due: float) -> None:
        """Send a request, or have it wait; it counts from when it was due."""
        if not self._idle:
            self._waiting.append((number, due))
            return
        connection = self._idle.pop()

        def done(status: int) -> None:
            self.found.add(status, time.perf_counter() - due)
            self._idle.append(connection)
            self._left -= 1
            if not self._left:
                self.ended.set()
            if self._waiting:
                self.send(*self._waiting.popleft())

        connection.ask(self._requests[number % len(self._requests)], done)


def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Timings:
    """Requests come at their time, whether those before are answered or not.

    A request counts from when it was to be sent, so that a client that lags hides nothing.
    """

    async def run() -> Timings:
        n = int(rate * seconds)
        pool = _Pool(port, requests, n)
        await pool.open()
        began = time.perf_counter()
        for i in range(n):
            due = began + i / rate
            wait = due - time.perf_counter()
            if wait > 0 or i % 16 == 0:  # which also lets answers in, however late it is
                await asyncio.sleep(max(0.0, wait))
            pool.send(i, due)
        await pool.ended.wait()
        pool.found.seconds = time.perf_counter() - began
        for connection in pool.every:
            connection.close()
        return pool.found

    return asyncio.run(run())
