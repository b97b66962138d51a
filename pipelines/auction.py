"""Auction items: train on products of three pictures or more, find those of exactly two.

    python -m pipelines.auction PICTURES --train configs/training/auction.yaml --out DIR
    python -m pipelines.auction PICTURES --encoder RUN --out DIR

PICTURES is a folder with one folder of pictures per product, or a table with --images. With
--train an encoder is trained first, into DIR/encoder; the same command goes on where it was cut
off. Each picture of a product of exactly two, which no training saw, is searched for among all
of these: top-1 and top-5, before and after, with the encoder as it is served, on the CPU.

DIR holds auction.json, queries.png (some queries, drawn at random, with their five best) and
encoder.yaml, the config that other commands take.

Hardware: two CPU cores for the search; the configs say what a training takes, and the figures
to expect.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from matcher.cli.show import say
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.io.atomic import OutputFolder
from matcher.io.listings import read_listings
from matcher.io.outputs import write_json
from matcher.jobs.encoding import take_listings
from matcher.jobs.one_encoder import encoder_config, starting_config, unseen_rows
from matcher.jobs.query_tables import pairs_not_seen
from matcher.jobs.retrieval import embed_tables
from matcher.jobs.train import train
from matcher.metrics import right_and_wrong_scores, score_ranking
from matcher.report.ranking_sheet import choose_shown, take_best, write_ranking_sheet
from matcher.search import make_index
from matcher.training.settings import TrainConfig
from matcher.types import Int64, SimilarityGraph
from pipelines._command import carry_out

K = 5


def main() -> int:
    """Run the command."""
    options = _parser().parse_args()
    return carry_out(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Train, search, measure, draw."""
    training = TrainConfig.load(options.train) if options.train else None
    columns = None if training is None else training.source.columns
    listings = read_listings(options.pictures, options.images, columns)
    if listings.groups is None:
        raise DataError(
            f"{options.pictures} has no labels, and no folder for each product. Name a folder with "
            "one for each, or a table with a column label_group."
        )
    with OutputFolder(options.out) as out:
        if training is None:
            encoders = {"now": encoder_config(options.encoder)}
        else:
            encoders = trained(training, options)
        unseen = [unseen_rows(config, listings) for config in encoders.values()]
        rows = pairs_not_seen(listings.groups, np.logical_and.reduce(unseen))
        held, groups = take_listings(listings, rows.tolist()), listings.groups[rows]
        figures, ranking = {}, None
        for name, config in encoders.items():
            (vectors,) = embed_tables(config, held)
            ranking = make_index(vectors).search_within(K)
            scores = score_ranking(ranking, groups, groups, (1, K), within=True)
            figures[name] = {"top1": scores["top1"], "top5": scores["top5"]}
            say(f"{name:6} top1 {scores['top1']:.4f}, top5 {scores['top5']:.4f}")
        assert ranking is not None  # noqa: S101, there is one encoder or two
        counts = {"pictures": len(rows), "products": len(np.unique(groups))}
        write_json({"held_out": counts, **figures}, out.file("auction.json"))
        out.file("encoder.yaml").write_text(yaml.safe_dump(config.dump(), sort_keys=False), "utf-8")
        shown = choose_shown(len(rows), options.queries, options.seed)
        if len(shown):
            asked = take_best(ranking, groups, groups, shown, K)
            heading = f"{len(shown)} of {len(rows):,} queries, each among the others: top-1 "
            heading += f"{figures[name]['top1']:.3f}, top-5 {figures[name]['top5']:.3f}"
            write_ranking_sheet(out.file("queries.png"), held, held, asked, heading)
        else:
            out.discard("queries.png")  # of an earlier run
    say(f"{counts['products']:,} products of two pictures, searched among themselves.")
    say(f"Figures and pictures: {options.out}")
    show_doubts(ranking, groups, options)


def trained(config: TrainConfig, options: argparse.Namespace) -> dict[str, RunConfig]:
    """Train, or go on; the encoder as it was and as it is."""
    if config.validation.split != "pairs":
        raise ConfigError(
            f"{options.train} has validation.split: {config.validation.split}; here products of "
            "exactly two pictures are held out. Set it to pairs."
        )
    source = config.source.model_copy(
        update={"listings": options.pictures, "images": options.images}
    )
    config = config.model_copy(update={"source": source})
    before, folder = starting_config(config), options.out / "encoder"
    report = train(config, folder)
    say(f"Trained on {report.counts['trained_listings']:,} pictures: {folder}")
    return {"before": before, "after": encoder_config(folder)}


def show_doubts(ranking: SimilarityGraph, groups: Int64, options: argparse.Namespace) -> None:
    """Say how many wrong answers score like right ones, and which command looks at labels."""
    right, wrong = right_and_wrong_scores(ranking, groups, groups, 1)
    if not len(right):
        return
    n_doubtful = int((wrong >= np.median(right)).sum())
    say(
        f"{n_doubtful:,} of {len(wrong):,} wrong first answers score as high as half of the right "
        "ones. Some may be wrong labels; this ranks the most suspicious:"
    )
    images = [] if options.images is None else ["--images", str(options.images)]
    command: list[Any] = ["matcher", "audit", options.pictures, *images]
    command += ["--config", options.out / "encoder.yaml", "--out", options.out / "audit"]
    say(shlex.join(map(str, command)))


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("pictures", type=Path, help="folder with one per product, or table")
    images = "folder or zip archive of the pictures, where PICTURES is a table"
    parser.add_argument("--images", type=Path, metavar="PATH", help=images)
    encoder = parser.add_mutually_exclusive_group(required=True)
    encoder.add_argument("--train", type=Path, metavar="CONFIG", help="train with this config")
    encoder.add_argument("--encoder", type=Path, metavar="RUN", help="folder of a run, or config")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="made if need be")
    help_ = "queries in the picture, up to 200; 0: no picture (12)"
    parser.add_argument("--queries", type=int, default=12, metavar="N", help=help_)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of their choice (0)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
