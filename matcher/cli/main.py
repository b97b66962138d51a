"""Running the command: what it returns, and what becomes of errors."""

from __future__ import annotations

from typing import Annotated

import typer

from matcher.cli import (  # noqa: F401  # they join the application
    auditing,
    caching,
    catalog,
    describing,
    finding,
    fitting,
    serving,
    training,
    tuning,
)
from matcher.cli.app import app
from matcher.cli.show import say, show_warnings, warn
from matcher.errors import MatcherError

INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 2 when the input, a setting or the disk is at fault; 130 when interrupted.
    """
    show_warnings()
    try:
        status = app(argv, standalone_mode=False)
    except typer.Exit as leave:
        status = leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except (MatcherError, OSError) as error:
        warn(" ".join(str(error).split()))
        return 2
    except Exception as error:
        if _is_usage_error(error):
            error.show()  # type: ignore[attr-defined]
            return 2
        raise
    if status == INTERRUPTED:  # typer turns Ctrl-C into a status of its own
        warn("interrupted; what was there before is as it was.")
    return int(status or 0)


def _is_usage_error(error: Exception) -> bool:
    """Whether a wrong option or argument was given; typer may carry click inside itself."""
    return hasattr(error, "show") and hasattr(error, "exit_code")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        say(version_of("matcher"))
        raise typer.Exit
