"""Measure how search grows with the table: seconds, memory and pairs, exact and approximate.

    python -m benchmarks.bench_scaling [--sizes N ...] [--seed S]

The 50 closest of every row that reach a cosine of 0.65, among made-up vectors of 256 dimensions.
Exact: all that reach it, each pair compared once, whatever their number. A size a process, so that
its memory is its own. Results go to benchmarks/results/scaling.json and docs/search.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.machine import ROOT, machine
from benchmarks.table import replace_between
from benchmarks.timing import run_once

RESULTS = ROOT / "benchmarks" / "results" / "scaling.json"
PAGE = ROOT / "docs" / "search.md"
SIZES = (10_000, 34_250, 100_000, 300_000, 1_000_000)
METHODS = ("exact", "hnsw")
WIDTH, BOUND, K, SAMPLE = 256, 0.65, 50, 1000
Row = dict[str, Any]


def measure(n: int, method: str, seed: int) -> Row:
    """One size and method, in this process."""
    from benchmarks.made_up import embeddings
    from matcher.search import make_index
    from matcher.search._recall import measure_recall
    from matcher.types import Embeddings

    vectors = Embeddings(embeddings(n, WIDTH, seed), "made up")
    warm = Embeddings(embeddings(5_000, WIDTH, seed + 1), "made up")
    limits: dict[str, Any] = {"min_score": BOUND} | ({"k": K} if method != "exact" else {})
    make_index(warm, method).search_within(**limits)
    index = []

    def whole() -> Any:
        index[:] = [make_index(vectors, method)]
        return index[0].search_within(**limits)

    wall, cpu, peak, graph = run_once(whole)
    recall = 1.0
    if method != "exact":
        recall = measure_recall(index[0], graph, K, BOUND, n_sample=SAMPLE).value  # type: ignore[arg-type]
    return {
        **dict(n=n, method=method, seconds=wall, cpu=cpu, megabytes=peak / 1e6),
        **dict(edges=len(graph.indices), recall=recall),
    }


def exponent(rows: list[Row]) -> float:
    """The power of ``n`` that CPU seconds grow with, fitted to the sizes from 34,250 on."""
    large = [row for row in rows if row["n"] > SIZES[0]]
    if len(large) < 2:
        return float("nan")
    n, seconds = (np.log([row[key] for row in large]) for key in ("n", "cpu"))
    return float(np.polyfit(n, seconds, 1)[0])


def crossover(exact: list[Row], other: list[Row]) -> float:
    """The size from which the other takes fewer CPU seconds, by the fitted lines."""
    lines = []
    for rows in (exact, other):
        large = [row for row in rows if row["n"] > SIZES[0]]
        n, seconds = (np.log([row[key] for row in large]) for key in ("n", "cpu"))
        lines.append(np.polyfit(n, seconds, 1))
    (a, b), (c, d) = lines
    return float(np.exp((d - b) / (a - c)))


def scaling_lines(content: dict[str, Any]) -> list[str]:
    """The table of the page, and what it comes to."""
    lines = [
        "| n | method | seconds | CPU seconds | MB beside the vectors | edges | recall |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = content["results"]
    for row in rows:
        lines.append(
            f"| {row['n']:,} | {row['method']} | {row['seconds']:.1f} | {row['cpu']:.1f} "
            f"| {row['megabytes']:.0f} | {row['edges']:,} | {row['recall']:.4f} |"
        )
    by_method = {m: [row for row in rows if row["method"] == m] for m in METHODS}
    told = ", ".join(f"{m}: n^{exponent(own):.2f}" for m, own in by_method.items() if own)
    lines += ["", f"CPU seconds grow as {told}, fitted from 34,250 rows on."]
    if all(len(own) > 2 for own in by_method.values()):
        n = crossover(by_method["exact"], by_method["hnsw"])
        lines.append(f"By these lines the graph takes fewer from {n:,.0f} rows on.")
    return [*lines, "", f"Measured by `make bench-search` on {content['machine']}."]


def main() -> None:
    """Measure each size and method in a process of its own, and write results and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(int(options.one[0]), options.one[1], options.seed)))
        return
    old = json.loads(RESULTS.read_text("utf-8"))["results"] if RESULTS.exists() else []
    rows = {(row["n"], row["method"]): row for row in old}
    for n in options.sizes:
        for method in METHODS:
            command = [sys.executable, "-m", "benchmarks.bench_scaling", "--one", str(n), method]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            rows[n, method] = json.loads(run.stdout.splitlines()[-1])
            print(rows[n, method], flush=True)
            content = {"machine": machine(), "results": [rows[key] for key in sorted(rows)]}
            RESULTS.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
            replace_between(PAGE, "scaling", scaling_lines(content))


if __name__ == "__main__":
    main()
