"""Running the service: what it listens on, and how it stops."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from matcher.errors import ConfigError, StoreError
from matcher.serve.app import Running, make_app
from matcher.serve.gate import is_loopback
from matcher.serve.keys import Keys
from matcher.serve.logs import begin_logging, service_log
from matcher.serve.protocol import bounded
from matcher.serve.settings import ServeSettings
from matcher.serve.tenants import open_all

KEEP_ALIVE_SECONDS = 15
# A thread that computes hands over sooner, so that the others' answers wait less.
SWITCH_SECONDS = 0.001
# What is loaded stays, so it is not looked through for garbage, which stops all answers for half a
# second; nor is, but for once in a long while, what has lasted since.
COLLECTED_AFTER = (2_000, 20, 1_000)


def serve(
    keys: Keys,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    settings: ServeSettings | None = None,
    images: Path | None = None,
) -> None:
    """Serve until told to stop (SIGTERM or Ctrl-C), then end what is under way.

    Args:
        keys: Who may ask what; their catalogues are opened.
        host: Address to listen on; one that other machines reach needs keys.
        port: 0 for any that is free.
        settings: Limits; None for the usual ones.
        images: Folder of the pictures that clients send to catalogues in PostgreSQL.

    Raises:
        ConfigError: If the address is open to others and there are no keys.
        MatcherError: If a catalogue cannot be opened.
        StoreError: If the port is taken or may not be used.
    """
    settings = settings or ServeSettings()
    if keys.open is not None and not is_loopback(host):
        raise ConfigError(
            f"Other machines reach {host}, so keys are needed: --keys FILE, with a line from "
            "'matcher key NAME' for each. Without keys, listen on 127.0.0.1."
        )
    catalogs = open_all(keys.places, settings)
    try:
        app = make_app(catalogs, keys, settings, images=images)
    except BaseException:
        for catalog in catalogs.values():
            catalog.close()
        raise
    run(app, host, port, settings)


def run(app: FastAPI, host: str, port: int, settings: ServeSettings) -> None:
    """Run an application until it is told to stop.

    Raises:
        StoreError: If the port is taken or may not be used.
    """
    begin_logging()
    sys.setswitchinterval(SWITCH_SECONDS)
    threadpool_limits(1, user_api="blas")  # idle threads of it spin, and keep a core busy
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    config = configure(app, host, port, settings)
    server = Server(config, app.state.running, settings.drain_seconds)
    try:
        server.run()
    except SystemExit as stopped:  # uvicorn has logged why
        if stopped.code:
            raise StoreError(
                f"The service cannot listen on {host}, port {port}. Is another one running there?"
            ) from None


def configure(app: FastAPI, host: str, port: int, settings: ServeSettings) -> uvicorn.Config:
    """How uvicorn listens: bounded in every way, silent about itself, no word of the client's."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded(settings.max_connections, app.state.slots),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.stop_seconds,
    )


class Server(uvicorn.Server):
    """Says that it is not ready for a while before it stops, so that others stop sending.

    Args:
        config: Of uvicorn.
        running: What ``/readyz`` looks at.
        drain_seconds: How long that while is.
    """

    def __init__(self, config: uvicorn.Config, running: Running, drain_seconds: float) -> None:
        super().__init__(config)
        self._running, self._drain = running, drain_seconds
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal does not wait."""
        self._running.ready = False
        if self._stop_at is not None:
            self.should_exit = self.force_exit = True
            return
        self._stop_at = time.monotonic() + self._drain
        self.should_exit = self._drain == 0

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Begin to listen, and say where."""
        await super().startup()
        for each in getattr(self, "servers", ()):
            for socket in each.sockets:
                address = socket.getsockname()
                service_log().info("listening", host=address[0], port=address[1])

    async def on_tick(self, counter: int) -> bool:
        """Stop once the while is over."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)
