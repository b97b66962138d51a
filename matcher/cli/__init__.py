"""The ``matcher`` command: parse, delegate, print."""

from matcher.cli.main import main

__all__ = ["main"]
