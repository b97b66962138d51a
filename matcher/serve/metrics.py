"""Counts and times of a service, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """What is counted; each service has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "matcher_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "matcher_request_seconds",
            "Seconds from the first byte to the last, by route.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.refused = Counter(
            "matcher_refused",
            "Requests refused before any work: overload, rate, key.",
            ("reason",),
            registry=self.registry,
        )
        self.under_way = Gauge(
            "matcher_requests_under_way",
            "Requests under way, waiting ones included.",
            ("kind",),
            registry=self.registry,
        )
        self.batches = Histogram(
            "matcher_query_batch",
            "Questions answered together.",
            buckets=BATCHES,
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "matcher_query_seconds",
            "Seconds that answering a batch took.",
            buckets=SECONDS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self.registry)
