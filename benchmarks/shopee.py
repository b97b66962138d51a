"""Rows of figures of Shopee's labelled listings: titles and the given hashes, no pictures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import CONFIGS, config
from benchmarks.protocols import (
    as_given,
    held_out_alone,
    held_out_in_all,
    with_distractors,
)
from matcher.config import RunConfig
from matcher.io.listings import read_listings
from matcher.types import Listings

Row = dict[str, Any]
HALVES = "half/half, each half alone"
FIVE = "five-fold, each fold alone"
HALVES_IN_ALL = "thresholds from one half, the other scored, among all"


def shopee(data: Path) -> Iterator[Row]:
    """Clusters of listings by thresholds on scores."""
    table = data / "shopee" / "train.csv"
    listings = read_listings(table)
    n = len(listings)
    name, figure = f"Shopee, {n:,} listings", "row F1"
    yield {
        **dict(set=name, method="equal phash", config="phash_exact", figure=figure),
        **dict(value=as_given(listings, config("phash_exact"))["rowwise_f1"], gallery=n),
        **dict(split="nothing to fit", bar=0.5514, headline=True),
    }
    settings = config("shopee")
    own: Row = dict(set=name, method="titles + phash", config="shopee", figure=figure)
    yield from _held_out(listings, settings, {**own, "headline": True})
    halves = held_out_in_all(listings, settings, 2)
    yield {**own, **dict(value=halves, gallery=n, split=HALVES_IN_ALL, bar=0.735)}
    paired = settings.model_copy(update={"at_least_two": True})
    yield from _held_out(listings, paired, {**own, "method": "the same, at least two"}, bars=False)
    yield from _distractors(listings, settings, own)
    yield from _cost(table, own)


def shopee_pairs(data: Path) -> Iterator[Row]:
    """Clusters of listings by a pair model, trained on the products that are not scored."""
    listings = read_listings(data / "shopee" / "train.csv")
    n = len(listings)
    settings = config("shopee_pairs")
    own: Row = dict(set=f"Shopee, {n:,} listings", method="pair model", config="shopee_pairs")
    own |= dict(figure="row F1", headline=True)
    five = held_out_alone(listings, settings, 5)["rowwise_f1"]
    yield {**own, **dict(value=five, gallery=n // 5, split=FIVE, bar=0.86)}
    halves = held_out_alone(listings, settings, 2)["rowwise_f1"]
    yield {**own, **dict(value=halves, gallery=n // 2, split=HALVES, bar=0.82)}
    in_all = held_out_in_all(listings, settings, 2)
    yield {**own, **dict(value=in_all, gallery=n, split=HALVES_IN_ALL, bar=None)}


def _held_out(
    listings: Listings, settings: RunConfig, own: Row, *, bars: bool = True
) -> Iterator[Row]:
    """The three protocols of thresholds on scores."""
    n = len(listings)
    in_all = held_out_in_all(listings, settings, 5)
    bar = 0.735 if bars else None
    yield {**own, **dict(value=in_all, gallery=n, split="five-fold, among all", bar=bar)}
    halves = held_out_alone(listings, settings, 2)["rowwise_f1"]
    yield {**own, **dict(value=halves, gallery=n // 2, split=HALVES, bar=None)}
    five = held_out_alone(listings, settings, 5)["rowwise_f1"]
    bar = 0.80 if bars else None
    yield {**own, **dict(value=five, gallery=n // 5, split=FIVE, bar=bar)}


def _distractors(listings: Listings, settings: RunConfig, own: Row) -> Iterator[Row]:
    """A fold in galleries that grow, thresholds from two other folds."""
    for n_joined in range(3):
        for transferred in (False, True):
            value = with_distractors(listings, settings, n_joined, transferred=transferred)
            thresholds = "for this gallery" if transferred else "as fitted"
            split = f"five-fold, {n_joined} folds of distractors, thresholds {thresholds}"
            gallery = len(listings) * (n_joined + 1) // 5
            yield {**own, **dict(value=value, gallery=gallery, split=split, bar=None)}


def _cost(table: Path, own: Row) -> Iterator[Row]:
    """Seconds and memory of the whole command, and whether TensorFlow was loaded."""
    code = (
        "import resource, sys, tempfile; from matcher.cli import main;"
        f"status = main(['dedupe', {str(table)!r}, '--config', {str(CONFIGS / 'shopee.yaml')!r},"
        "'--out', tempfile.mkdtemp(), '--json']);"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9;"
        "print(status, peak, 'tensorflow' in sys.modules, file=sys.stderr)"
    )
    seconds, peak = [], 0.0
    for _ in range(3):
        start = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - start)
        status, memory, loaded = run.stderr.split()[-3:]
        if (status, loaded) != ("0", "False"):
            raise RuntimeError(f"status {status}, TensorFlow loaded: {loaded}")
        peak = max(peak, float(memory))
    about: Row = {**own, **dict(gallery=24_172, headline=True)}
    split = "whole command, median of three"
    yield {**about, **dict(figure="seconds", value=float(np.median(seconds)), split=split, bar=60)}
    split = "whole command, highest of three"
    yield {**about, **dict(figure="GB at the peak", value=peak, split=split, bar=2)}
