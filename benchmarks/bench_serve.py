"""Measure the service: the real server in a process of its own, clients on this machine.

    python -m benchmarks.bench_serve [--n N] [--seconds S] [--place DIR]

Closed loops by title and by picture, then ten times as many questions by title as it can answer.
Answers are counted, and none may fail. Results go to benchmarks/results/serve.json and the table of
docs/serve.md, but for ``--smoke``, which only shows that all of it runs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, machine
from benchmarks.serve_client import Timings, closed_loop, open_loop
from benchmarks.serve_listings import image_questions, make_catalogue, make_up, title_questions
from benchmarks.table import replace_between

RESULTS = ROOT / "benchmarks" / "results" / "serve.json"
PAGE = ROOT / "docs" / "serve.md"
OUT = ROOT / "benchmarks" / "out"
Row = dict[str, Any]

OVERLOAD = 10
WARM_SECONDS = 3.0
# Refusals are quick, whatever goes on.
BAR_REFUSED = 0.1


@contextmanager
def served(place: Path) -> Iterator[int]:
    """Port of a server that runs meanwhile."""
    command = [sys.executable, "-m", "matcher", "serve", str(place), "--port", "0"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, cwd=ROOT)
        try:
            yield _wait_for_port(process, log)
        finally:
            process.terminate()
            process.wait()


def _wait_for_port(process: subprocess.Popen[bytes], log: Any) -> int:
    while process.poll() is None:
        log.seek(0)
        for line in log:
            if '"listening"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.2)
    log.seek(0)
    raise SystemExit(f"The service did not start: {log.read()}")


def resident_mb(port: int) -> float:
    """Memory of the server, in MB, as it says itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = re.search(r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) / 1e6 if found else float("nan")


def measure(place: Path, n: int, seconds: float) -> list[Row]:
    """All figures of a catalogue of ``n`` listings."""
    by_title, by_image = title_questions(make_up(n), 2_000), image_questions(64)
    rows: list[Row] = []
    with served(place) as port:
        for kind, requests, n_clients in (("title", by_title, 32), ("picture", by_image, 8)):
            closed_loop(port, requests, n_clients, WARM_SECONDS)
            found = closed_loop(port, requests, n_clients, seconds)
            rows.append(_row(f"by {kind}, {n_clients} clients, closed loop", found))
            print(rows[-1], flush=True)
        rate = OVERLOAD * rows[0]["per_second"]
        before = resident_mb(port)
        found = open_loop(port, by_title, rate, seconds)
        row = _row(f"by title, {OVERLOAD} times as many as it can answer", found)
        row |= {"mb_before": before, "mb_after": resident_mb(port)}
        rows.append(row)
        print(row, flush=True)
    return rows


def _row(case: str, found: Timings) -> Row:
    """Figures of one run; only 200 and 503 may come."""
    n = {status: len(taken) for status, taken in found.taken.items()}
    if set(n) - {200, 503} or not n.get(200):
        raise SystemExit(f"{case}: answers other than 200 and 503: {n}")
    row: Row = {
        "case": case,
        "answered": n[200],
        "per_second": n[200] / found.seconds,
        "p50": found.quantile(0.5),
        "p99": found.quantile(0.99),
        "refused": n.get(503, 0),
    }
    if row["refused"]:
        row |= {"refused_p50": found.quantile(0.5, 503), "refused_p99": found.quantile(0.99, 503)}
    return row


def serve_lines(content: dict[str, Any]) -> list[str]:
    """The table of the page."""
    lines = [
        "| what | answered a second | p50, ms | p99, ms | refused | refusal p50, ms | p99, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in content["results"]:
        refused = [""] * 3
        if row["refused"]:
            refused = [f"{row['refused']:,}", *map(_ms, (row["refused_p50"], row["refused_p99"]))]
        cells = [row["case"], f"**{row['per_second']:,.0f}**", _ms(row["p50"]), _ms(row["p99"])]
        lines.append(f"| {' | '.join([*cells, *refused])} |")
    last = content["results"][-1]
    return [
        *lines,
        "",
        f"{content['n']:,} listings. Memory of the server before and after the last: "
        f"{last['mb_before']:,.0f} and {last['mb_after']:,.0f} MB. Clients and server share the "
        f"machine. Measured by `make bench-serve` on {content['machine']}.",
    ]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f}"


def main() -> None:
    """Measure, print, and write results and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    parser.add_argument("--place", type=Path, help="of the catalogue; made if it is not there")
    parser.add_argument("--smoke", action="store_true", help="2,000 listings, nothing written")
    options = parser.parse_args()
    n, seconds = (2_000, 2.0) if options.smoke else (options.n, options.seconds)
    place = options.place or OUT / f"serve-{n}"
    make_catalogue(place, n)
    content = {"machine": machine(), "n": n, "results": measure(place, n, seconds)}
    if not options.smoke:
        RESULTS.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        replace_between(PAGE, "serve", serve_lines(content))
    slow = content["results"][-1].get("refused_p99", 0.0)
    if slow > BAR_REFUSED:
        print(f"missed: refusals take {1000 * slow:.0f} ms at the 99th percentile, bar 100 ms")
    raise SystemExit(slow > BAR_REFUSED)


if __name__ == "__main__":
    main()
