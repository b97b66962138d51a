r"""From a labelled table to a submission, and the F1 to expect of it.

    python -m pipelines.shopee configs/shopee.yaml train.csv --out DIR [--images PATH]

The labels of one half of the products set the thresholds, every listing is matched among all, and
the listings of the other half are scored. DIR holds what ``matcher dedupe`` writes, the fitted
``config.yaml`` and ``held_out.json``; ``matches.csv`` is a submission in Kaggle's format.

    python -m pipelines.shopee configs/shopee.yaml train.csv --images train_images --out DIR \
        --train configs/training/shopee_image.yaml --train configs/training/shopee_title.yaml

trains encoders first (one or both), into DIR/runs; the same command goes on where one was cut off.
All trainings share one split: encoders learn from most products, one fold chooses their weights and
sets the thresholds, and another, the test fold, is scored, as far as an encoder can read its
listings, every listing being matched among all. ``held_out.json`` has the figures of the config
without the trained encoders beside them.

Hardware: two CPU cores, under 1 GB; about a minute for Shopee's 24,172 listings. Figure to expect
there: row F1 0.787 on the held-out half, in the gallery of all. Trainings: see their configs.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipelines._command import carry_out
from pipelines._training import load_training, show_figures

if TYPE_CHECKING:
    from matcher.config import RunConfig
    from matcher.results import MatchResult
    from matcher.training.settings import TrainConfig
    from matcher.types import Bool, Listings


def main() -> int:
    """Train where that is asked for, tune on one part, match all, score another part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("config", type=Path, help="how listings are matched")
    add("listings", type=Path, help="table with labels")
    add("--images", type=Path, metavar="PATH", help="folder or zip archive of the pictures")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for all that is written")
    add("--train", type=Path, action="append", default=[], metavar="TRAINING", help="a config")
    options = parser.parse_args()
    return carry_out(lambda: run(options))


def run(options: Any) -> None:
    """Carry out the pipeline."""
    from matcher.config import RunConfig
    from matcher.io.atomic import OutputFolder
    from matcher.io.outputs import write_json
    from matcher.jobs.held_out import score_in_gallery
    from matcher.jobs.save import save, write_text
    from matcher.jobs.seen_rows import refuse_seen
    from matcher.jobs.train import train
    from matcher.jobs.trained_encoders import refuse_planned, with_trained

    with OutputFolder(options.out) as out:
        config = RunConfig.load(options.config)
        trainings = read_trainings(options)
        listings = read_labelled(options, trainings)
        refuse_planned(config, listings, trainings.values())
        runs = [train(given, folder).folder for folder, given in trainings.items()]
        choosing, scored = split(listings, runs)
        configs = {"untrained": config}
        if runs:
            configs["with trained encoders"] = with_trained(config, runs)
        for given in configs.values():
            refuse_seen(given, listings, (choosing | scored).nonzero()[0])
        figures = {}
        for name, given in configs.items():
            fitted, result = match(given, listings, choosing)
            figures[name] = score_in_gallery(result.graph, listings.groups, scored)
        save(result, out)
        write_text(yaml.safe_dump(fitted.dump(), sort_keys=False), out.file("config.yaml"))
        counts = {"gallery": len(listings), "scored": int(scored.sum())}
        counts["thresholds_from"] = int(choosing.sum())
        others = {"without_training": figures["untrained"]} if runs else {}
        write_json({**counts, **figures[name], **others}, out.file("held_out.json"))
    title = f"{counts['scored']:,} listings, found among {counts['gallery']:,}"
    show_figures(title, figures, "config")


def read_trainings(options: Any) -> dict[Path, TrainConfig]:
    """Settings of the trainings that were asked for, by the folder of the run."""
    from matcher.errors import ConfigError
    from matcher.jobs.trained_encoders import check_shared

    configs = {}
    for path in options.train:
        if path.stem in configs:
            raise ConfigError(f"Two trainings are called {path.stem}. Rename one of the files.")
        config = load_training(path, options.listings, None)
        source = config.source.model_copy(update={"images": options.images})
        configs[path.stem] = config.model_copy(update={"source": source})
    check_shared(configs)
    return {options.out / "runs" / name: config for name, config in configs.items()}


def read_labelled(options: Any, trainings: Mapping[Path, TrainConfig]) -> Listings:
    """The listings, read as the trainings read them."""
    from matcher.errors import DataError
    from matcher.io.listings import read_listings
    from matcher.jobs.trained_encoders import shared_columns
    from matcher.types import UNLABELLED

    columns = shared_columns({folder.name: config for folder, config in trainings.items()})
    listings = read_listings(options.listings, options.images, columns)
    if listings.groups is None or not (listings.groups != UNLABELLED).any():
        raise DataError(f"{options.listings} has no labels: name their column label_group.")
    return listings


def split(listings: Listings, runs: list[Path]) -> tuple[Bool, Bool]:
    """Rows whose labels set the thresholds, and rows that are scored."""
    from matcher.jobs.trained_encoders import shared_sides
    from matcher.training.splits import folds, tied_rows
    from matcher.types import UNLABELLED

    known = listings.groups != UNLABELLED
    if not runs:
        scored = folds(tied_rows(listings), 2) == 0
        return ~scored & known, scored & known
    sides = shared_sides(runs, listings)
    return (sides == "held_out") & known, (sides == "test") & known


def match(config: RunConfig, listings: Listings, rows: Bool) -> tuple[RunConfig, MatchResult]:
    """Set the thresholds by the labels of some rows, and match all listings."""
    from matcher.jobs.dedupe import dedupe
    from matcher.jobs.steps import encode, find_candidates
    from matcher.jobs.tune import fit

    (encoded,) = encode(config, listings, listings).tables
    pairs = find_candidates(config, encoded)
    fitted = fit(config, pairs, listings.groups, rows)
    return fitted, dedupe(listings, config=fitted)


if __name__ == "__main__":
    raise SystemExit(main())
