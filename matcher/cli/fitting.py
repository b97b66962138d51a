"""The commands around finding matches: scores, vectors, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say, say_cached, say_json


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
    no_cache: o.NoCache = False,
) -> None:
    """Write ids and unit vectors (or hashes) of all listings."""
    from matcher.io.atomic import check_writable
    from matcher.io.vectors import check_ending, write_embeddings
    from matcher.jobs.embed import encode_one
    from matcher.jobs.steps import resolve_config

    check_ending(out)
    check_writable(out)
    settings = resolve_config(config, cache=not no_cache)
    with progress_bars():
        table = read(listings, images)
        encodings = encode_one(table, encoders, settings)
    (encoded,) = encodings.tables[0].values()
    write_embeddings(out, table.ids, encoded, table.id_name)
    say(f"{len(table):,} listings, {int(encoded.present.sum()):,} with {encoded.source}: {out}")
    say_cached(encodings.about())


@app.command("config")
def show_config() -> None:
    """Print the default config, to change and pass with --config."""
    from matcher.config import default_yaml

    typer.echo(default_yaml(), nl=False)
