"""How a pipeline runs as a command: its progress, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Callable


def carry_out(job: Callable[[], object]) -> int:
    """Run a pipeline.

    Returns:
        0, or 2 where its input is at fault, of which one line says what.
    """
    from matcher.cli.show import progress_bars, show_warnings, warn
    from matcher.errors import MatcherError

    show_warnings()
    try:
        with progress_bars():
            job()
    except (MatcherError, OSError) as error:
        warn(" ".join(str(error).split()))
        return 2
    return 0
