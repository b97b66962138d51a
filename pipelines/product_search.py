"""Search a gallery of products by users' photos: a ranking for each, and mAP@1000.

    python -m pipelines.product_search gallery.csv queries.csv --images PATH --encoder RUN --out DIR

Gallery: ``seller_img_id, img_path``. Queries: ``user_img_id, img_path, bbox_x, bbox_y, bbox_w,
bbox_h``, where the query is the part in the box. With a ``product_id`` in both, or in a table
``--truth``, the rankings are scored. DIR holds ``ranking.csv`` (a line a query: its id, then ids
of the gallery with spaces between, best first) and ``scores.json``.

The three chained runs of ``configs/training/product_search_*`` are compared on the products that
none of them was trained on, each photo searched among the others:

    python -m pipelines.product_search TABLE --images PATH --held-out RUN --encoder RUN --out DIR

Hardware: two CPU cores; 1,689 photos of H&M at 128 pixels take under a minute. Figures there, run
by run: mAP@1000 0.250, 0.385, 0.616; the configs ``product_search_*_small.yaml`` say more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from matcher.cli.show import say, warn
from matcher.errors import DataError
from matcher.io.atomic import OutputFolder
from matcher.io.outputs import write_csv, write_json
from matcher.jobs.one_encoder import encoder_config
from matcher.jobs.product_search import (
    Products,
    Ranked,
    held_out,
    read_products,
    score_products,
    search_products,
    with_truth,
)
from matcher.jobs.seen_rows import refuse_seen
from matcher.search import say_how
from pipelines._command import carry_out

# Queries without a ranking that are named on the screen.
SHOWN = 20


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """What the command was given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gallery", type=Path, help="table, or folder with a folder per product")
    parser.add_argument("queries", type=Path, nargs="?", help="else the gallery searches itself")
    parser.add_argument("--images", type=Path, help="folder or zip archive of all pictures")
    parser.add_argument("--query-images", type=Path, help="of the queries, if they lie elsewhere")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a run, or a config")
    parser.add_argument("--modality", help="which encoder of a config that has several")
    parser.add_argument(
        "--held-out", type=Path, metavar="RUN", help="only rows of GALLERY that RUN held out"
    )
    parser.add_argument("--truth", type=Path, help="table: id of a query, product")
    parser.add_argument(
        "--label",
        metavar="COLUMN",
        help="of the product, if not detected: in the gallery and in the queries or, with --truth, "
        "in the truth",
    )
    parser.add_argument("--k", type=int, default=1000, help="most ids in a ranking (1000)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    options = parser.parse_args(argv)
    if options.queries is None and (options.truth or options.query_images):
        parser.error("--truth and --query-images are about queries: name their table")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    options = arguments(argv)
    return carry_out(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Rank the gallery for each query, and score the rankings where products are known."""
    config = encoder_config(options.encoder, options.modality)
    with OutputFolder(options.out) as out:
        gallery, queries, side = tables(options)
        if gallery.labelled and queries.labelled:
            known = np.flatnonzero([bool(label) for label in queries.labels])
            refuse_seen(config, queries.listings, known)
        asked = None if queries is gallery else queries.listings
        found = search_products(config, gallery.listings, asked, options.k)
        scores, unscored = score(found, queries, gallery)
        write_csv(found.table(), out.file("ranking.csv"))
        told = {"gallery": len(gallery.listings), "queries": len(queries.listings), **scores}
        more = {"gallery_unread": found.gallery_unread, "unread": found.unread}
        if side:
            more["side"] = side
        about = {"encoder": found.source, "search": found.how}
        write_json({**told, **more, **about}, out.file("scores.json"))
    for name, why in list(found.unread.items())[:SHOWN]:
        warn(f"query {name} has an empty ranking: {why}")
    if len(found.unread) > SHOWN:
        warn(f"and {len(found.unread) - SHOWN:,} more, which scores.json names")
    if unscored:
        warn(f"{unscored} The rankings are written.")
    if scores and side == "held_out":
        warn(
            f"{options.held_out} has no test fold: these are the listings by which it chose its "
            "weights, so that the figures flatter it. Train with validation.test_fold."
        )
    shown = (f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v:,}" for k, v in told.items())
    say(", ".join(shown))
    say(say_how({"pictures": found.how}))


def score(found: Ranked, queries: Products, gallery: Products) -> tuple[dict[str, float], str]:
    """The figures, or why there are none."""
    if not (gallery.labelled and queries.labelled):
        return {}, "Products are not known on both sides, so nothing is scored."
    try:
        return score_products(found, queries, gallery), ""
    except DataError as error:
        return {}, str(error)


def tables(options: argparse.Namespace) -> tuple[Products, Products, str]:
    """Gallery, queries (the gallery itself if there is no other table), and the gallery's side."""
    side = ""
    gallery = read_products(options.gallery, options.images, options.label)
    if options.held_out is not None:
        gallery, side = held_out(gallery, options.held_out)
    if options.queries is None:
        return gallery, gallery, side
    label = options.label if options.truth is None else None
    queries = read_products(options.queries, options.query_images or options.images, label)
    if options.truth is not None:
        truth = read_products(options.truth, None, options.label, labels_only=True)
        queries = with_truth(queries, truth)
        if not gallery.labelled:
            raise DataError(f"{options.gallery} names no products to score by: add product_id.")
    return gallery, queries, side


if __name__ == "__main__":
    raise SystemExit(main())
