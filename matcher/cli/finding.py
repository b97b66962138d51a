"""The commands that find matches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say_json, show_hits, show_result
from matcher.errors import ConfigError

if TYPE_CHECKING:
    from matcher.results import MatchResult


@app.command()
@o.reads(read=o.WITH_LABELS)
def dedupe(
    read: o.Reader,
    listings: o.Table,
    images: o.Images = None,
    out: o.Out = Path("matcher-out"),
    encoders: o.Encoders = None,
    config: o.Config = None,
    no_cache: o.NoCache = False,
    decisions: o.Decisions = None,
    show: Annotated[int, typer.Option(min=0, help="Clusters to print.")] = 3,
    as_json: o.AsJson = False,
) -> None:
    """Cluster the listings of one table that are the same product.

    Writes matches.csv (id, matches), clusters.csv (id, cluster), pairs.parquet (both ids, a
    score a modality, the fused score, the reason), pairs.csv (the same with titles, safe to
    open in a spreadsheet), near_misses.csv (the pairs that came closest), run.json (settings,
    counts, seconds, metrics) and report.html.
    """
    from matcher.jobs.dedupe import dedupe as run
    from matcher.jobs.steps import resolve_config

    settings = resolve_config(config, encoders, not no_cache)
    _carry_out(
        lambda: run(read(listings, images), config=settings, decisions=decisions),
        out,
        as_json,
        show,
    )


@app.command()
@o.reads(read=o.COLUMNS, read_right=o.RIGHT_COLUMNS)
def match(
    read: o.Reader,
    read_right: o.Reader,
    left: Annotated[Path, typer.Argument(help="First table.")],
    right: Annotated[Path, typer.Argument(help="Second table.")],
    images: o.Images = None,
    right_images: o.RightImages = None,
    out: o.Out = Path("matcher-out"),
    one_to_one: Annotated[
        bool, typer.Option("--one-to-one", help="Match each listing at most once.")
    ] = False,
    encoders: o.Encoders = None,
    config: o.Config = None,
    no_cache: o.NoCache = False,
    decisions: o.Decisions = None,
    as_json: o.AsJson = False,
) -> None:
    """Match the listings of two sources; no pairs inside a source.

    Writes matches.csv (id of LEFT, matching ids of RIGHT), pairs.parquet, pairs.csv,
    near_misses.csv, run.json and report.html.
    """
    from matcher.jobs.sources import match as run
    from matcher.jobs.steps import resolve_config

    settings = resolve_config(config, encoders, not no_cache)

    def job() -> MatchResult:
        ours, theirs = read(left, images), read_right(right, right_images or images)
        return run(ours, theirs, one_to_one=one_to_one, config=settings, decisions=decisions)

    _carry_out(job, out, as_json)


@app.command()
@o.reads(read=o.QUERIED_COLUMNS)
def search(
    read: o.Reader,
    listings: o.Table,
    query_image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="Picture to search for.")
    ] = None,
    query_title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="Title to search for.")
    ] = None,
    query_box: Annotated[
        str | None,
        typer.Option("--box", metavar="X,Y,W,H", help="Part of the picture, in pixels."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Listings to print.")] = 10,
    images: o.Images = None,
    encoders: o.Encoders = None,
    config: o.Config = None,
    no_cache: o.NoCache = False,
    as_json: o.AsJson = False,
) -> None:
    """Print the listings closest to a picture, a title, or both."""
    from matcher.jobs.lookup import look_up
    from matcher.jobs.steps import resolve_config

    with progress_bars():
        result = look_up(
            read(listings, images),
            image=query_image,
            title=query_title,
            box=_parse_box(query_box),
            k=k,
            config=resolve_config(config, encoders, not no_cache),
        )
    show_hits(result, as_json)


def _carry_out(
    job: Callable[[], MatchResult], out: Path, as_json: bool, n_clusters: int = 0
) -> None:
    """Run a job, write what it found, and print it."""
    from matcher.io.atomic import OutputFolder
    from matcher.jobs.save import save

    with OutputFolder(out) as folder, progress_bars():
        result = job()
        save(result, folder)
    if as_json:
        say_json(asdict(result.report))
    else:
        show_result(result, out, n_clusters)


def _parse_box(text: str | None) -> Any:
    """Four numbers, as "x,y,w,h"."""
    if text is None:
        return None
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--box is x,y,w,h: left, top, width and height in pixels. Received: {text!r}."
        ) from None
    return x, y, w, h
