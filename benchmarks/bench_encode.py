"""Measure encoding against what people use, every contender in each round on the same input.

    python -m benchmarks.bench_encode [--only NAME ...] [--rounds N] [--data DIR] [--torch PYTHON]

Answers are compared, ours too. Ratios are medians of seconds; CPU seconds stand beside. Results go
to benchmarks/results/encode.json and docs/encoding.md; ``--only`` keeps the other cases as they
are. Peers (onnxruntime, ai-edge-litert, tf2onnx) are needed here only: pip install '.[bench]'.
sentence-transformers runs in a process of its own, whose interpreter ``--torch`` names. A peer
that is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from benchmarks.encode_cases import decoding, images, titles
from benchmarks.encode_jobs import again, folder, memory, waiting
from benchmarks.encode_peers import THREADS
from benchmarks.encode_rows import Row, Setting, misses_its_bar
from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.quality import MOBILENET
from benchmarks.table import replace_between

RESULTS = ROOT / "benchmarks" / "results" / "encode.json"
PAGE = ROOT / "docs" / "encoding.md"

CASES: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "images": images,
    "titles": titles,
    "decoding": decoding,
    "folder": folder,
    "waiting": waiting,
    "memory": memory,
    "again": again,
}


def main() -> None:
    """Measure, print, and write the results and the page's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--weights", type=Path, help="MobileNetV2, trained")
    parser.add_argument("--torch", default=sys.executable, help="has sentence-transformers")
    options = parser.parse_args()
    weights = options.weights or options.data.parent / "weights" / MOBILENET
    results = json.loads(RESULTS.read_text("utf-8"))["results"] if RESULTS.exists() else {}
    for name in options.only or CASES:
        _warn_if_busy()
        rows = _rows(name, options, weights)
        if rows:  # none where all peers are missing
            on = {"machine": machine(), "threads": THREADS, "rounds": options.rounds}
            results[name] = {**on, "rows": rows}
        content = {"results": {k: results[k] for k in CASES if k in results}}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
        replace_between(PAGE, "encode", encode_lines(content))
    missed = [row for case in results.values() for row in case["rows"] if misses_its_bar(row)]
    for row in missed:
        print(f"missed: {_told(row)}, bar {row['bar']}")
    raise SystemExit(bool(missed))


def _warn_if_busy() -> None:
    """Libraries whose threads spin while they wait lose most where others want the cores too."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > THREADS:
        print(f"The machine is busy (load {load:.1f}): some peers are measured far too slow.")


def _rows(name: str, options: argparse.Namespace, weights: Path) -> list[Row]:
    """Measure a case, with a cache of its own: the user's is kept out of it."""
    rows: list[Row] = []
    with TemporaryDirectory() as made:
        setting = Setting(options.data, weights, options.torch, options.rounds, Path(made))
        with mock.patch.dict(os.environ, {"MATCHER_CACHE": str(Path(made, "cache"))}):
            for row in CASES[name](setting):
                print(row, flush=True)
                rows.append(row)
    return rows


def _told(row: Row) -> str:
    if "figure" in row:
        return f"{row['figure']}: {row['value']:.3f}"
    return f"{row['case']}: {row['ratio']:.2f} times as fast as {row['peer']}"


def encode_lines(content: dict[str, Any]) -> list[str]:
    """The tables of the page."""
    cases = content["results"]
    rows = [row for case in cases.values() for row in case["rows"]]
    return [
        "| what | peer | times as fast | in float32 | CPU | a second | peer, a second | cosine |",
        "|---|---|---|---|---|---|---|---|",
        *(_raced(row) for row in rows if "peer" in row),
        "",
        "| what | pictures | |",
        "|---|---|---|",
        *(_figure(row) for row in rows if "figure" in row),
        "",
        *_measured_on(cases),
    ]


def _measured_on(cases: dict[str, Any]) -> list[str]:
    """On what machines the cases were measured."""
    names: dict[str, list[str]] = {}
    for name, case in cases.items():
        told = f"{case['machine']}, {case['threads']} threads each, {case['rounds']} rounds"
        names.setdefault(told, []).append(name)
    return [f"`make bench-encode` on {on}: {', '.join(some)}." for on, some in names.items()]


def _raced(row: Row) -> str:
    plain = "" if row["in_float32"] is None else f"{row['in_float32']:.1f}"
    same = "" if row["cosine"] is None else f"{row['cosine']:.5f}"
    what = row["case"] if row["ours"] is None else f"{row['case']}, ours in {row['ours']}"
    cells = [
        *(what, row["peer"], f"**{row['ratio']:.1f}**", plain, f"{row['cpu_ratio']:.1f}"),
        *(f"{row['per_second']:,.0f}", f"{row['peer_per_second']:,.0f}", same),
    ]
    return f"| {' | '.join(cells)} |"


def _figure(row: Row) -> str:
    return f"| {row['figure']} | {row['n']:,} | **{row['value']:.3f}** |"


if __name__ == "__main__":
    main()
