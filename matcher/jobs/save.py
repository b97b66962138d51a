"""A result as files, all put in place together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from matcher.io.atomic import OutputFolder
from matcher.io.outputs import spreadsheet_safe, write_csv, write_json, write_parquet
from matcher.jobs.seen_rows import write_seen
from matcher.report import render_report
from matcher.results import MatchResult
from matcher.types import Int64


def save(result: MatchResult, out: OutputFolder) -> None:
    """Write everything a run found.

    ``matches.csv`` (id, matches), ``clusters.csv`` (id, cluster; not between two sources),
    ``pairs.parquet`` (ids, a score a modality, fused score, reason), ``pairs.csv`` (the same
    with titles, safe to open in a spreadsheet), ``near_misses.csv`` (likewise, the pairs that
    came closest), ``run.json``, ``report.html``; where an encoder was trained on some of the
    listings ``trained-on.csv`` (id, run).

    Args:
        result: What to write.
        out: The folder, entered: its files appear together when its block ends.

    Raises:
        StoreError: If a file cannot be written.
    """
    write_csv(result.matches_table(), out.file("matches.csv"))
    if result.clusters_found is None:
        out.discard("clusters.csv")
    else:
        write_csv(result.clusters_table(), out.file("clusters.csv"))
    write_parquet(result.pairs_table(), out.file("pairs.parquet"))
    write_csv(_readable(result.pairs_table(titles=True)), out.file("pairs.csv"))
    write_csv(_readable(result.near_misses_table()), out.file("near_misses.csv"))
    write_seen(_learnt(result), out)
    write_json(asdict(result.report), out.file("run.json"))
    write_text(render_report(result), out.file("report.html"))


def _learnt(result: MatchResult) -> list[tuple[Sequence[str], Mapping[str, Int64]]]:
    """Of each table its ids, and what encoders were trained on."""
    told = [(result.listings.ids, result.trained_on)]
    if result.right_listings is not None:
        told.append((result.right_listings.ids, result.right_trained_on))
    return [*told]


def write_text(text: str, path: Path) -> None:
    """Write UTF-8; half surrogates, which no UTF-8 can hold, become question marks."""
    path.write_bytes(text.encode("utf-8", "replace"))


def _readable(pairs: pa.Table) -> pa.Table:
    """Make text safe for spreadsheets."""
    columns = [spreadsheet_safe(column) for column in pairs.columns]
    return pa.table(columns, names=pairs.column_names)
