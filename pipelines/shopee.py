"""From a labelled table to a submission, and the F1 to expect of it.

    python -m pipelines.shopee configs/shopee.yaml train.csv --out DIR [--images PATH]

The labels of one half of the products set the thresholds, every listing is matched among all, and
the listings of the other half are scored. DIR holds what ``matcher dedupe`` writes, the fitted
``config.yaml`` and ``held_out.json``.

Hardware: two CPU cores, under 1 GB; about a minute for Shopee's 24,172 listings. Figure to expect
there: row F1 0.773 on the held-out half, in the gallery of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from matcher.config import RunConfig
from matcher.io.atomic import OutputFolder
from matcher.io.listings import read_listings
from matcher.io.outputs import write_json
from matcher.jobs.dedupe import dedupe
from matcher.jobs.save import save
from matcher.jobs.steps import encode, find_candidates
from matcher.jobs.tune import fit
from matcher.metrics import rowwise_f1, rowwise_precision, rowwise_recall
from matcher.training.splits import folds, tied_rows
from matcher.types import Bool, Listings


def main() -> None:
    """Tune on one half, match all, score the other half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("listings", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with OutputFolder(options.out) as out:
        listings = read_listings(options.listings, options.images)
        held_out = folds(tied_rows(listings), 2) == 0
        fitted = tuned(RunConfig.load(options.config), listings, ~held_out)
        result = dedupe(listings, config=fitted)
        save(result, out)
        config = yaml.safe_dump(fitted.dump(), sort_keys=False)
        out.file("config.yaml").write_text(config, encoding="utf-8")
        scores = {
            metric.__name__: float(metric(result.graph, listings.groups)[held_out].mean())
            for metric in (rowwise_f1, rowwise_precision, rowwise_recall)
        }
        rows = {"gallery": len(listings), "scored": int(held_out.sum())}
        write_json({**rows, **scores}, out.file("held_out.json"))
        print(rows, scores)


def tuned(config: RunConfig, listings: Listings, rows: Bool) -> RunConfig:
    """The config with thresholds from the labels of some rows."""
    (encoded,) = encode(config, listings, listings).tables
    pairs = find_candidates(config, encoded)
    return fit(config, pairs, listings.groups, rows)


if __name__ == "__main__":
    main()
