"""Measure quality on real data, and write the tables of README.md and docs/figures.md.

    python -m benchmarks.quality [--only NAME ...] [--data DIR] [--weights FILE]

Results go to benchmarks/results/quality.json, a row a figure; the tables are made from that file.
``--only`` measures some of the sets and keeps the other rows as they are. No row is scored whose
label took part in what is scored (benchmarks/protocols.py).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.audit import audit
from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.pictures import pictures
from benchmarks.shopee import shopee, shopee_pairs
from benchmarks.table import quality_lines, replace_between
from benchmarks.thresholds import promise, transfer, unlabelled
from benchmarks.titles import deepmatcher, pricerunner

RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
MOBILENET = "mobilenet_v2_imagenet/mobilenet_v2_1_0_224_quant.weights.h5"
Row = dict[str, Any]
SETS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "shopee": shopee,
    "shopee_pairs": shopee_pairs,
    "pricerunner": pricerunner,
    "deepmatcher": deepmatcher,
    "audit": audit,
    "promise": promise,
    "transfer": transfer,
    "unlabelled": unlabelled,
}


def main() -> None:
    """Measure, print, and write the results and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[*SETS, "pictures"])
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--weights", type=Path, default=None)
    options = parser.parse_args()
    weights = options.weights or options.data.parent / "weights" / MOBILENET
    measures = {**SETS, "pictures": lambda data: pictures(data, weights)}
    results = json.loads(RESULTS.read_text("utf-8"))["results"] if RESULTS.exists() else {}
    for name in options.only or measures:
        results[name] = []
        for row in measures[name](options.data):
            print(f"{row['set']}: {row['figure']} {row['value']:.4f} ({row['split']})", flush=True)
            results[name].append(row)
        write({key: results[key] for key in measures if key in results})
    missed = [row for rows in results.values() for row in rows if misses_its_bar(row)]
    for row in missed:
        print(f"missed: {row['set']}: {row['figure']} {row['value']:.4f}, bar {row['bar']}")
    raise SystemExit(bool(missed))


def write(results: Mapping[str, list[Row]]) -> None:
    """Write the results, the README's table of headlines, and the table of all of them."""
    RESULTS.parent.mkdir(exist_ok=True)
    content = {"machine": machine(), "results": results}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    every = [row for rows in results.values() for row in rows]
    headlines = [row for row in every if row.get("headline")]
    readme = quality_lines(headlines, content["machine"], "configs")
    replace_between(ROOT / "README.md", "quality", readme)
    figures = quality_lines(every, content["machine"], "../configs")
    replace_between(ROOT / "docs" / "figures.md", "quality", figures)


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
