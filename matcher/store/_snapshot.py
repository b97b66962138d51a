"""Reading, for every database that understands SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from matcher.errors import StoreError
from matcher.store._checks import as_rows, storable
from matcher.store._session import Session
from matcher.store._tables import vectors_table
from matcher.store._values import bytes_to_rows, to_codes
from matcher.store.records import (
    About,
    ClusterSpans,
    Decision,
    Edges,
    Events,
    KeptListings,
    Members,
    Removed,
    Vectors,
    undone,
)
from matcher.types import Hashes, Int64

_LISTING = (
    "l.row_no, l.id, l.title, l.digest, l.image, l.phash, l.box_x, l.box_y, l.box_width, "
    "l.box_height, l.extra, l.revision"
)
_MEMBER = {"row_no": "i8", "cluster": "i8"}
_EDGE = {"left_row": "i8", "right_row": "i8", "score": "f4"}


class SqlSnapshot:
    """One state of a store; see ``matcher.store.protocol.Snapshot``."""

    def __init__(self, session: Session, about: About) -> None:
        self.about = about
        self._open_session: Session | None = session
        self.revision = int(session.select("SELECT revision FROM counters")[0][0])

    def end(self) -> None:
        """Let nobody use it any longer."""
        self._open_session = None

    @property
    def _session(self) -> Session:
        if self._open_session is None:
            raise StoreError("A snapshot ends with its block. Read or write within the block.")
        return self._open_session

    def count(self) -> int:
        return int(self._session.select("SELECT count(*) FROM listings")[0][0])

    def rows(self, since: int = 0) -> Int64:
        found = self._session.array(
            "SELECT row_no FROM listings WHERE revision > :since ORDER BY row_no",
            {"row_no": "i8"},
            since=since,
        )
        return _column(found, "row_no")

    def rows_of(self, ids: Sequence[str]) -> Int64:
        # What cannot be kept cannot be there; the database would not even be asked.
        asked = [id if storable(id) else "" for id in ids]
        found = self._session.array(
            "SELECT asked.place, l.row_no FROM {asked} CROSS JOIN listings l WHERE l.id = asked.id",
            {"place": "i8", "row_no": "i8"},
            asked,
        )
        rows = np.full(len(asked), -1, np.int64)
        rows[found["place"]] = found["row_no"]
        rows[[place for place, id in enumerate(ids) if not storable(id)]] = -1
        return rows

    def listings(self, rows: Int64 | None = None) -> KeptListings:
        if rows is None:
            found = self._session.select(f"SELECT {_LISTING} FROM listings l ORDER BY l.row_no")
        else:
            rows = as_rows(rows)
            found = self._session.select(
                f"SELECT {_LISTING} FROM {{asked}} CROSS JOIN listings l "
                "WHERE l.row_no = asked.row_no ORDER BY asked.place",
                rows,
            )
            if len(found) < len(rows):
                missing = set(rows.tolist()) - {row[0] for row in found}
                raise _no_row(min(missing))
        return _to_listings(found)

    def vectors(self, encoder: str, rows: Int64 | None = None) -> Vectors:
        number, kept = self.about.find(encoder)
        table, asked = vectors_table(number), None if rows is None else as_rows(rows)
        if kept.kind == "dense":
            like = np.empty((0, kept.width), kept.precision)
            return self._session.dense(table, like, asked)
        query = _some("v.row_no, v.value", f"{table} v", "v.row_no", asked)
        if kept.kind == "hash":
            found = self._session.array(query, {"row_no": "i8", "value": "i8"}, asked)
            return Vectors(_column(found, "row_no"), to_codes(_column(found, "value")))
        entries = self._session.select(query, asked)
        order = np.array([row for row, _ in entries], np.int64)
        return Vectors(order, bytes_to_rows([value for _, value in entries], kept.width))

    def edges(self, rows: Int64 | None = None) -> Edges:
        query, asked = "SELECT left_row, right_row, score FROM edges", None
        if rows is not None:
            asked, some = as_rows(rows), "(SELECT asked.row_no FROM {asked})"
            query += (
                f" WHERE left_row IN {some} UNION ALL {query} "
                f"WHERE right_row IN {some} AND left_row NOT IN {some}"
            )
        found = self._session.array(f"{query} ORDER BY 1, 2", _EDGE, asked)
        left, right = _column(found, "left_row"), _column(found, "right_row")
        return Edges(left, right, np.ascontiguousarray(found["score"]))

    def membership(self, rows: Int64 | None = None) -> Members:
        asked = None if rows is None else as_rows(rows)
        query = _some("m.row_no, m.cluster", "members m", "m.row_no", asked)
        return _to_members(self._session.array(query, _MEMBER, asked))

    def members(self, clusters: Int64) -> Members:
        asked = as_rows(clusters, "clusters")
        query = _some("m.row_no, m.cluster", "members m", "m.cluster", asked)
        return _to_members(self._session.array(f"{query}, m.row_no", _MEMBER, asked))

    def clusters(self, ids: Int64 | None = None) -> ClusterSpans:
        query, asked = "SELECT cluster, made, ended FROM clusters", None
        if ids is not None:
            asked = as_rows(ids, "clusters")
            query += " WHERE cluster IN (SELECT asked.row_no FROM {asked})"
        fields = {"cluster": "i8", "made": "i8", "ended": "i8"}
        found = self._session.array(f"{query} ORDER BY cluster", fields, asked)
        return ClusterSpans(*(_column(found, name) for name in fields))

    def events(self, since: int = 0, clusters: Int64 | None = None) -> Events:
        asked = None if clusters is None else as_rows(clusters, "clusters")
        some = "" if asked is None else "AND e.cluster IN (SELECT asked.row_no FROM {asked}) "
        found = self._session.select(
            "SELECT e.revision, r.at, e.kind, e.cluster, e.others FROM events e "
            "JOIN revisions r ON r.revision = e.revision "
            f"WHERE e.revision > :since {some}ORDER BY e.number",
            asked,
            since=since,
        )
        revisions, times, kinds, concerned, others = _columns(found, 5)
        when = {text: datetime.fromisoformat(text) for text in set(times)}
        return Events(
            np.array(revisions, np.int64),
            tuple(when[text] for text in times),
            tuple(kinds),
            np.array(concerned, np.int64),
            tuple(tuple(json.loads(text)) for text in others),
        )

    def decisions(self) -> tuple[Decision, ...]:
        found = self._session.select(
            "SELECT number, who, at, kind, model, undoes, note, same, different "
            "FROM decisions ORDER BY number"
        )
        return tuple(
            Decision(
                who,
                datetime.fromisoformat(at),
                kind,
                model,
                same=_pairs(same),
                different=_pairs(different),
                undoes=undoes,
                note=note,
                number=number,
            )
            for number, who, at, kind, model, undoes, note, same, different in found
        )

    def decisions_in_force(self) -> tuple[Decision, ...]:
        decisions = self.decisions()
        gone = undone(decisions)
        return tuple(one for one in decisions if one.undoes is None and one.number not in gone)

    def removed(self, since: int = 0) -> Removed:
        found = self._session.select(
            "SELECT id, revision FROM removed WHERE revision > :since ORDER BY revision, id",
            since=since,
        )
        ids, revisions = _columns(found, 2)
        return Removed(tuple(ids), np.array(revisions, np.int64))


def _some(columns: str, table: str, key: str, asked: Int64 | None) -> str:
    """A query for the rows asked, in that order, or for all by row."""
    if asked is None:
        return f"SELECT {columns} FROM {table} ORDER BY {key}"
    return (
        f"SELECT {columns} FROM {{asked}} CROSS JOIN {table} "
        f"WHERE {key} = asked.row_no ORDER BY asked.place"
    )


def _no_row(row: int) -> StoreError:
    return StoreError(f"The store has no row {row}. It may have been removed: read rows() anew.")


def _column(table: Any, name: str) -> Int64:
    return np.ascontiguousarray(table[name])


def _columns(rows: Sequence[tuple[Any, ...]], n: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * n


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((left, right) for left, right in json.loads(text))


def _to_members(found: Any) -> Members:
    return Members(_column(found, "row_no"), _column(found, "cluster"))


def _to_listings(found: Sequence[tuple[Any, ...]]) -> KeptListings:
    rows, ids, titles, digests, images, phashes, *rest = _columns(found, 12)
    *sides, extra, revisions = rest
    present = np.array([code is not None for code in phashes], np.bool_)
    signed = np.array([code or 0 for code in phashes], np.int64)
    return KeptListings(
        rows=np.array(rows, np.int64),
        ids=ids,
        titles=titles,
        digests=digests,
        images=images,
        phashes=Hashes(to_codes(signed), present),
        # None becomes NaN.
        boxes=np.array(sides, np.float32).reshape(4, len(rows)).T.copy(),
        extra=extra,
        revisions=np.array(revisions, np.int64),
    )
