"""Measure what thresholds promise: precision on products not seen, and in larger galleries.

Each figure comes from listings whose labels took no part in what is scored on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import config as config_named
from benchmarks.protocols import fitted_alone, labels_of, take
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

PROMISES = (Promise(0.95), Promise(0.98), Promise(0.95, 0.5), Promise(0.98, 0.5), Promise(0.85))
SMALL = 2000
Row = dict[str, Any]


def promise(data: Path, n_splits: int = 20) -> Iterator[Row]:
    """How often the interval holds, and the promise, on the half that was held out."""
    listings = read_listings(data / "shopee" / "train.csv")
    config = config_named("shopee")
    told = np.array([_one_split(listings, config, seed) for seed in range(n_splits)])
    own: Row = dict(set=f"Shopee, {len(listings):,} listings", method="titles + phash")
    split = f"{n_splits} splits: a half fits and promises, the other is matched alone"
    for made, (inside, reached, refused, found, recall) in zip(
        PROMISES, np.moveaxis(told, 0, 1).transpose(0, 2, 1), strict=True
    ):
        name = f"promise {made.precision:g} at {made.confidence:.0%}"
        bar = 0.9 * n_splits if made.precision in (0.95, 0.98) else None
        about: Row = dict(**own, config="shopee", gallery=len(listings) // 2, split=split)
        figures = {
            "splits inside the interval": inside.sum(),
            "splits that reach it": reached.sum(),
            "splits refused": refused.sum(),
            "precision": found.mean(),
            "recall": recall.mean(),
        }
        for figure, value in figures.items():
            barred = bar if "inside" in figure else None
            row = dict(figure=f"{figure}, {name}", value=float(value), bar=barred)
            yield {**about, **row}


def _one_split(listings: Listings, config: RunConfig, seed: int) -> Float64:
    """For each promise: inside the interval, reached, refused, precision, recall.

    Where a promise is refused, the closest cut is taken, and its interval looked at.
    """
    half = folds(tied_rows(listings), 2, seed) == seed % 2  # the largest set is in fold 0
    ours, theirs = (take(listings, np.flatnonzero(rows)) for rows in (half, ~half))
    (encoded,) = encode(config, ours, ours).tables
    labelled = see(config, encoded, labels_of(ours), tied_rows(ours))
    fitted, halves = labelled.fit(config, labelled.known), labelled.halves(config, seed)
    (others,) = encode(config, theirs, theirs).tables
    pairs = find_candidates(config, others)
    told = []
    for made in PROMISES:
        kept = keep_promise(labelled, fitted, halves, made, seed, closest=True)
        fused, cut = fused_scores(kept.config, pairs), lowest_score(kept.config)
        counts = pair_counts(partitions(kept.config, pairs, fused, [cut])[0], labels_of(theirs))
        inside = kept.precision.low <= counts.precision <= kept.precision.high
        reached = counts.precision >= made.precision
        told.append([inside, reached, not kept.kept, counts.precision, counts.recall])
    print(f"split {seed}: {np.round(told, 3).tolist()}", flush=True)
    return np.array(told, np.float64)


def transfer(data: Path, n_seeds: int = 5) -> Iterator[Row]:
    """Row F1 among all listings of thresholds that were fitted among few."""
    listings = read_listings(data / "shopee" / "train.csv")
    config = config_named("shopee")
    (encoded,) = encode(config, listings, listings).tables
    pairs, groups, tied = find_candidates(config, encoded), labels_of(listings), tied_rows(listings)
    found = []
    for seed in range(n_seeds):
        few = some_sets(tied, SMALL, seed)
        scored = ~few & (folds(tied, 2, seed) == seed % 2)
        fits = {
            "fitted among all": fit(config, pairs, groups, ~few & ~scored),
            "fitted among 2,000, as they are": fitted_alone(listings, config, few),
            "fitted among 2,000, transferred": fitted_alone(listings, config, few, len(groups)),
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
        own = config_named(config_name)
        (encoded,) = encode(own, listings, listings).tables
        pairs, groups = find_candidates(own, encoded), labels_of(listings)
        half = folds(tied_rows(listings), 2, 0) == 0
        every = np.ones(len(listings), dtype=bool)
        fitted = [row_f1(fit(own, pairs, groups, ~h), pairs, groups, h) for h in (half, ~half)]
        values = {
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
