"""A catalogue as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.catalog._links import in_force
from matcher.catalog._state import State
from matcher.io.atomic import OutputFolder
from matcher.io.outputs import spreadsheet_safe, write_csv
from matcher.store import Decision, Snapshot

WAITING = "waiting.csv"


def export(snapshot: Snapshot, state: State, out: Path) -> list[Path]:
    """Write what a catalogue has found and been told; see ``Catalog.export``."""
    listings = snapshot.listings()
    names = dict(zip(listings.rows.tolist(), listings.ids, strict=True))
    decided = _decisions(in_force(snapshot.decisions()))
    known = set(listings.ids)
    there = [row["id_left"] in known and row["id_right"] in known for row in decided]
    tables = {
        "clusters.csv": _clusters(snapshot, names, state.settings.id_name),
        "pairs.csv": _pairs(snapshot, names, dict(zip(listings.ids, listings.titles, strict=True))),
        "decisions.csv": _table(decided, there),
        "events.csv": _events(snapshot, names),
    }
    if not all(there):
        tables[WAITING] = _table(decided, [not has for has in there])
    with OutputFolder(out) as folder:
        for name, table in tables.items():
            columns = [spreadsheet_safe(column) for column in table.columns]
            write_csv(pa.table(columns, names=table.column_names), folder.file(name))
        if WAITING not in tables:
            folder.discard(WAITING)
    return [out / name for name in tables]


def _clusters(snapshot: Snapshot, names: dict[int, str], id_name: str) -> pa.Table:
    held = snapshot.membership()
    ids = [names[row] for row in held.rows.tolist()]
    return pa.table([pa.array(ids, pa.string()), held.clusters], names=[id_name, "cluster"])


def _pairs(snapshot: Snapshot, names: dict[int, str], titles: dict[str, str]) -> pa.Table:
    edges = snapshot.edges()
    order = np.lexsort((edges.right, edges.left, -edges.scores))
    left = [names[row] for row in edges.left[order].tolist()]
    right = [names[row] for row in edges.right[order].tolist()]
    columns: dict[str, Any] = {
        "id_left": pa.array(left, pa.string()),
        "id_right": pa.array(right, pa.string()),
        "title_left": pa.array([titles[id] for id in left], pa.string()),
        "title_right": pa.array([titles[id] for id in right], pa.string()),
        "score": edges.scores[order],
    }
    return pa.table(columns)


DECIDED = ("id_left", "id_right", "decision", "number", "kind", "who", "at", "model", "note")


def _decisions(made: tuple[Decision, ...]) -> list[dict[str, Any]]:
    """A row for each pair that was decided."""
    rows = []
    for one in made:
        for word, pairs in (("same", one.same), ("different", one.different)):
            for left, right in pairs:
                told = (left, right, word, one.number, one.kind, one.who, one.when.isoformat())
                rows.append(dict(zip(DECIDED, (*told, one.model, one.note), strict=True)))
    return rows


def _table(rows: list[dict[str, Any]], kept: list[bool]) -> pa.Table:
    some = [row for row, has in zip(rows, kept, strict=True) if has]
    types = [pa.int64() if name == "number" else pa.string() for name in DECIDED]
    columns = [[row[name] for row in some] for name in DECIDED]
    arrays = [pa.array(*column) for column in zip(columns, types, strict=True)]
    return pa.table(arrays, names=list(DECIDED))


def _events(snapshot: Snapshot, names: dict[int, str]) -> pa.Table:
    """What became of clusters; listings that joined by id, as far as they are still there."""
    events = snapshot.events()
    others = []
    for kind, own in zip(events.kinds, events.others, strict=True):
        told = (names.get(one, "") for one in own) if kind == "joined" else map(str, own)
        others.append(" ".join(one for one in told if one))
    return pa.table(
        {
            "at": pa.array([at.isoformat() for at in events.times], pa.string()),
            "revision": events.revisions,
            "cluster": events.clusters,
            "event": pa.array(events.kinds, pa.string()),
            "others": pa.array(others, pa.string()),
        }
    )
