"""The command that fits thresholds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say, show_encoders, show_problems

if TYPE_CHECKING:
    from matcher.jobs.tune_files import Tuned

AIM = "The aim"

OutConfig: TypeAlias = Annotated[Path, typer.Option(metavar="CONFIG.yaml", help="Config to write.")]
Precision: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Promise this share of right pairs instead of the best F1.", rich_help_panel=AIM
    ),
]
Confidence: TypeAlias = Annotated[
    float, typer.Option(help="How sure the promise shall be, from 0.5.", rich_help_panel=AIM)
]
GallerySize: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Listings in the catalogue that the thresholds are for; else as many as here.",
        rich_help_panel=AIM,
    ),
]
Pairs: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Labelled pairs instead of labelled listings: id_left, id_right, and label (1 or 0) "
        "or decision (same or different).",
        rich_help_panel=AIM,
    ),
]
Unlabelled: TypeAlias = Annotated[
    bool,
    typer.Option("--unlabelled", help="Thresholds from scores alone.", rich_help_panel=AIM),
]
HeldOutBy: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="Use the labels of those listings alone that this training held out: needed where "
        "one of the encoders is from it.",
    ),
]
Seed: TypeAlias = Annotated[int, typer.Option(help="Seeds the splits and the draws.")]


@app.command()
@o.reads(read=o.WITH_LABELS)
def tune(
    read: o.Reader,
    listings: o.Table,
    out: OutConfig,
    images: o.Images = None,
    precision: Precision = None,
    confidence: Confidence = 0.95,
    gallery_size: GallerySize = None,
    pairs: Pairs = None,
    unlabelled: Unlabelled = False,
    held_out_by: HeldOutBy = None,
    encoders: o.Encoders = None,
    config: o.Config = None,
    no_cache: o.NoCache = False,
    seed: Seed = 0,
) -> None:
    """Fit the thresholds to labels and write a config that dedupe takes.

    Prints what to expect on products that were not seen: thresholds from one half of the
    products, scored on the other, both ways. With --precision the matches are made stricter
    until that share of them can be promised to be right.
    """
    from matcher.io.atomic import check_writable
    from matcher.jobs.steps import resolve_config
    from matcher.jobs.tune import tune as run
    from matcher.jobs.tune import write_config

    settings = resolve_config(config, encoders)
    check_writable(out)
    with progress_bars():
        tuned = run(
            read(listings, images),
            config=resolve_config(settings, cache=not no_cache),
            precision=precision,
            confidence=confidence,
            gallery_size=gallery_size,
            pairs=pairs,
            unlabelled=unlabelled,
            held_out_by=held_out_by,
            seed=seed,
        )
    # what was asked of this run is not what the config shall say
    tuned = replace(tuned, config=tuned.config.model_copy(update={"cache": settings.cache}))
    _show(tuned, write_config(tuned, out))


def _show(tuned: Tuned, written: list[Path]) -> None:
    """Say what ran, what could not be read, and what came of it."""
    show_encoders(tuned.encoders, tuned.left_out)
    show_problems(tuned.problems)
    for sentence in tuned.sentences(written):
        say(sentence)
