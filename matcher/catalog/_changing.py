"""Adding and removing listings, in one write of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.catalog._content import digest_contents, title_problems, to_columns
from matcher.catalog._encoders import Encoders
from matcher.catalog._finding import MOST_EDGES, find_edges
from matcher.catalog._gallery import Gallery
from matcher.catalog._links import Links
from matcher.catalog._regrowing import Touched, regrow
from matcher.catalog._segments import Block
from matcher.catalog._settings import CatalogSettings
from matcher.catalog.records import Changed
from matcher.jobs.encoding import take_listings
from matcher.search import take_rows
from matcher.store import Edges, Snapshot, Transaction
from matcher.store.records import Values
from matcher.types import Encoded, Hashes, Int64, Listings

CROWDED = f"like more than {MOST_EDGES} others: only its {MOST_EDGES} closest pairs count"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Listings to add, encoded before the write begins.

    Attributes:
        listings: All of them.
        digests: Of their contents.
        rows: Those that are encoded, ascending.
        encoded: By modality, of ``rows``.
    """

    listings: Listings
    digests: Sequence[str]
    rows: Int64
    encoded: Mapping[str, Encoded]

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        encoders: Encoders,
        listings: Listings,
        vectors: Mapping[str, Encoded] | None,
        digests: Sequence[str] | None = None,
    ) -> Prepared:
        """Encode the listings that the store does not have yet."""
        digests = digest_contents(listings) if digests is None else digests
        rows = np.flatnonzero(~_unchanged(snapshot, listings, digests))
        encoded = _encode(encoders, listings, rows, vectors or {})
        return cls(listings, digests, rows, encoded)

    def settled(self, snapshot: Snapshot, encoders: Encoders) -> Prepared:
        """The same for what the store lacks now: another process may have removed something."""
        rows = np.flatnonzero(~_unchanged(snapshot, self.listings, self.digests))
        if np.array_equal(rows, self.rows):
            return self
        if np.isin(rows, self.rows).all():
            at = np.searchsorted(self.rows, rows)
            encoded = {name: take_rows(table, at) for name, table in self.encoded.items()}
            return Prepared(self.listings, self.digests, rows, encoded)
        encoded = _encode(encoders, self.listings, rows, {})
        return Prepared(self.listings, self.digests, rows, encoded)


def _unchanged(snapshot: Snapshot, listings: Listings, digests: Sequence[str]) -> np.ndarray:
    """Whether a listing is there with the same content, shape ``(n,)``."""
    rows = snapshot.rows_of(listings.ids)
    there = np.flatnonzero(rows >= 0)
    same = np.zeros(len(listings), np.bool_)
    if there.size:
        kept = snapshot.listings(rows[there]).digests
        pairs = zip(there.tolist(), kept, strict=True)
        same[there] = [digests[at] == digest for at, digest in pairs]
    return same


def _encode(
    encoders: Encoders, listings: Listings, rows: Int64, vectors: Mapping[str, Encoded]
) -> dict[str, Encoded]:
    """Encode some rows; those given are taken as they are."""
    if len(rows) == len(listings):
        return encoders.encode(listings, given=vectors)
    encoders.check(vectors, len(listings))
    given = {name: take_rows(table, rows) for name, table in vectors.items()}
    return encoders.encode(take_listings(listings, rows.tolist()), given=given)


def add(
    write: Transaction,
    gallery: Gallery,
    settings: CatalogSettings,
    encoders: Encoders,
    links: Links,
    prepared: Prepared,
) -> tuple[Gallery, Changed]:
    """Add listings; those with an id that is there take its place."""
    listings, rows = prepared.listings, prepared.rows
    old = write.rows_of([listings.ids[row] for row in rows.tolist()])
    replaced = old[old >= 0]
    held = write.membership(replaced)
    was = dict(zip(held.rows.tolist(), held.clusters.tolist(), strict=True))
    gallery, touched = take_out(write, gallery, settings, replaced)
    given = write.add_listings(to_columns(listings, rows.tolist(), prepared.digests))
    for kept in encoders.kept:
        encoded = prepared.encoded[kept.name]
        has = np.flatnonzero(encoded.present)
        write.add_vectors(kept.name, kept.fingerprint, given[has], _values(encoded, has))
    kept_now = write.listings(given)
    images = kept_now.images or ()
    block = Block(given, kept_now.ids, kept_now.titles, images, prepared.encoded, settings)
    gallery = gallery.with_block(block, write.revision)
    crowded: frozenset[int] = frozenset()
    if len(given):
        found = find_edges(gallery, gallery.segments[-1])
        write.add_edges(found.edges)
        crowded = found.crowded
    pairs = zip(given.tolist(), old.tolist(), strict=True)
    moved = {new: was[row] for new, row in pairs if row in was}
    seeds = np.concatenate([touched.rows, given])
    regrow(write, gallery, settings, links, Touched(seeds, touched.clusters, moved))
    names = {int(row): id for row, id in zip(given, block.ids, strict=True)}
    problems = _problems(prepared) | {names[row]: CROWDED for row in sorted(crowded)}
    return gallery, _told(write, prepared, old, problems)


def nothing_to_do(snapshot: Snapshot, prepared: Prepared) -> Changed:
    """What to tell where all listings are there already."""
    return _told(snapshot, prepared, np.zeros(0, np.int64), _problems(prepared))


def remove(
    write: Transaction,
    gallery: Gallery,
    settings: CatalogSettings,
    links: Links,
    ids: Sequence[str],
) -> tuple[Gallery, Changed]:
    """Remove listings; those that are not there are told as unknown."""
    rows = write.rows_of(ids)
    gallery, touched = take_out(write, gallery, settings, rows[rows >= 0])
    regrow(write, gallery, settings, links, touched)
    pairs = list(zip(ids, (rows >= 0).tolist(), strict=True))
    gone, unknown = (tuple(id for id, has in pairs if has is there) for there in (True, False))
    return gallery, Changed(write.revision, removed=gone, unknown=unknown)


def take_out(
    write: Transaction, gallery: Gallery, settings: CatalogSettings, rows: Int64
) -> tuple[Gallery, Touched]:
    """Take out listings; the oldest copy that stays takes over the edges of one that goes.

    Returns:
        The gallery without them, and what they had to do with.
    """
    if not len(rows):
        return Gallery(write.revision, gallery.segments), Touched(rows)
    rows = np.unique(rows)
    heads = np.unique(gallery.heads(rows))
    edges = write.edges(heads)
    keys = dict(zip(heads.tolist(), gallery.keys(heads), strict=True))
    clusters = set(write.membership(rows).clusters.tolist())
    smaller = gallery.without(rows, write.revision)
    gone = set(rows.tolist())
    heirs = {h: _heir(smaller, keys[h]) for h in heads.tolist() if h in gone}
    write.remove_listings(rows)
    write.add_edges(_handed_on(edges, heirs))
    ends = np.concatenate([edges.left, edges.right, list(heirs.values())]).astype(np.int64)
    near = np.setdiff1d(ends, np.append(rows, -1))
    return smaller, Touched(near, clusters)


def _heir(gallery: Gallery, key: bytes | None) -> int:
    """The oldest copy that is left; -1 for none."""
    return -1 if key is None else gallery.first(key)


def _handed_on(edges: Edges, heirs: Mapping[int, int]) -> Edges:
    """Edges of those that go, as edges of their heirs."""
    if not heirs:
        return Edges(edges.left[:0], edges.right[:0], edges.scores[:0])
    gone = np.array(sorted(heirs), np.int64)
    to = np.array([heirs[row] for row in sorted(heirs)], np.int64)
    ends = np.stack([edges.left, edges.right])
    at = np.minimum(np.searchsorted(gone, ends), len(gone) - 1)
    concerned = gone[at] == ends
    ends = np.sort(np.where(concerned, to[at], ends), axis=0)
    kept = concerned.any(axis=0) & (ends >= 0).all(axis=0)
    order = np.lexsort(ends[::-1, kept])
    left, right = ends[:, kept][:, order]
    return Edges(left, right, edges.scores[kept][order])


def _values(encoded: Encoded, rows: Int64) -> Values:
    """What the store keeps of some rows."""
    table = take_rows(encoded, rows)
    return table.codes if isinstance(table, Hashes) else table.vectors


def _problems(prepared: Prepared) -> dict[str, str]:
    """What was wrong with a listing, by id; the first thing where there are several."""
    listings, problems = prepared.listings, dict[str, str]()
    sources: list[tuple[Mapping[int, str], Sequence[int]]] = [
        (listings.problems, range(len(listings))),
        (title_problems(listings), range(len(listings))),
    ]
    rows = prepared.rows.tolist()
    sources += [(table.problems, rows) for table in prepared.encoded.values()]
    for found, at in sources:
        for row, reason in found.items():
            problems.setdefault(listings.ids[at[row]], reason)
    return problems


def _told(
    snapshot: Snapshot, prepared: Prepared, old: Int64, problems: Mapping[str, str]
) -> Changed:
    ids, rows = prepared.listings.ids, prepared.rows.tolist()
    new = set(rows)
    there = snapshot.rows_of(ids)
    held = snapshot.membership(there)
    clusters = dict(zip(held.rows.tolist(), held.clusters.tolist(), strict=True))
    return Changed(
        snapshot.revision,
        added=tuple(ids[row] for row, was in zip(rows, old.tolist(), strict=True) if was < 0),
        unchanged=tuple(id for row, id in enumerate(ids) if row not in new),
        replaced=tuple(ids[row] for row, was in zip(rows, old.tolist(), strict=True) if was >= 0),
        clusters={id: clusters[row] for id, row in zip(ids, there.tolist(), strict=True)},
        problems=problems,
    )
