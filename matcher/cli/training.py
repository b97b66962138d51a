"""The command that trains encoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matcher.cli.app import app
from matcher.cli.show import progress_bars, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matcher.jobs.train import TrainReport

SHOWN = ("top1", "top5", "mar@10", "row_f1")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML settings.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Folder of the run; else runs/ and the config's name."),
    ] = None,
    listings: Annotated[
        Path | None,
        typer.Option(metavar="LISTINGS", help="Table or folder in place of source.listings."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Pictures in place of source.images."),
    ] = None,
) -> None:
    """Train an encoder on labelled listings, as a config says.

    A run that was cut off goes on where it stood when the same command is given again. The
    folder holds the encoder (`weights: RUN` in a config), its log, a plot and the figures on
    products that were held out.
    """
    from matcher.jobs.train import train as run
    from matcher.training.settings import TrainConfig

    settings = TrainConfig.load(config)
    given = {"listings": listings, "images": images}
    named = {name: path for name, path in given.items() if path is not None}
    source = settings.source.model_copy(update=named)
    with progress_bars():
        report = run(
            settings.model_copy(update={"source": source}), out or Path("runs") / config.stem
        )
    _show(report)


def _show(report: TrainReport) -> None:
    """Say what was trained on, how good it is, and where it lies."""
    counts, progress = report.counts, report.progress
    if not report.fresh:
        say(f"{report.folder} holds this training, finished; nothing was done.")
    say(
        f"Trained on {counts['trained_listings']:,} listings of {counts['trained_classes']:,} "
        f"classes: {progress['step']:,} steps, {progress['seconds']:,.0f} seconds, "
        f"{100 * progress['waited'] / max(progress['seconds'], 1e-9):.0f} % of them waiting for "
        "listings to be read."
    )
    if progress["stopped"]:
        say(f"Stopped early: no validation since step {progress['best_step']:,} was better.")
    if report.metrics:
        say(
            f"On {counts['held_out_listings']:,} listings of {counts['held_out_products']:,} "
            f"products held out, before and after: {_changes(report.before, report.metrics)}. The "
            "weights were chosen by these figures, and row_f1 by its best threshold: "
            "measure on others before you report"
            f"{', as here:' if report.test else ' (validation.test_fold).'}"
        )
    if report.test:
        say(
            f"On {counts['test_listings']:,} listings of {counts['test_products']:,} other "
            "products, by which nothing was chosen, before and after: "
            f"{_changes(report.test['before'], report.test['after'])}."
        )
    say(f"Encoder, report, log and plot: {report.folder}")


def _changes(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    both = [name for name in SHOWN if name in before and name in after]
    return ", ".join(f"{name} {before[name]:.4f} -> {after[name]:.4f}" for name in both)
