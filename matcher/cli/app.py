"""The application that commands join."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="matcher",
    help="Find listings of the same product from their pictures and titles.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
