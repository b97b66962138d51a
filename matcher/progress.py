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


class Whole:
    """One report for work that is done in parts, each of which reports by itself.

    Args:
        label: What to call the work.
        total: Number of steps.
    """

    def __init__(self, label: str, total: int) -> None:
        self._report, self._label, self._total = _report.get(), label, total
        self._done = 0
        self.advance(0)

    def advance(self, n: int) -> None:
        """Report that ``n`` more steps are done."""
        self._done += n
        self._report(self._label, self._done, self._total)

    def finish(self) -> None:
        """Report that all is done."""
        self.advance(self._total - self._done)

    @contextmanager
    def part(self, n: int) -> Iterator[None]:
        """Count what is reported inside the block as shares of ``n`` steps."""

        def report(label: str, done: int, total: int) -> None:
            share = n * done // total if total else 0
            self._report(self._label, self._done + share, self._total)

        with shown_by(report):
            yield
        self.advance(n)
