"""The commands."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from matcher.cli import options as o
from matcher.cli.show import (
    progress_bars,
    say,
    say_json,
    show_hits,
    show_result,
    show_warnings,
    warn,
)
from matcher.errors import ConfigError, MatcherError

INTERRUPTED = 130

app = typer.Typer(
    name="matcher",
    help="Find listings of the same product from their pictures and titles.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command()
def dedupe(
    listings: o.Table,
    images: o.Images = None,
    out: o.Out = Path("matcher-out"),
    encoders: o.Encoders = None,
    config: o.Config = None,
    show: Annotated[int, typer.Option(min=0, help="Clusters to print.")] = 3,
    as_json: o.AsJson = False,
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
    """Cluster the listings of one table that are the same product.

    Writes matches.csv (id, matches), clusters.csv (id, cluster), pairs.parquet (both ids, a
    score a modality, the fused score, the reason), pairs.csv (the same with titles, safe to
    open in a spreadsheet), run.json (settings, counts, seconds, metrics) and report.html.
    """
    from matcher.io.atomic import OutputFolder
    from matcher.jobs.dedupe import dedupe as run
    from matcher.jobs.save import save
    from matcher.jobs.steps import resolve_config

    settings = resolve_config(config, encoders)
    columns = {"id": id, "title": title, "image": image, "phash": phash, "group": group}
    read = o.Reader(encoding, delimiter, duplicate_ids, **columns, box=box)
    with OutputFolder(out) as folder, progress_bars():
        result = run(read(listings, images), config=settings)
        save(result, folder)
    if as_json:
        say_json(asdict(result.report))
    else:
        show_result(result, out, show)


@app.command()
def match(
    left: Annotated[Path, typer.Argument(help="First table.")],
    right: Annotated[Path, typer.Argument(help="Second table.")],
    images: o.Images = None,
    right_images: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The same for RIGHT; else as LEFT.")
    ] = None,
    out: o.Out = Path("matcher-out"),
    one_to_one: Annotated[
        bool, typer.Option("--one-to-one", help="Match each listing at most once.")
    ] = False,
    encoders: o.Encoders = None,
    config: o.Config = None,
    as_json: o.AsJson = False,
    id: o.Id = None,
    title: o.Title = None,
    image: o.Image = None,
    phash: o.Phash = None,
    box: o.Box = None,
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    duplicate_ids: o.DuplicateIds = "error",
) -> None:
    """Match the listings of two sources; no pairs inside a source.

    Writes matches.csv (id of LEFT, matching ids of RIGHT), pairs.parquet, pairs.csv, run.json
    and report.html.
    """
    from matcher.io.atomic import OutputFolder
    from matcher.jobs.save import save
    from matcher.jobs.sources import match as run
    from matcher.jobs.steps import resolve_config

    settings = resolve_config(config, encoders)
    columns = {"id": id, "title": title, "image": image, "phash": phash}
    read = o.Reader(encoding, delimiter, duplicate_ids, **columns, box=box)
    with OutputFolder(out) as folder, progress_bars():
        ours, theirs = read(left, images), read(right, right_images or images)
        result = run(ours, theirs, one_to_one=one_to_one, config=settings)
        save(result, folder)
    if as_json:
        say_json(asdict(result.report))
    else:
        show_result(result, out, 0)


@app.command()
def evaluate(
    truth: Annotated[Path, typer.Option(help="Table with an id and a label for each listing.")],
    matches: Annotated[Path, typer.Option(help="Table with an id and 'matches'.")],
    id: o.Id = None,
    group: o.Group = None,
) -> None:
    """Score a file of matches against labels; prints JSON."""
    from matcher.io.columns import Columns
    from matcher.jobs.evaluate import evaluate as run

    say_json(run(truth, matches, Columns.read({"id": id, "group": group}, "the column options")))


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
    from matcher.jobs.tune import tune as run
    from matcher.jobs.tune import write_config

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
    from matcher.io.vectors import write_embeddings
    from matcher.jobs.embed import embed as run

    columns = {"id": id, "title": title, "image": image, "phash": phash}
    read = o.Reader(encoding, delimiter, duplicate_ids, **columns, box=box)
    with progress_bars():
        table, encoded = run(read(listings, images), encoder=encoders, config=config)
    write_embeddings(out, table.ids, encoded, table.id_name)
    say(f"{len(table):,} listings, {int(encoded.present.sum()):,} with {encoded.source}: {out}")


@app.command()
def search(
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
    as_json: o.AsJson = False,
) -> None:
    """Print the listings closest to a picture, a title, or both."""
    from matcher.jobs.lookup import look_up

    with progress_bars():
        result = look_up(
            listings,
            images,
            image=query_image,
            title=query_title,
            box=_parse_box(query_box),
            k=k,
            config=config,
            encoders=encoders,
        )
    if as_json:
        say_json({"hits": result.pairs_table(titles=True).to_pylist()})
    else:
        show_hits(result)


@app.command("config")
def show_config() -> None:
    """Print the default config, to change and pass with --config."""
    from matcher.config import default_yaml

    typer.echo(default_yaml(), nl=False)


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
