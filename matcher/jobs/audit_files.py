"""An audit as files, all put in place together."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.audit import ALONE, NOBODY
from matcher.io.atomic import OutputFolder
from matcher.io.outputs import spreadsheet_safe, write_csv, write_json
from matcher.jobs.audit import Audited
from matcher.jobs.save import write_text
from matcher.report.audit import SHOWN_BESIDE, AuditPage, Beside, Case, render_audit

SHOWN_CASES = 60


def save_audit(found: Audited, out: OutputFolder) -> None:
    """Write ``suspects.csv``, ``audit.json`` and ``audit.html``.

    Args:
        found: What to write.
        out: The folder, entered: its files appear together when its block ends.

    Raises:
        StoreError: If a file cannot be written.
    """
    table = suspects_table(found)
    safe = [spreadsheet_safe(column) for column in table.columns]
    write_csv(pa.table(safe, names=table.column_names), out.file("suspects.csv"))
    write_json(audit_report(found), out.file("audit.json"))
    write_text(render_audit(audit_page(found)), out.file("audit.html"))


def suspects_table(found: Audited) -> pa.Table:
    """One row a suspect, the most suspicious first.

    Returns:
        The id column, ``label``, ``rank`` from 1, ``suspicion`` in [0, 1], ``why``,
        ``suggested`` (a label, its own where none suits it better, or "alone"), ``closest`` (id of
        the most similar listing under another label; null without one), ``closest_label``,
        ``title``.
    """
    rows = found.suspects.tolist()
    closest = found.closest[found.suspects].tolist()
    ids, titles = found.listings.ids, found.listings.titles
    columns: dict[str, Any] = {
        "label": pa.array([found.label(row) for row in rows], pa.string()),
        "rank": pa.array(range(1, len(rows) + 1), pa.int64()),
        "suspicion": found.suspicions.scores[found.suspects].round(4),
        "why": pa.array(found.why, pa.string()),
        "suggested": pa.array([found.suggestion(row) for row in rows], pa.string()),
        "closest": pa.array([ids[c] if c != NOBODY else None for c in closest], pa.string()),
        "closest_label": pa.array(
            [found.label(c) if c != NOBODY else None for c in closest], pa.string()
        ),
        "title": pa.array([titles[row] for row in rows], pa.string()),
    }
    name = "id" if found.listings.id_name in columns else found.listings.id_name
    return pa.table({name: pa.array([ids[row] for row in rows], pa.string()), **columns})


def audit_report(found: Audited) -> dict[str, Any]:
    """How the audit came about, and its suspects, as plain values for JSON."""
    run = {key: value for key, value in asdict(found.report).items() if key != "metrics"}
    table = suspects_table(found)
    return {**run, "suspects": table.rename_columns(["id", *table.column_names[1:]]).to_pylist()}


def audit_page(found: Audited) -> AuditPage:
    """What the page shows: the first suspects, each beside others of its label and its likes."""
    shown = found.suspects[:SHOWN_CASES].tolist()
    cases = tuple(_case(found, place, row) for place, row in enumerate(shown))
    return AuditPage(found.listings, cases, found.report)


def _case(found: Audited, place: int, row: int) -> Case:
    suggested = int(found.suspicions.suggested[row])
    own, rivals = _beside(found, row)
    groups = found.listings.groups
    return Case(
        row=row,
        rank=place + 1,
        suspicion=float(found.suspicions.scores[row]),
        label=found.label(row),
        suggested="" if suggested == ALONE else found.names[suggested],
        why=found.why[place],
        alike=found.alike[place],
        own=own,
        rivals=rivals,
        n_own=0 if groups is None else int(np.count_nonzero(groups == groups[row])) - 1,
    )


def _beside(found: Audited, row: int) -> tuple[tuple[Beside, ...], tuple[Beside, ...]]:
    """The most similar listings of a suspect's label, and its twins and likes under others."""
    span = slice(found.graph.indptr[row], found.graph.indptr[row + 1])
    others = found.graph.indices[span].tolist()
    scores = dict(zip(others, found.graph.scores[span].tolist(), strict=True))
    label = found.label(row)
    own = [other for other in others if found.label(other) == label]
    twins = [int(rows[row]) for rows in found.twins.values() if rows[row] != NOBODY]
    likes = [o for o in others if found.label(o) not in (label, "") and scores[o] > 0]
    rivals = list(dict.fromkeys([*twins, *likes]))[:SHOWN_BESIDE]
    rivals.sort(key=lambda other: -scores.get(other, 0))
    sides = (own[:SHOWN_BESIDE], rivals)
    first, second = (
        tuple(Beside(o, scores.get(o, math.nan), found.label(o)) for o in side) for side in sides
    )
    return first, second
