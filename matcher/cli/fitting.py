"""The commands around finding matches: thresholds, scores, vectors, settings."""

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
def tune(
    listings: o.Table,
    out: Annotated[Path, typer.Option(metavar="CONFIG.yaml", help="Config to write.")],
    images: o.Images = None,
    encoders: o.Encoders = None,
    config: o.Config = None,
    seed: Annotated[int, typer.Option(help="Seeds the split into halves.")] = 0,
    id: o.Id = None,
    title: o.Title = None,
    image: o.Image = None,
    phash: o.Phash = None,
    group: o.Group = None,
    box: o.Box = None,
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    duplicate_ids: o.DuplicateIds = "error",
) -> None:
    """Fit the thresholds to labelled listings and write a config that dedupe takes.

    Prints the row F1 to expect on products that were not seen: thresholds from one half of the
    products, scored on the other, both ways.
    """
    from matcher.io.atomic import check_writable
    from matcher.jobs.tune import tune as run
    from matcher.jobs.tune import write_config

    check_writable(out)
    columns = {"id": id, "title": title, "image": image, "phash": phash, "group": group}
    read = o.Reader(encoding, delimiter, duplicate_ids, **columns, box=box)
    with progress_bars():
        tuned = run(read(listings, images), config=config, encoders=encoders, seed=seed)
    write_config(tuned, out)
    say(
        f"Row F1 to expect on products not seen: {tuned.expected_f1:.4f} "
        f"(gallery {tuned.gallery_size:,}); on those that set the thresholds: "
        f"{tuned.fitted_f1:.4f}."
    )
    say(f"Written to {out}; use it with: matcher dedupe LISTINGS --config {out}")


@app.command()
def embed(
    listings: o.Table,
    encoders: Annotated[str, typer.Option(metavar="NAME", help="One modality or encoder.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="FILE.parquet or FILE.npz.")],
    images: o.Images = None,
    config: o.Config = None,
    id: o.Id = None,
    title: o.Title = None,
    image: o.Image = None,
    phash: o.Phash = None,
    box: o.Box = None,
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    duplicate_ids: o.DuplicateIds = "error",
) -> None:
    """Write ids and unit vectors (or hashes) of all listings."""
    from matcher.io.atomic import check_writable
    from matcher.io.vectors import check_ending, write_embeddings
    from matcher.jobs.embed import embed as run

    check_ending(out)
    check_writable(out)
    columns = {"id": id, "title": title, "image": image, "phash": phash}
    read = o.Reader(encoding, delimiter, duplicate_ids, **columns, box=box)
    with progress_bars():
        table, encoded = run(read(listings, images), encoder=encoders, config=config)
    write_embeddings(out, table.ids, encoded, table.id_name)
    say(f"{len(table):,} listings, {int(encoded.present.sum()):,} with {encoded.source}: {out}")


@app.command("config")
def show_config() -> None:
    """Print the default config, to change and pass with --config."""
    from matcher.config import default_yaml

    typer.echo(default_yaml(), nl=False)
