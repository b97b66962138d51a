"""Queries against an index: exact search and hashing side by side, and what class sizes do.

    python -m pipelines.eproduct INDEX --encoder ENCODER --out DIR
        [--images PATH] [--queries TABLE | --asked COLUMN=VALUE] [--min-score S]

ENCODER is the folder of a run of `matcher train`, or a config with one encoder. Labels say which
listings of the index a query should find. A table --queries shares no listing with INDEX. Without
it INDEX is split: --asked names the rows that are queries; else they are one listing of every
product that has two or more, one the encoder was not trained on.

DIR holds eproduct.json (MAR@10 of both searches, recall of hashing, quantiles of scores),
class_sizes.csv and .png (top-1 against training samples per class) and scores.png, of right and
wrong candidates. Scores are cosines: a cut-off at a cosine distance of 0.1 is --min-score 0.9; one
at a share of 0.1 of the bits that differ is cos(0.1 pi), --min-score 0.951.

Hardware: two CPU cores. Figures to expect: configs/training/eproduct_small.yaml.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.cli.show import say
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.io.atomic import OutputFolder
from matcher.io.listings import read_listings
from matcher.io.outputs import write_csv, write_json
from matcher.jobs import query_tables as qt
from matcher.jobs.one_encoder import encoder_config, unseen_rows
from matcher.jobs.query_tables import Side
from matcher.jobs.retrieval import check_limits, compare_searches, embed_tables, measure_searches
from matcher.metrics import right_and_wrong_scores
from matcher.report.ranking_plots import plot_class_sizes, plot_scores
from matcher.search.lsh import Spec as LshSpec
from pipelines._command import carry_out

HASHING = ("n_bits", "n_tables", "n_probes", "rank", "folder")


def main() -> int:
    """Run the command."""
    options = _parser().parse_args()
    return carry_out(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Encode, search twice, measure, draw."""
    check_limits(options.k, options.min_score)
    hashing = LshSpec.read({name: getattr(options, name) for name in HASHING}, "hashing")
    with OutputFolder(options.out) as out:
        config = encoder_config(options.encoder)
        index, queries = read_sides(options, config)
        known = options.trained and qt.read_values(read_listings(options.trained), options.classes)
        asked, held = qt.number_values(queries.labels, index.labels)
        held = qt.set_apart(held)
        qt.count_with_mate(asked, held)  # before the long work
        vectors = embed_tables(config, index.listings, queries.listings)
        both = compare_searches(vectors[0], vectors[1], options.k, hashing)
        found = measure_searches(both, asked, held, options.k, options.min_score)
        buckets = qt.score_classes(both.exact, index, queries, known)
        found["class_sizes"] = [asdict(bucket) for bucket in buckets]
        found |= {"hashing": hashing.model_dump(), "encoder": config.dump()["encoders"]}
        write_json(found, out.file("eproduct.json"))
        write_csv(pa.Table.from_pylist(found["class_sizes"]), out.file("class_sizes.csv"))
        plot_class_sizes(out.file("class_sizes.png"), buckets, "top-1, exact search")
        scores = right_and_wrong_scores(both.exact, asked, held, options.k)
        plot_scores(out.file("scores.png"), *scores, options.min_score)
    show(found, options)


def read_sides(options: argparse.Namespace, config: RunConfig) -> tuple[Side, Side]:
    """Index and queries; a query has a label and a class, and was not trained on."""
    table = read_listings(options.index, options.images)
    index = Side.of(table, options.classes)
    if options.queries is not None:
        table = read_listings(options.queries, options.images)
        queries, unseen = Side.of(table, options.classes), unseen_rows(config, table)
        rows = np.ones(len(table), np.bool_)
    else:
        queries, unseen = index, unseen_rows(config, table)
        if options.asked is None:
            rows = qt.one_query_each(qt.number_values(index.labels)[0], unseen)
        else:
            rows = qt.rows_with(table, options.asked)
        index = index.take(~rows)
    rows &= queries.known
    if not rows.any():
        raise DataError(f"None of the {len(rows):,} rows has a label and a class to be scored by.")
    n_seen = int((rows & ~unseen).sum())
    if n_seen:
        raise DataError(
            f"{options.encoder} was trained on {n_seen:,} of the {int(rows.sum()):,} labelled "
            "queries. Ask with some that it was not trained on, lest the figures mean nothing."
        )
    queries = queries.take(rows)
    if options.queries is not None:
        qt.refuse_shared(index.listings, queries.listings)
    return index, queries


def show(found: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the figures."""
    counts = [found[name] for name in ("queries", "queries_in_index", "index")]
    say("{:,} queries, {:,} with a listing of their label among {:,}.".format(*counts))
    cuts = {"": found, f", scores from {options.min_score}": found.get("above_min_score", {})}
    for cut, figures in cuts.items():
        for name in (name for name in ("exact", "lsh") if name in figures):
            told = [f"{n} {figures[name][n]:.4f}" for n in (f"mar@{options.k}", "top1")]
            say(f"{name:5}  {', '.join(told)}, precision {figures[name]['precision']:.4f}{cut}")
    say(f"LSH finds {found['recall_of_lsh']:.4f} of what exact search finds.")
    for size in found["class_sizes"]:
        span = f"{size['least']}-{size['most']} training samples"
        say(f"classes of {span:25} top1 {size['accuracy']:.4f}, {size['queries']:,} queries")
    say(f"Figures and drawings: {options.out}")


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    add = parser.add_argument
    add("index", type=Path, help="table, or folder with a folder of pictures per product")
    add("--encoder", type=Path, required=True, help="folder of a run, or config")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for figures and drawings")
    add("--images", type=Path, help="folder or zip archive of the pictures")
    queries = parser.add_mutually_exclusive_group()
    queries.add_argument("--queries", type=Path, help="table of the queries")
    queries.add_argument("--asked", metavar="COLUMN=VALUE", help="rows of INDEX that are queries")
    add("--classes", metavar="COLUMN", help="column of classes to count; else the labels")
    add("--trained", type=Path, help="table in which samples per class are counted; else INDEX")
    add("--k", type=int, default=10, help="listings to find for each query (10)")
    add("--min-score", type=float, help="lowest cosine that counts")
    add("--bits", dest="n_bits", type=int, default=20, help="hyperplanes a table (20)")
    add("--tables", dest="n_tables", type=int, default=16, help="tables of hashes (16)")
    add("--probes", dest="n_probes", type=int, default=4, help="more buckets a table (4)")
    add("--rank", choices=("cosine", "hamming"), default="cosine", help="candidates by (cosine)")
    add("--folder", help="where hash tables stay; else they are removed")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
