"""Measure search against what people use, every contender in each round on the same data.

    python -m benchmarks.bench_search [--only NAME ...] [--rounds N] [--data DIR]

Answers are compared before seconds are. Ratios are medians of seconds; CPU seconds and megabytes
at the peak stand beside. Results go to benchmarks/results/search.json and docs/search.md. Peers
(faiss-cpu, sparse_dot_topn) are needed here only: pip install '.[bench]'.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.contest import Row
from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.search_cases import CASES
from benchmarks.table import replace_between

RESULTS = ROOT / "benchmarks" / "results" / "search.json"
PAGE = ROOT / "docs" / "search.md"


def main() -> None:
    """Measure, print, and write the results and the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=data_folder())
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text("utf-8"))["results"] if RESULTS.exists() else {}
    for name in options.only or CASES:
        results[name] = []
        for row in CASES[name](options.data, options.rounds):
            print(row, flush=True)
            results[name].append(row)
        content = {"machine": machine(), "results": {k: results[k] for k in CASES if k in results}}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
        replace_between(PAGE, "search", search_lines(content))


def search_lines(content: dict[str, Any]) -> list[str]:
    """The table of the page."""
    lines = [
        "| what | n | peer | times as fast | CPU | seconds | MB at the peak | peer's MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rows in content["results"].values():
        lines += [_line(row) for row in rows]
    joins = content["results"].get("dense_join", ())
    shares = {row["d"]: f"{row['gemm_share']:.0%} ({row['d']:,} dimensions)" for row in joins}
    lines += ["", f"Measured by `make bench-search` on {content['machine']}."]
    if shares:
        told = " and ".join(shares.values())
        lines += ["Of the multiplications per CPU second that the fastest product alone reaches,"]
        lines += [f"the dense join reaches {told}."]
    return lines


def _line(row: Row) -> str:
    cells = [
        *(row["case"], f"{row['n']:,}", row["peer"]),
        *(f"**{row['ratio']:.1f}**", f"{row['cpu_ratio']:.1f}", f"{row['seconds']:.2f}"),
        *(f"{row['megabytes']:.0f}", f"{row['peer_megabytes']:.0f}"),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
