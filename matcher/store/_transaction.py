"""Writing, for every database that understands SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError
from matcher.store._checks import (
    as_rows,
    check_edges,
    check_encoder,
    check_lengths,
    check_listings,
    check_once,
    check_texts,
    check_values,
)
from matcher.store._session import Session
from matcher.store._snapshot import SqlSnapshot, _no_row
from matcher.store._tables import add_encoders, vectors_table
from matcher.store._values import rows_to_bytes, to_signed
from matcher.store.records import (
    EVENT_KINDS,
    About,
    Decision,
    Edges,
    KeptEncoder,
    ListingColumns,
    Values,
    undone,
)
from matcher.types import Int64

_COUNTERS = ("row_no", "cluster", "event", "decision")
_BOX = ("box_x", "box_y", "box_width", "box_height")


class SqlTransaction(SqlSnapshot):
    """One write; see ``matcher.store.protocol.Transaction``."""

    def __init__(self, session: Session, about: About, at: datetime | None) -> None:
        super().__init__(session, about)
        self.revision += 1
        when = (at or datetime.now(UTC)).astimezone(UTC).isoformat()
        session.insert("revisions", {"revision": [self.revision], "at": [when]})
        self._failed = False
        given = session.select(f"SELECT {', '.join(_COUNTERS)} FROM counters")[0]
        self._given = dict(zip(_COUNTERS, given, strict=True))

    def finish(self) -> None:
        """Write the counters, last of all.

        Raises:
            StoreError: If something in the transaction had failed.
        """
        if self._failed:
            raise StoreError("Part of this write failed, so none of it is kept. Write it again.")
        settings = ", ".join(f"{name} = :{name}" for name in _COUNTERS)
        self._session.execute(
            f"UPDATE counters SET revision = :revision, {settings}",
            revision=self.revision,
            **self._given,
        )

    def add_listings(self, listings: ListingColumns) -> Int64:
        check_listings(listings)
        there = np.flatnonzero(self.rows_of(listings.ids) >= 0)
        if there.size:
            raise StoreError(
                f"The store has a listing {listings.ids[there[0]]!r} already. "
                "Remove it first, or leave it out."
            )
        n, nothing = len(listings), [None] * len(listings)
        rows = self._number("row_no", n)
        phashes: Sequence[int | None] = nothing
        if listings.phashes is not None:
            codes = to_signed(listings.phashes.codes).tolist()
            present = listings.phashes.present.tolist()
            phashes = [code if has else None for code, has in zip(codes, present, strict=True)]
        sides: list[list[float | None]] = [list(nothing) for _ in _BOX]
        if listings.boxes is not None:
            boxes = np.asarray(listings.boxes, np.float32).T
            # NaN is equal to nothing, not even itself.
            sides = [[x if x == x else None for x in side] for side in boxes.tolist()]
        with self._writing():
            self._session.insert(
                "listings",
                {
                    "row_no": rows.tolist(),
                    "id": listings.ids,
                    "digest": listings.digests,
                    "title": listings.titles,
                    "image": nothing if listings.images is None else listings.images,
                    "phash": phashes,
                    **dict(zip(_BOX, sides, strict=True)),
                    "extra": ["{}"] * n if listings.extra is None else listings.extra,
                    "revision": [self.revision] * n,
                },
            )
        return rows

    def add_vectors(self, encoder: str, fingerprint: str, rows: Int64, values: Values) -> None:
        number, kept = self.about.find(encoder)
        check_encoder(kept, fingerprint)
        rows = as_rows(rows)
        values = check_values(kept, len(rows), values)
        self._check_rows(rows)
        check_once(rows.tolist(), "Row")
        table = vectors_table(number)
        there = self._session.select(
            f"SELECT row_no FROM {table} WHERE row_no IN (SELECT asked.row_no FROM {{asked}}) "
            "LIMIT 1",
            rows,
        )
        if there:
            raise StoreError(f"Row {there[0][0]} has a vector of {encoder!r} already.")
        with self._writing():
            if isinstance(values, np.ndarray):
                arrays: dict[str, NDArray[Any]] = {"row_no": rows, "value": to_signed(values)}
                self._session.insert_arrays(table, arrays)
            else:
                kept_rows = {"row_no": rows.tolist(), "value": rows_to_bytes(values)}
                self._session.insert(table, kept_rows)

    def add_edges(self, edges: Edges) -> None:
        edges = check_edges(edges)
        self._check_rows(np.unique(np.concatenate([edges.left, edges.right])))
        columns: dict[str, NDArray[Any]] = {
            "left_row": edges.left,
            "right_row": edges.right,
            "score": edges.scores,
        }
        with self._writing():
            self._session.insert_arrays("edges", columns)

    def remove_listings(self, rows: Int64) -> None:
        rows = np.unique(as_rows(rows))
        self._check_rows(rows)
        some = "IN (SELECT asked.row_no FROM {asked})"
        of_a_row = ["members", *self._vectors_tables()]
        with self._writing():
            self._session.execute(
                "INSERT INTO removed SELECT id, :revision FROM listings l "
                f"WHERE l.row_no {some} AND NOT EXISTS (SELECT 1 FROM removed r "
                "WHERE r.id = l.id AND r.revision = :revision)",
                rows,
                revision=self.revision,
            )
            self._session.execute(f"DELETE FROM edges WHERE left_row {some}", rows)
            self._session.execute(f"DELETE FROM edges WHERE right_row {some}", rows)
            for table in (*of_a_row, "listings"):
                self._session.execute(f"DELETE FROM {table} WHERE row_no {some}", rows)

    def add_clusters(self, n: int) -> Int64:
        ids = self._number("cluster", n)
        made, ended = np.full(n, self.revision), np.zeros(n, np.int64)
        with self._writing():
            columns = {"cluster": ids, "made": made, "ended": ended}
            self._session.insert_arrays("clusters", columns)
        return ids

    def end_clusters(self, ids: Int64) -> None:
        ids = as_rows(ids, "clusters")
        self._check_living(ids)
        held = self.members(ids)
        if len(held.rows):
            raise StoreError(
                f"Cluster {held.clusters[0]} cannot end: row {held.rows[0]} is in it. "
                "Assign its members to others first."
            )
        with self._writing():
            self._session.execute(
                "UPDATE clusters SET ended = :revision "
                "WHERE cluster IN (SELECT asked.row_no FROM {asked})",
                ids,
                revision=self.revision,
            )

    def assign(self, rows: Int64, clusters: Int64) -> None:
        rows, clusters = as_rows(rows), as_rows(clusters, "clusters")
        check_lengths({"rows": len(rows), "clusters": len(clusters)})
        check_once(rows.tolist(), "Row")
        self._check_rows(rows)
        self._check_living(np.unique(clusters))
        with self._writing():
            self._session.execute(
                "DELETE FROM members WHERE row_no IN (SELECT asked.row_no FROM {asked})", rows
            )
            self._session.insert_arrays("members", {"row_no": rows, "cluster": clusters})

    def add_events(
        self, kinds: Sequence[str], clusters: Int64, others: Sequence[Sequence[int]]
    ) -> None:
        clusters, n = as_rows(clusters, "clusters"), len(kinds)
        check_lengths({"kinds": n, "clusters": len(clusters), "others": len(others)})
        unknown = set(kinds) - set(EVENT_KINDS)
        if unknown:
            known = ", ".join(EVENT_KINDS)
            raise StoreError(f"An event is one of {known}. Received: {min(unknown)!r}.")
        wrong = np.flatnonzero((clusters < 1) | (clusters > self._given["cluster"]))
        if wrong.size:
            raise StoreError(f"Cluster {clusters[wrong[0]]} was never made.")
        with self._writing():
            self._session.insert(
                "events",
                {
                    "number": self._number("event", n).tolist(),
                    "revision": [self.revision] * n,
                    "kind": kinds,
                    "cluster": clusters.tolist(),
                    "others": [json.dumps([int(other) for other in some]) for some in others],
                },
            )

    def add_decision(self, decision: Decision) -> int:
        if decision.undoes is not None:
            self._check_undo(decision.undoes)
        check_texts([decision.who, decision.model, decision.note], "a decision's text")
        check_texts([id for pair in decision.same + decision.different for id in pair], "id")
        number = int(self._number("decision", 1)[0])
        row = {
            "number": number,
            "who": decision.who,
            "at": decision.when.astimezone(UTC).isoformat(),
            "model": decision.model,
            "kind": decision.kind,
            "same": json.dumps(decision.same),
            "different": json.dumps(decision.different),
            "undoes": decision.undoes,
            "note": decision.note,
        }
        with self._writing():
            self._session.insert("decisions", {name: [value] for name, value in row.items()})
        return number

    def replace_encoders(self, config: str, encoders: Sequence[KeptEncoder]) -> None:
        old, types = self.about, self._session.types(encoders)
        first = old.first + len(old.encoders)
        about = replace(old, config=config, encoders=tuple(encoders), first=first)
        with self._writing():
            for table in self._vectors_tables():
                self._session.execute(f"DROP TABLE {table}")
            self._session.execute("DELETE FROM edges")
            self._session.execute("DELETE FROM encoders")
            add_encoders(self._session, about.encoders, types, about.first)
            self._session.execute("UPDATE about SET config = :config", config=config)
            self.about = about

    def _vectors_tables(self) -> list[str]:
        first = self.about.first
        return [vectors_table(first + place) for place in range(len(self.about.encoders))]

    def _number(self, counter: str, n: int) -> Int64:
        """The next n numbers, from 1 on."""
        if n < 0:
            raise StoreError(f"n must be 0 or more. Received: {n}.")
        first = self._given[counter] + 1
        self._given[counter] += n
        return np.arange(first, first + n, dtype=np.int64)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Remember a failure: what it left may be half, so the whole must not be kept."""
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def _check_rows(self, rows: Int64) -> None:
        missing = self._session.select(
            "SELECT asked.row_no FROM {asked} LEFT JOIN listings l ON l.row_no = asked.row_no "
            "WHERE l.row_no IS NULL ORDER BY asked.place LIMIT 1",
            rows,
        )
        if missing:
            raise _no_row(missing[0][0])

    def _check_living(self, clusters: Int64) -> None:
        found = self.clusters(clusters)
        living = set(found.ids[found.ended == 0].tolist())
        dead = next((one for one in clusters.tolist() if one not in living), None)
        if dead is not None:
            raise StoreError(f"Cluster {dead} has ended or was never made.")

    def _check_undo(self, number: int) -> None:
        decisions = self.decisions()
        found = next((one for one in decisions if one.number == number), None)
        if found is None:
            raise StoreError(f"There is no decision {number} to undo.")
        if number in undone(decisions):
            raise StoreError(f"Decision {number} is undone already.")
