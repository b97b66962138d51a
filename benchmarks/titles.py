"""Rows of figures of sets that have titles alone: one of offers, three of two sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv

from benchmarks.machine import config
from benchmarks.protocols import held_out_alone, held_out_in_all, pairs_as_given, published_pairs
from benchmarks.shopee import HALVES, HALVES_IN_ALL
from matcher.config import RunConfig
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.types import Listings

Row = dict[str, Any]

# Columns whose text makes the title, by set of the DeepMatcher collection.
TITLES = {
    "abt-buy": "name,description",
    "amazon-google": "title,manufacturer",
    "walmart-amazon": "title,brand,modelno",
}


def pricerunner(data: Path) -> Iterator[Row]:
    """Clusters of offers, titles only, by thresholds on scores and by a trained pair model."""
    listings = read_listings(data / "pricerunner" / "offers.csv")
    n = len(listings)
    for name, method, bar in (("titles", "titles", 0.60), ("titles_pairs", "pair model", None)):
        own: Row = dict(set=f"PriceRunner, {n:,} offers", method=method, config=name, headline=True)
        in_all = held_out_in_all(listings, config(name), 2)
        split = HALVES_IN_ALL
        yield {**own, **dict(figure="row F1", value=in_all, gallery=n, split=split, bar=bar)}
        alone = held_out_alone(listings, config(name), 2)
        rest: Row = dict(gallery=n // 2, split=HALVES, bar=None)
        yield {**own, **rest, **dict(figure="row F1", value=alone["rowwise_f1"])}
        yield {**own, **rest, **dict(figure="pairwise F1", value=alone["pair_f1"])}


def deepmatcher(data: Path) -> Iterator[Row]:
    """Two sources, published splits."""
    for name, titles in TITLES.items():
        folder = data / "deepmatcher" / name
        columns = Columns(title=titles)
        left = read_listings(folder / "tableA.csv", columns=columns)
        right = read_listings(folder / "tableB.csv", columns=columns)
        parts = [_pairs(folder / f"{part}.csv", left, right) for part in ("train", "valid", "test")]
        learning = tuple(np.concatenate(both) for both in zip(*parts[:2], strict=True))
        own: Row = dict(set=name, figure="F1 of test pairs", gallery=len(right), bar=None)
        scored = f"{len(parts[2][2]):,} test pairs scored"
        given = RunConfig.default().select(list(config("titles").encoders))
        value = pairs_as_given(left, right, given, parts[2])["f1"]
        about: Row = dict(method="the default", config="../matcher/default", split="nothing to fit")
        yield {**own, **about, "split": f"as shipped, {scored}", "value": value}
        for name, method in (("titles", "titles"), ("titles_pairs", "pair model")):
            found = published_pairs(left, right, config(name), learning, parts[2])  # type: ignore[arg-type]
            about = dict(method=method, config=name, headline=True)
            split = f"published: train + valid fit, {scored}"
            yield {**own, **about, **dict(value=found["f1"], split=split)}


def _pairs(path: Path, left: Listings, right: Listings) -> tuple[Any, Any, Any]:
    """Rows and labels of published pairs."""
    table = pyarrow.csv.read_csv(path)
    ours = {i: row for row, i in enumerate(left.ids)}
    theirs = {i: row for row, i in enumerate(right.ids)}
    rows = np.array([ours[str(i)] for i in table["ltable_id"].to_pylist()], np.int64)
    cols = np.array([theirs[str(i)] for i in table["rtable_id"].to_pylist()], np.int64)
    return rows, cols, table["label"].to_numpy() == 1
