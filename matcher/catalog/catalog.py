"""A catalogue that lasts: it grows, shrinks, answers and is corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np

from matcher.catalog import _changing, _deciding, _export, _views
from matcher.catalog._asking import encode_queries, find_closest, tell
from matcher.catalog._gallery import Gallery
from matcher.catalog._links import Links, in_force
from matcher.catalog._rebuilding import rebuild
from matcher.catalog._state import Keeper, State
from matcher.catalog.records import (
    Candidate,
    Changed,
    ClusterView,
    Ended,
    ReviewItem,
    Statistics,
)
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.store import Decision, KeptListings, Snapshot, Store
from matcher.types import Encoded, Listings

NO_ROWS = np.zeros(0, np.int64)


class Catalog:
    """Listings with their clusters, kept in a store; see ``create_catalog``, ``open_catalog``.

    Threads may share one. Queries run side by side, also beside a write; writes wait for each
    other, in other processes too, and raise StoreError after the timeout of ``open_catalog``.

    Args:
        store: What it is kept in; closed with the catalogue.
        state: What is in memory of it.
    """

    def __init__(self, store: Store, state: State) -> None:
        self._store, self._keeper = store, Keeper(state)

    @property
    def place(self) -> str:
        """The folder or address, without a password."""
        return self._store.place

    @property
    def config(self) -> RunConfig:
        """Settings it goes by."""
        return self._keeper.state.settings.config

    @property
    def left_out(self) -> Mapping[str, str]:
        """Parts of the config it was made with that it does not go by, and why."""
        return self._keeper.state.settings.left_out

    @property
    def model(self) -> str:
        """Fingerprint of settings and encoders, which decisions name."""
        return self._keeper.state.model

    @property
    def revision(self) -> int:
        """The write that was seen last."""
        gallery = self._keeper.state.gallery
        if gallery is not None:
            return gallery.revision
        with self._store.read() as snapshot:
            return snapshot.revision

    def add(self, listings: Listings, vectors: Mapping[str, Encoded] | None = None) -> Changed:
        """Add listings in one write.

        A listing that is there with the same title, picture, box and hash is left alone; one
        that is there with others takes its own place.

        Args:
            listings: What to add.
            vectors: By modality, what its encoder made of them; the others are encoded.

        Raises:
            DataError: If vectors are not one per listing.
            StoreError: If vectors are of another encoder, or nothing can be written.
        """
        with self._store.read() as snapshot:
            state, _ = self._keeper.see(snapshot, wait=True)
            prepared = _changing.Prepared.of(snapshot, state.encoders, listings, vectors)
            if not len(prepared.rows):
                return _changing.nothing_to_do(snapshot, prepared)
        with self._store.write() as write:
            new, gallery = self._keeper.before(write)
            if new.about.first != state.about.first:  # rebuilt meanwhile
                prepared = _changing.Prepared.of(
                    write, new.encoders, listings, None, prepared.digests
                )
            prepared = prepared.settled(write, new.encoders)
            links = Links(in_force(write.decisions()))
            gallery, changed = _changing.add(
                write, gallery, new.settings, new.encoders, links, prepared
            )
        self._publish(new, gallery)
        return changed

    def encode(
        self, listings: Listings, vectors: Mapping[str, Encoded] | None = None
    ) -> dict[str, Encoded]:
        """What its encoders make of listings, for ``add``; ``vectors`` are taken as they are."""
        with self._store.read() as snapshot:
            state, _ = self._keeper.see(snapshot)
        return state.encoders.encode(listings, given=vectors)

    def remove(self, ids: Sequence[str]) -> Changed:
        """Remove listings in one write; those that are not there are told as unknown."""
        ids = list(dict.fromkeys(ids))
        with self._store.read() as snapshot:
            if (snapshot.rows_of(ids) < 0).all():
                return Changed(snapshot.revision, unknown=tuple(ids))
        with self._store.write() as write:
            state, gallery = self._keeper.before(write)
            links = Links(in_force(write.decisions()))
            gallery, changed = _changing.remove(write, gallery, state.settings, links, ids)
        self._publish(state, gallery)
        return changed

    def query(self, listings: Listings, k: int = 10) -> list[list[Candidate]]:
        """Find the listings closest to others, which need not be in the catalogue.

        Candidates are what reaches the lowest score of a modality that proposes, or, of a query
        of which nothing does, the closest that reach half of it.

        Args:
            listings: What to ask for; all are encoded together.
            k: Most candidates of each.

        Returns:
            For each listing its best candidates, best first; also those below 0.5.

        Raises:
            ConfigError: If ``k`` is below 1.
        """
        if k < 1:
            raise ConfigError(f"k must be at least 1. Received: {k}.")
        with self._store.read() as snapshot:
            state, gallery = self._keeper.see(snapshot)
        queries = encode_queries(state.encoders, state.settings, listings)
        found = find_closest(gallery, queries, k)
        rows = [segment.block.rows[hits.places] for segment, hits in found]
        with self._store.read() as snapshot:
            held = snapshot.membership(np.unique(np.concatenate([*rows, NO_ROWS])))
            platt = self._keeper.platt(snapshot)
        clusters = dict(zip(held.rows.tolist(), held.clusters.tolist(), strict=True))
        return tell(found, queries, clusters, platt)

    def listings(self, ids: Sequence[str]) -> KeptListings:
        """Listings as they are kept.

        Raises:
            DataError: If one is not there.
        """
        with self._store.read() as snapshot:
            return snapshot.listings(_deciding.known_rows(snapshot, ids))

    def cluster(self, cluster: int) -> ClusterView | Ended | None:
        """A cluster; where its listings are if it has ended; None if there never was one."""
        with self._store.read() as snapshot:
            state = self._settled(snapshot)
            return _views.view_cluster(snapshot, state, cluster)

    def cluster_of(self, id: str) -> int | None:
        """Cluster of a listing; None if it is not there."""
        with self._store.read() as snapshot:
            row = snapshot.rows_of([id])
            return int(snapshot.membership(row).clusters[0]) if row[0] >= 0 else None

    def clusters(self, min_size: int = 2, offset: int = 0, limit: int = 50) -> list[ClusterView]:
        """Clusters of ``min_size`` listings or more, largest first, then by id."""
        with self._store.read() as snapshot:
            state = self._settled(snapshot)
            ids = _views.largest(snapshot, min_size)[offset : offset + limit]
            return [_views.view_living(snapshot, state, id) for id in ids]

    def review(self, n: int = 20) -> list[ReviewItem]:
        """The ``n`` clusters that hang by the weakest edges; not those accepted as they are."""
        with self._store.read() as snapshot:
            return _views.weakest(snapshot, *self._keeper.exactly(snapshot), n)

    def accept(self, cluster: int, who: str, note: str = "") -> int:
        """Decide that all listings of a cluster are the same product.

        Returns:
            Number of the decision, as the other decisions do.

        Raises:
            DataError: If there is no such cluster, it has one listing only, or other decisions
                stand against it; then nothing is written.
        """
        return self._decide("accept", who, note, _deciding.Accept(cluster))

    def reject(self, left: str, right: str, who: str, note: str = "") -> int:
        """Decide that two listings are different products; see ``accept``."""
        return self._decide("reject", who, note, _deciding.Reject(left, right))

    def split(self, cluster: int, out: Sequence[str], who: str, note: str = "") -> int:
        """Decide that some listings of a cluster are one product, and not that of the rest."""
        return self._decide("split", who, note, _deciding.Split(cluster, tuple(out)))

    def merge(self, clusters: Sequence[int], who: str, note: str = "") -> int:
        """Decide that all listings of several clusters are the same product."""
        return self._decide("merge", who, note, _deciding.Merge(tuple(clusters)))

    def undo(self, number: int, who: str, note: str = "") -> int:
        """Take back a decision; an undo may be taken back as well."""
        return self._decide("undo", who, note, _deciding.Undo(number))

    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, undone ones and undos included, oldest first."""
        with self._store.read() as snapshot:
            return snapshot.decisions()

    def statistics(self) -> Statistics:
        """The catalogue in numbers."""
        with self._store.read() as snapshot:
            return _views.count(snapshot)

    def refresh(self) -> bool:
        """See what other processes wrote; whether there was anything. ``query`` does so itself."""
        before = self._keeper.state
        with self._store.read() as snapshot:
            state, gallery = self._keeper.see(snapshot, wait=True)
        old = before.gallery
        return old is None or gallery.revision != old.revision or state.about != before.about

    def export(self, out: str | Path) -> list[Path]:
        """Write clusters.csv, pairs.csv, decisions.csv and events.csv into a folder.

        ``decisions.csv`` is what ``--decisions`` reads; decisions about listings that are not
        there are in ``waiting.csv``, if there are any.

        Raises:
            StoreError: If it cannot be written; what was there before is as it was.
        """
        with self._store.read() as snapshot:
            return _export.export(snapshot, self._settled(snapshot), Path(out))

    def rebuild(self, config: Any = None) -> Changed:
        """Learn anew from the listings that are there, and find all pairs and clusters anew.

        Cluster ids live on and decisions hold. Encoders that learn nothing, and have not changed,
        keep their vectors: no picture is read again. Other writes wait.

        Args:
            config: As for ``create_catalog``; None for the settings it has.

        Raises:
            BackendError: If none of the encoders can run.
            ConfigError: If a setting is wrong, or looks at the whole table.
        """
        with self._store.write() as write:
            before, _ = self._keeper.before(write)
            state, gallery, changed = rebuild(write, before, config)
        self._publish(state, gallery)
        return changed

    def close(self) -> None:
        """Let go of files and connections."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _decide(self, kind: Any, who: str, note: str, what: _deciding.Wish) -> int:
        if not who.strip():
            raise DataError("A decision names the person who made it. Received no name.")
        with self._store.write() as write:
            state, gallery = self._keeper.before(write)
            terms = what.terms(write)
            made = Decision(who.strip(), datetime.now(UTC), kind, state.model, *terms, note=note)
            number = _deciding.decide(write, gallery, state.settings, made)
            gallery = Gallery(write.revision, gallery.segments)
        self._publish(state, gallery)
        return number

    def _settled(self, snapshot: Snapshot) -> State:
        """Settings and encoders of a snapshot; its listings need not be in memory."""
        state = self._keeper.state
        return state if state.about.first == snapshot.about.first else State.of(snapshot.about)

    def _publish(self, state: State, gallery: Gallery) -> None:
        self._keeper.publish(state.with_gallery(gallery))
