"""Measure a catalogue as it grows: 100,000 listings, then as many again, their vectors given.

    python -m benchmarks.bench_catalog [--n N]

Encoders learn from a tenth as many other listings first, as in a shop that begins small. What is
timed is all that ``Catalog.add`` does: finding pairs, clustering, and writing to disk until it is
safe there. The results go to benchmarks/results/catalog.json and the table of docs/catalog.md, but
for ``--smoke``, which only shows that it runs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT, machine
from benchmarks.serve_listings import make_up, photo_vectors
from benchmarks.table import replace_between
from matcher.catalog import create_catalog
from matcher.jobs.encoding import take_listings
from matcher.search import take_rows
from matcher.types import Encoded, Listings

RESULTS = ROOT / "benchmarks" / "results" / "catalog.json"
PAGE = ROOT / "docs" / "catalog.md"
Row = dict[str, Any]
Batch = tuple[Listings, dict[str, Encoded]]


def measure(place: Path, n: int) -> list[Row]:
    """Add ``n`` listings, and ``n`` more."""
    first, *batches = _batches(n)
    rows: list[Row] = []
    with create_catalog(place, first[0], vectors=first[1]) as catalog:
        for listings, given in batches:
            vectors = catalog.encode(listings, given)
            before = catalog.statistics().n_listings
            wall, cpu = time.perf_counter(), time.process_time()
            catalog.add(listings, vectors)
            row = {"added": len(listings), "to": before}
            row |= {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            rows.append(row | {"clusters": catalog.statistics().n_clusters})
            print(rows[-1], flush=True)
    return rows


def _batches(n: int) -> list[Batch]:
    """Made-up listings in three parts, with vectors of pictures that were never taken."""
    every = make_up(2 * n + n // 10)
    photos = photo_vectors(every)
    cuts = np.split(np.arange(len(every)), [n // 10, n // 10 + n])
    return [(take_listings(every, at.tolist()), {"photos": take_rows(photos, at)}) for at in cuts]


def catalog_lines(content: dict[str, Any]) -> list[str]:
    """The table of the page."""
    lines = ["| listings added | to | seconds | CPU seconds | a second |", "|---|---|---|---|---|"]
    for row in content["results"]:
        rate = row["added"] / row["seconds"]
        lines.append(
            f"| {row['added']:,} | {row['to']:,} | **{row['seconds']:.0f}** | {row['cpu']:.0f} | "
            f"{rate:,.0f} |"
        )
    note = (
        "In one write each, vectors given, all modalities of the default. Measured by "
        f"`make bench-catalog` on {content['machine']}."
    )
    return [*lines, "", note]


def main() -> None:
    """Measure, print, and write results and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--smoke", action="store_true", help="2,000 listings, nothing written")
    options = parser.parse_args()
    n = 2_000 if options.smoke else options.n
    with tempfile.TemporaryDirectory() as folder:
        content = {"machine": machine(), "results": measure(Path(folder) / "catalog", n)}
    if not options.smoke:
        RESULTS.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        replace_between(PAGE, "catalog", catalog_lines(content))


if __name__ == "__main__":
    main()
