"""The command that fits thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say

AIM = "The aim"


@app.command()
def tune(
    listings: o.Table,
    out: Annotated[Path, typer.Option(metavar="CONFIG.yaml", help="Config to write.")],
    images: o.Images = None,
    precision: Annotated[
        float | None,
        typer.Option(
            help="Promise this share of right pairs instead of the best F1.", rich_help_panel=AIM
        ),
    ] = None,
    confidence: Annotated[
        float,
        typer.Option(help="How sure the promise shall be, from 0.5.", rich_help_panel=AIM),
    ] = 0.95,
    gallery_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Listings in the catalogue that the thresholds are for; else as many as here.",
            rich_help_panel=AIM,
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Labelled pairs instead of labelled listings: id_left, id_right, label (1 or 0).",
            rich_help_panel=AIM,
        ),
    ] = None,
    unlabelled: Annotated[
        bool,
        typer.Option("--unlabelled", help="Thresholds from scores alone.", rich_help_panel=AIM),
    ] = False,
    encoders: o.Encoders = None,
    config: o.Config = None,
    seed: Annotated[int, typer.Option(help="Seeds the splits and the draws.")] = 0,
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
    """Fit the thresholds to labels and write a config that dedupe takes.

    Prints what to expect on products that were not seen: thresholds from one half of the
    products, scored on the other, both ways. With --precision the matches are made stricter
    until that share of them can be promised to be right.
    """
    from matcher.io.atomic import check_writable
    from matcher.jobs.tune import tune as run
    from matcher.jobs.tune import write_config

    check_writable(out)
    columns = {"id": id, "title": title, "image": image, "phash": phash, "group": group}
    read = o.Reader(encoding, delimiter, duplicate_ids, **columns, box=box)
    aims = {"precision": precision, "confidence": confidence, "gallery_size": gallery_size}
    with progress_bars():
        tuned = run(
            read(listings, images),
            config=config,
            encoders=encoders,
            pairs=pairs,
            unlabelled=unlabelled,
            seed=seed,
            **aims,  # type: ignore[arg-type]  # typed by the options
        )
    for sentence in tuned.sentences(write_config(tuned, out)):
        say(sentence)
