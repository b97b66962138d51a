"""What a service allows: sizes, numbers at once, and how long it waits."""

from __future__ import annotations

from pydantic import Field

from matcher.io.decoding import MAX_PIXELS
from matcher.io.listings import MAX_TITLE_CHARS
from matcher.settings import Settings

# Limits that are part of the interface, and stand in its description.
MAX_ID_CHARS = 200
MAX_K = 100
MAX_LISTINGS = 100
MAX_EXTRA = 50
MAX_EXTRA_CHARS = 2_000
MAX_NOTE_CHARS = 2_000
MAX_WHO_CHARS = 200
MAX_PAGE = 200
MAX_TITLE = MAX_TITLE_CHARS
# Far more than any picture has pixels in a row; float32 still tells them apart.
MAX_SIDE = 1_000_000


class ServeSettings(Settings):
    """Limits of a service.

    Attributes:
        max_body_mb: Of a request, in millions of bytes; a picture as base64 takes 4/3 of its own.
        max_pixels: Of a picture, by its header.
        max_batch: Questions that are answered together.
        match_slots: Questions under way at once, waiting ones included; more are refused.
        write_slots: The same of requests that change something.
        read_slots: The same of all others.
        decoders: Threads that look into pictures.
        query_threads: Threads that answer questions; each catalogue uses one at a time.
        max_connections: Open connections.
        body_seconds: How long a client may take to send a request.
        write_seconds: How long a write waits for another process that writes.
        retry_seconds: What a refused client is told to wait.
        drain_seconds: How long ``/readyz`` says no before connections are closed.
        stop_seconds: How long requests under way may take to end after that.
        rate: Requests a second of one key, on average; None for no limit.
        burst: Requests of one key that may come at once, where there is a rate.
    """

    max_body_mb: float = Field(default=16, gt=0, le=256)
    max_pixels: int = Field(default=24_000_000, ge=1, le=MAX_PIXELS)
    max_batch: int = Field(default=32, ge=1, le=1024)
    match_slots: int = Field(default=64, ge=1)
    write_slots: int = Field(default=16, ge=1)
    read_slots: int = Field(default=64, ge=1)
    decoders: int = Field(default=2, ge=1)
    query_threads: int = Field(default=1, ge=1)
    max_connections: int = Field(default=1024, ge=1)
    body_seconds: float = Field(default=30, gt=0)
    write_seconds: float = Field(default=5, gt=0)
    retry_seconds: int = Field(default=1, ge=1)
    drain_seconds: float = Field(default=0, ge=0)
    stop_seconds: int = Field(default=30, ge=0)
    rate: float | None = Field(default=None, gt=0)
    burst: int = Field(default=20, ge=1)

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a request."""
        return int(self.max_body_mb * 1_000_000)
