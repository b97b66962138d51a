"""Progress of long loops, shown by whoever runs them (the command line) and silent otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Report = Callable[[str, int, int], None]


def _silent(label: str, done: int, total: int) -> None:
    """Report nothing."""


_report: ContextVar[Report] = ContextVar("report", default=_silent)


@contextmanager
def shown_by(report: Report) -> Iterator[None]:
    """Send progress to ``report(label, done, total)`` inside the block."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def tracked(items: Iterable[T], label: str, total: int, step: int = 1) -> Iterator[T]:
    """Yield ``items`` and report after each that ``step`` more of ``total`` are done."""
    report, done = _report.get(), 0
    report(label, 0, total)
    for item in items:
        yield item
        done = min(done + step, total)
        report(label, done, total)
