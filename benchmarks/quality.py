"""Measure quality on real data, and write the table of the README.

    python -m benchmarks.quality [--only NAME ...] [--data DIR] [--weights FILE]

Results go to benchmarks/results/quality.json, a row a figure; the README's table is made from
that file. ``--only`` measures some of the sets and keeps the other rows as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv

from benchmarks.protocols import (
    as_given,
    held_out_alone,
    held_out_in_all,
    published_pairs,
    ranking,
)
from benchmarks.table import write_table
from matcher.config import RunConfig
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.types import Listings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
CONFIGS = ROOT / "configs"
MOBILENET = "mobilenet_v2_imagenet/mobilenet_v2_1_0_224_quant.weights.h5"
Row = dict[str, Any]

# Columns whose text makes the title, by set of the DeepMatcher collection.
TITLES = {
    "abt-buy": "name,description",
    "amazon-google": "title,manufacturer",
    "walmart-amazon": "title,brand,modelno",
}


def config(name: str) -> RunConfig:
    """A config of this repository."""
    return RunConfig.load(CONFIGS / f"{name}.yaml")


def shopee(data: Path) -> Iterator[Row]:
    """Clusters of listings, titles and given hashes."""
    table = data / "shopee" / "train.csv"
    listings = read_listings(table)
    n = len(listings)
    name, figure = "Shopee, 24,172 listings", "row F1"
    yield {
        **dict(set=name, method="equal phash", config="phash_exact", figure=figure),
        **dict(value=as_given(listings, config("phash_exact"))["rowwise_f1"], gallery=n),
        **dict(split="nothing to fit", bar=0.5514),
    }
    own: Row = dict(set=name, method="titles + phash", config="shopee", figure=figure)
    yield {
        **own,
        **dict(value=held_out_in_all(listings, config("shopee"), 2), gallery=n),
        **dict(split="thresholds from one half, the other scored, among all", bar=0.72),
    }
    yield {
        **own,
        **dict(value=held_out_in_all(listings, config("shopee"), 5), gallery=n),
        **dict(split="five-fold, among all", bar=0.72),
    }
    yield {
        **own,
        **dict(value=held_out_alone(listings, config("shopee"), 2)["rowwise_f1"]),
        **dict(gallery=n // 2, split="half/half, each half alone", bar=None),
    }
    yield {
        **own,
        **dict(value=held_out_alone(listings, config("shopee"), 5)["rowwise_f1"]),
        **dict(gallery=n // 5, split="five-fold, each fold alone", bar=None),
    }
    yield from _cost(table, name)


def _cost(table: Path, name: str) -> Iterator[Row]:
    """Seconds and memory of the whole command, and whether TensorFlow was loaded."""
    code = (
        "import resource, sys, tempfile; from matcher.cli import main;"
        f"status = main(['dedupe', {str(table)!r}, '--out', tempfile.mkdtemp(), '--json']);"
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
    about: Row = dict(set=name, method="titles + phash", config="shopee", gallery=24_172)
    split = "whole command, median of three"
    yield {**about, **dict(figure="seconds", value=float(np.median(seconds)), split=split, bar=60)}
    split = "whole command, highest of three"
    yield {**about, **dict(figure="GB at the peak", value=peak, split=split, bar=2)}


def pricerunner(data: Path) -> Iterator[Row]:
    """Clusters of offers, titles only."""
    listings = read_listings(data / "pricerunner" / "offers.csv")
    n = len(listings)
    own: Row = dict(set=f"PriceRunner, {n:,} offers", method="titles", config="titles")
    in_all = held_out_in_all(listings, config("titles"), 2)
    split = "thresholds from one half, the other scored, among all"
    yield {**own, **dict(figure="row F1", value=in_all, gallery=n, split=split, bar=0.60)}
    alone = held_out_alone(listings, config("titles"), 2)
    rest: Row = dict(gallery=n // 2, split="half/half, each half alone", bar=None)
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
        figures = published_pairs(left, right, config("titles"), learning, parts[2])  # type: ignore[arg-type]
        yield {
            **dict(set=name, method="titles", config="titles", figure="F1 of test pairs"),
            **dict(value=figures["f1"], gallery=len(right), bar=None),
            **dict(split=f"published: train + valid fit, {len(parts[2][2]):,} test pairs scored"),
        }


def _pairs(path: Path, left: Listings, right: Listings) -> tuple[Any, Any, Any]:
    """Rows and labels of published pairs."""
    table = pyarrow.csv.read_csv(path)
    ours = {i: row for row, i in enumerate(left.ids)}
    theirs = {i: row for row, i in enumerate(right.ids)}
    rows = np.array([ours[str(i)] for i in table["ltable_id"].to_pylist()], np.int64)
    cols = np.array([theirs[str(i)] for i in table["rtable_id"].to_pylist()], np.int64)
    return rows, cols, table["label"].to_numpy() == 1


def pictures(data: Path, weights: Path) -> Iterator[Row]:
    """The baseline that an image encoder must beat."""
    for name, shown in (("hm", "H&M"), ("grocery", "grocery")):
        folder = data / name
        # The H&M titles name the label: pictures only.
        table = folder / "listings.csv"
        listings = read_listings(table, folder / "images.zip", Columns(title=""))
        settings = config("mobilenet")
        modality = settings.encoders["mobilenet"]
        fixed = modality.model_copy(
            update={"settings": {**modality.settings, "weights": str(weights)}}
        )
        settings = settings.model_copy(update={"encoders": {"mobilenet": fixed}})
        found = ranking(listings, settings, "mobilenet")
        for figure in ("top1", "top5", "mar@10"):
            yield {
                **dict(set=f"{shown}, {len(listings):,} photos", method="ImageNet MobileNetV2"),
                **dict(config="mobilenet", figure=figure, value=found[figure]),
                **dict(gallery=len(listings), split="nothing to fit", bar=None),
            }


def machine() -> str:
    """The machine, in a few words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}"


def main() -> None:
    """Measure, print, and write the results and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="shopee, pricerunner, deepmatcher, pictures")
    default = os.environ.get("MATCHER_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--weights", type=Path, default=None)
    options = parser.parse_args()
    weights = options.weights or options.data.parent / "weights" / MOBILENET
    measures: dict[str, Callable[[], Iterator[Row]]] = {
        "shopee": lambda: shopee(options.data),
        "pricerunner": lambda: pricerunner(options.data),
        "deepmatcher": lambda: deepmatcher(options.data),
        "pictures": lambda: pictures(options.data, weights),
    }
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results = dict(old.get("results", {}))
    for name in options.only or measures:
        results[name] = []
        for row in measures[name]():
            print(f"{row['set']}: {row['figure']} {row['value']:.4f} ({row['split']})", flush=True)
            results[name].append(row)
    ordered = {name: results[name] for name in measures if name in results}
    RESULTS.parent.mkdir(exist_ok=True)
    content = {"machine": machine(), "results": ordered}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    write_table(content, ROOT / "README.md")
    missed = [row for rows in ordered.values() for row in rows if misses_its_bar(row)]
    for row in missed:
        print(f"missed: {row['set']}: {row['figure']} {row['value']:.4f}, bar {row['bar']}")
    raise SystemExit(bool(missed))


def misses_its_bar(row: Row) -> bool:
    """Whether a figure is worse than it must be."""
    bar, value = row["bar"], row["value"]
    if bar is None:
        return False
    if row["config"] == "phash_exact":  # a published figure, to be met and not passed
        return abs(value - bar) >= 5e-5
    return bool(value > bar if row["figure"].split()[0] in ("seconds", "GB") else value < bar)


if __name__ == "__main__":
    main()
