"""The commands around finding matches: scores, vectors, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say, say_json


@app.command()
def evaluate(
    truth: Annotated[Path, typer.Option(help="Table with an id and a label for each listing.")],
    matches: Annotated[Path, typer.Option(help="Table with an id and 'matches'.")],
    id: o.Id = None,
    group: o.Group = None,
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
) -> None:
    """Score a file of matches against labels; prints JSON."""
    from matcher.io.columns import Columns
    from matcher.jobs.evaluate import evaluate as run

    columns = Columns.read({"id": id, "group": group}, "the column options")
    say_json(run(truth, matches, columns, encoding=encoding, delimiter=delimiter))


@app.command()
@o.reads(read=o.COLUMNS)
def embed(
    read: o.Reader,
    listings: o.Table,
    encoders: Annotated[str, typer.Option(metavar="NAME", help="One modality or encoder.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="FILE.parquet or FILE.npz.")],
    images: o.Images = None,
    config: o.Config = None,
) -> None:
    """Write ids and unit vectors (or hashes) of all listings."""
    from matcher.io.atomic import check_writable
    from matcher.io.vectors import check_ending, write_embeddings
    from matcher.jobs.embed import embed as run

    check_ending(out)
    check_writable(out)
    with progress_bars():
        table, encoded = run(read(listings, images), encoder=encoders, config=config)
    write_embeddings(out, table.ids, encoded, table.id_name)
    say(f"{len(table):,} listings, {int(encoded.present.sum()):,} with {encoded.source}: {out}")


@app.command("config")
def show_config() -> None:
    """Print the default config, to change and pass with --config."""
    from matcher.config import default_yaml

    typer.echo(default_yaml(), nl=False)
