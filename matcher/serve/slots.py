"""How many requests may be under way, and how often a key may come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from matcher.serve.keys import Key
from matcher.serve.metrics import Metrics
from matcher.serve.problems import Refused, busy
from matcher.serve.settings import ServeSettings

Kind = Literal["match", "write", "read"]
BUSY = "Too many requests are under way. Come again later."


class Slots:
    """Bounds how many requests of each kind are under way; those above are refused at once.

    Used on the event loop alone, so that counting needs no lock.
    """

    def __init__(self, settings: ServeSettings, metrics: Metrics) -> None:
        self._free: dict[Kind, int] = {
            "match": settings.match_slots,
            "write": settings.write_slots,
            "read": settings.read_slots,
        }
        self.retry_seconds, self._metrics = settings.retry_seconds, metrics
        self._refusals = metrics.refused.labels("overload")

    def is_full(self, kind: Kind) -> bool:
        """Whether none of a kind is free."""
        return not self._free[kind]

    def count_refusal(self) -> None:
        """Count a request that was refused because of it."""
        self._refusals.inc()

    @contextmanager
    def take(self, kind: Kind) -> Iterator[None]:
        """Hold one while the block runs.

        Raises:
            Refused: If none is free.
        """
        if not self._free[kind]:
            raise busy(BUSY, self.retry_seconds, "overload")
        self._free[kind] -= 1
        gauge = self._metrics.under_way.labels(kind)
        gauge.inc()
        try:
            yield
        finally:
            self._free[kind] += 1
            gauge.dec()


class Rates:
    """A token bucket for each key.

    Args:
        settings: Rate of keys that have none of their own, and the burst of all.
        clock: Seconds that only grow.
    """

    def __init__(
        self, settings: ServeSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = settings.rate, settings.burst, clock
        # By digest, so at most one for each key of the file.
        self._left: dict[bytes, tuple[float, float]] = {}

    def spend(self, key: Key) -> None:
        """Count one request.

        Raises:
            Refused: If the key has come too often; it is told when it may come again.
        """
        rate = key.rate or self._rate
        if rate is None:
            return
        now = self._clock()
        left, then = self._left.get(key.digest, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) * rate)
        if left < 1:
            self._left[key.digest] = (left, now)
            wait = {"Retry-After": str(max(1, math.ceil((1 - left) / rate)))}
            detail = f"This key may come {rate:g} times a second. Come again later."
            raise Refused(429, detail, headers=wait, counted_as="rate")
        self._left[key.digest] = (left - 1, now)
