"""What the pipelines that train share: their options, their table of figures."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines._command import carry_out

if TYPE_CHECKING:
    from matcher.training.settings import TrainConfig

Figures = Mapping[str, Mapping[str, float]]


def load_training(path: Path, listings: Path | None, images: Path | None) -> TrainConfig:
    """Read a training's settings; ``--listings`` and ``--images`` go before what they name."""
    from matcher.training.settings import TrainConfig

    config = TrainConfig.load(path)
    given = {"listings": listings, "images": images}
    named = {name: place for name, place in given.items() if place is not None}
    return config.model_copy(update={"source": config.source.model_copy(update=named)})


def train_and_score(kind: str, description: str | None) -> int:
    """Train an encoder of titles or of pictures, and score it on products not seen.

    Args:
        kind: ``title`` or ``image``.
        description: What ``--help`` says.

    Returns:
        The status that the command ends with.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="settings of the training")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--listings", type=Path, help="table in place of source.listings")
    parser.add_argument("--images", type=Path, help="pictures in place of source.images")
    options = parser.parse_args()
    return carry_out(lambda: _train_and_score(kind, options))


def _train_and_score(kind: str, options: Any) -> None:
    from matcher.errors import ConfigError
    from matcher.io.listings import read_listings
    from matcher.io.outputs import write_json
    from matcher.jobs.held_out import measure_run, read_held_out
    from matcher.jobs.one_encoder import starting_config
    from matcher.jobs.train import train

    config = load_training(options.config, options.listings, options.images)
    if getattr(config, kind) is None:
        raise ConfigError(f"{options.config} has no {kind} network. Name a config that has.")
    if config.validation.split != "folds" or config.validation.test_fold is None:
        raise ConfigError(
            f"{options.config} holds nothing out to be scored. Set validation.split: folds and "
            "validation.test_fold."
        )
    starting_config(config)  # it is measured afterwards: what it cannot be, it says now
    report = train(config, options.out)
    source = config.source
    listings = read_listings(source.listings, source.images, source.columns)
    figures = measure_run(options.out, config, listings)
    counts = read_held_out(options.out, listings).counts
    about = {"trained_listings": report.counts["trained_listings"], **counts}
    write_json({**about, "encoders": figures}, options.out / "held_out.json")
    show_figures(
        f"{counts['gallery']:,} listings of {counts['products']:,} products that the training had "
        "no part in, searched among themselves",
        figures,
    )


def show_figures(title: str, figures: Figures, of: str = "encoder") -> None:
    """Print a table: a row an encoder (or what ``of`` says), a column a figure."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(of, no_wrap=True)
    names = list(next(iter(figures.values())))
    for name in names:
        table.add_column(name, justify="right")
    for encoder, values in figures.items():
        table.add_row(encoder, *(f"{values[name]:.4f}" for name in names))
    Console(width=100).print(table)
