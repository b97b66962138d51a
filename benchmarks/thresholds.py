"""Measure what thresholds promise: precision on products not seen, and in larger galleries.

    python -m benchmarks.thresholds [--only promise transfer unlabelled] [--data DIR]
        [--splits 20] [--seeds 5]

Each figure comes from listings whose labels took no part in what is scored on them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.protocols import take
from matcher.calibration import Promise
from matcher.config import RunConfig
from matcher.io.listings import read_listings
from matcher.jobs.steps import encode, find_candidates
from matcher.jobs.thresholds import fit, fused_scores, lowest_score, partitions, row_f1
from matcher.jobs.tune import see
from matcher.jobs.tune_precision import keep_promise
from matcher.jobs.tune_unlabelled import guess_thresholds
from matcher.metrics import pair_counts
from matcher.training.splits import folds, tied_rows
from matcher.types import Bool, Float64, Int64, Listings

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"
PROMISES = (Promise(0.95), Promise(0.98), Promise(0.95, 0.5), Promise(0.98, 0.5), Promise(0.85))
SMALL = 2000
TABLES = (
    ("Shopee", "shopee/train.csv", "shopee"),
    ("PriceRunner", "pricerunner/offers.csv", "titles"),
)
Row = dict[str, Any]


def promise(data: Path, n_splits: int) -> Iterator[Row]:
    """How often the interval holds, and the promise, on the half that was held out."""
    listings = read_listings(data / "shopee" / "train.csv")
    config = RunConfig.load(CONFIGS / "shopee.yaml")
    told = np.array([_one_split(listings, config, seed) for seed in range(n_splits)])
    own: Row = dict(set=f"Shopee, {len(listings):,} listings", method="titles + phash")
    split = f"{n_splits} splits: a half fits and promises, the other is matched alone"
    for made, (inside, reached, refused, found, recall) in zip(
        PROMISES, np.moveaxis(told, 0, 1).transpose(0, 2, 1), strict=True
    ):
        name = f"promise {made.precision:g} at {made.confidence:.0%}"
        bar = 0.9 * n_splits if made.precision in (0.95, 0.98) else None
        about: Row = dict(**own, config="shopee", gallery=len(listings) // 2, split=split)
        yield {**about, **dict(figure=f"{name}: inside the interval", value=inside.sum(), bar=bar)}
        yield {**about, **dict(figure=f"{name}: reached", value=reached.sum(), bar=None)}
        yield {**about, **dict(figure=f"{name}: refused", value=refused.sum(), bar=None)}
        yield {**about, **dict(figure=f"{name}: precision", value=found.mean(), bar=None)}
        yield {**about, **dict(figure=f"{name}: recall", value=recall.mean(), bar=None)}


def _one_split(listings: Listings, config: RunConfig, seed: int) -> Float64:
    """For each promise: inside the interval, reached, refused, precision, recall.

    Where a promise is refused, the closest cut is taken, and its interval looked at.
    """
    half = folds(tied_rows(listings), 2, seed) == seed % 2  # the largest set is in fold 0
    ours, theirs = (take(listings, np.flatnonzero(rows)) for rows in (half, ~half))
    (encoded,) = encode(config, ours, ours).tables
    labelled = see(config, encoded, _groups(ours), tied_rows(ours))
    fitted, halves = labelled.fit(config, labelled.known), labelled.halves(config, seed)
    (others,) = encode(config, theirs, theirs).tables
    pairs = find_candidates(config, others)
    told = []
    for made in PROMISES:
        kept = keep_promise(labelled, fitted, halves, made, seed, closest=True)
        fused, cut = fused_scores(kept.config, pairs), lowest_score(kept.config)
        counts = pair_counts(partitions(kept.config, pairs, fused, [cut])[0], _groups(theirs))
        inside = kept.precision.low <= counts.precision <= kept.precision.high
        reached = counts.precision >= made.precision
        told.append([inside, reached, not kept.kept, counts.precision, counts.recall])
    print(f"split {seed}: {np.round(told, 3).tolist()}", flush=True)
    return np.array(told, np.float64)


def transfer(data: Path, n_seeds: int) -> Iterator[Row]:
    """Row F1 among all listings of thresholds that were fitted among few."""
    listings = read_listings(data / "shopee" / "train.csv")
    config = RunConfig.load(CONFIGS / "shopee.yaml")
    (encoded,) = encode(config, listings, listings).tables
    pairs, groups, tied = find_candidates(config, encoded), _groups(listings), tied_rows(listings)
    found = []
    for seed in range(n_seeds):
        few = some_sets(tied, SMALL, seed)
        scored = ~few & (folds(tied, 2, seed) == seed % 2)
        fits = {
            "fitted among all": fit(config, pairs, groups, ~few & ~scored),
            "fitted among 2,000, as they are": _fitted_among(listings, config, few, None),
            "fitted among 2,000, transferred": _fitted_among(listings, config, few, len(groups)),
            "the config as shipped": config,
        }
        found.append({name: row_f1(c, pairs, groups, scored) for name, c in fits.items()})
        print(f"seed {seed}: {found[-1]}", flush=True)
    means = {name: float(np.mean([f[name] for f in found])) for name in found[0]}
    about: Row = dict(set=f"Shopee, {len(listings):,} listings", config="shopee")
    about |= dict(figure="row F1", gallery=len(listings))
    about["split"] = f"mean of {n_seeds} samples of 2,000 in whole groups; half of the rest scored"
    best = means["fitted among all"]
    for name, value in means.items():
        bar = best - 0.01 if name.endswith("transferred") else None
        yield {**about, **dict(method=name, value=value, bar=bar)}


def _fitted_among(
    listings: Listings, config: RunConfig, few: Bool, gallery_size: int | None
) -> RunConfig:
    """The config fitted to a few listings alone."""
    part = take(listings, np.flatnonzero(few))
    (encoded,) = encode(config, part, part).tables
    labelled = see(config, encoded, _groups(part), tied_rows(part), gallery_size)
    return labelled.fit(config, labelled.known)


def some_sets(tied: Int64, n: int, seed: int) -> Bool:
    """About ``n`` listings, in whole sets drawn at random."""
    place = np.random.default_rng(seed).permutation(int(tied.max()) + 1)[tied]
    return np.asarray(np.cumsum(np.bincount(place))[place] <= n, np.bool_)


def unlabelled(data: Path) -> Iterator[Row]:
    """Thresholds from scores alone, against those shipped and those fitted."""
    tables = {
        "Shopee": ("shopee/train.csv", "shopee"),
        "PriceRunner": ("pricerunner/offers.csv", "titles"),
    }
    for name, (path, config_name) in tables.items():
        listings = read_listings(data / path)
        own = RunConfig.load(CONFIGS / f"{config_name}.yaml")
        (encoded,) = encode(own, listings, listings).tables
        pairs, groups = find_candidates(own, encoded), _groups(listings)
        half = folds(tied_rows(listings), 2, 0) == 0
        every = np.ones(len(listings), dtype=bool)
        fitted = [row_f1(fit(own, pairs, groups, ~h), pairs, groups, h) for h in (half, ~half)]
        values = {
            "default thresholds": row_f1(
                RunConfig.default().select(list(own.encoders)), pairs, groups, every
            ),
            "from scores alone": row_f1(guess_thresholds(own, pairs), pairs, groups, every),
            "fitted to the other half": float(
                np.average(fitted, weights=[half.sum(), (~half).sum()])
            ),
        }
        for method, value in values.items():
            yield {
                **dict(
                    set=f"{name}, {len(listings):,} listings", method=method, config=config_name
                ),
                **dict(figure="row F1", value=value, gallery=len(listings), bar=None),
                **dict(split="no label seen" if "half" not in method else "half/half, among all"),
            }


def _groups(listings: Listings) -> Int64:
    if listings.groups is None:
        raise ValueError("Measuring needs labels.")
    return listings.groups


def measure(data: Path, names: list[str], n_splits: int, n_seeds: int) -> Iterator[Row]:
    """All rows of the measurements named."""
    if "promise" in names:
        yield from promise(data, n_splits)
    if "transfer" in names:
        yield from transfer(data, n_seeds)
    if "unlabelled" in names:
        yield from unlabelled(data)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = ["promise", "transfer", "unlabelled"]
    parser.add_argument("--only", nargs="*", choices=every, default=every)
    default = os.environ.get("MATCHER_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    for row in measure(options.data, options.only, options.splits, options.seeds):
        bar = "" if row["bar"] is None else f"  bar {row['bar']:.4f}"
        print(f"{row['set']} | {row['method']} | {row['figure']} | {row['value']:.4f}{bar}")


if __name__ == "__main__":
    main()
