"""All listings in memory, as one revision of the store has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from matcher.catalog._encoders import Encoders
from matcher.catalog._segments import Block, Segment, join
from matcher.catalog._settings import CatalogSettings
from matcher.store import KeptEncoder, KeptListings, Snapshot, Vectors
from matcher.types import Embeddings, Encoded, Float32, Hashes, Int64

# A segment that is more than this share of the one before it is joined with it.
SHARE = 10
# Dead rows, as a share of a segment, from which it is made anew.
DEAD_SHARE = 10
# Listings whose joining takes long enough to be done aside.
LARGE = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Segments by ascending row; each is much smaller than the one before it.

    Attributes:
        revision: Of the store.
        segments: None is empty of rows.
    """

    revision: int
    segments: tuple[Segment, ...] = ()

    def with_block(self, block: Block, revision: int) -> Gallery:
        """The same with newer listings."""
        added = (Segment.of(block),) if len(block) else ()
        return Gallery(revision, (*self.segments, *added))

    def without(self, rows: Int64, revision: int) -> Gallery:
        """The same without some rows."""
        if not len(rows):
            return Gallery(revision, self.segments)
        return Gallery(revision, tuple(segment.without(rows) for segment in self.segments))

    def tidied(self, large: bool = False) -> Gallery:
        """The same with segments joined that are too many or hold too much that is dead.

        Args:
            large: Whether segments may be joined that take seconds.
        """
        segments = list(self.segments)
        place = len(segments) - 1
        while place >= 0:
            first = place - 1 if place and _belong(segments[place - 1], segments[place]) else place
            worn = _is_worn(segments[place])
            size = sum(len(segment.block) for segment in segments[first : place + 1])
            if (first < place or worn) and (large or size <= LARGE):
                joined = join(segments[first : place + 1])
                segments[first : place + 1] = [joined] if len(joined.block) else []
                place = len(segments)
            place -= 1
        return Gallery(self.revision, tuple(segments))

    def is_tidy(self) -> bool:
        """Whether there is nothing to join."""
        pairs = zip(self.segments, self.segments[1:], strict=False)
        return not (any(map(_is_worn, self.segments)) or any(_belong(*pair) for pair in pairs))

    def with_joined(self, old: Gallery, tidy: Gallery) -> Gallery | None:
        """The same with segments of an older state joined; None if they are others by now.

        Args:
            old: The older state.
            tidy: The same, joined.
        """
        n = len(old.segments)
        mine = [segment.block for segment in self.segments[:n]]
        theirs = [segment.block for segment in old.segments]
        if len(mine) < n or any(a is not b for a, b in zip(mine, theirs, strict=True)):
            return None
        dead = np.concatenate([s.block.rows[~s.alive] for s in self.segments[:n]])
        joined = tuple(segment.without(dead) for segment in tidy.segments)
        return Gallery(self.revision, (*joined, *self.segments[n:]))

    def rows_of_ids(self, ids: Iterable[str]) -> Int64:
        """Rows of the listings of those ids that are there."""
        found = []
        for id in ids:
            for segment in self.segments:
                place = segment.block.place_of_id.get(id)
                if place is not None and segment.alive[place]:
                    found.append(int(segment.block.rows[place]))
        return np.array(found, np.int64)

    def locate(self, rows: Int64) -> list[tuple[Segment, Int64, Int64]]:
        """Where rows are: a segment, positions in it, and their places in ``rows``."""
        found = []
        for segment in self.segments:
            held = segment.block.rows
            at = np.minimum(np.searchsorted(held, rows), len(held) - 1)
            here = np.flatnonzero((held[at] == rows) & segment.alive[at])
            if here.size:
                found.append((segment, at[here], here))
        return found

    def kind(self, key: bytes) -> Int64:
        """Rows of all listings of one kind, ascending."""
        found = [s.block.rows[s.copies(key)] for s in self.segments if key in s.block.places]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def first(self, key: bytes) -> int:
        """Row of the oldest listing of one kind; -1 where there is none."""
        for segment in self.segments:
            for place in segment.block.places.get(key, ()):
                if segment.alive[place]:
                    return int(segment.block.rows[place])
        return -1

    def keys(self, rows: Int64) -> list[bytes | None]:
        """Key of each row; None for what has no copies, and for what is not there."""
        keys: list[bytes | None] = [None] * len(rows)
        for segment, at, here in self.locate(rows):
            own = segment.block.keys
            for place, position in zip(here.tolist(), at.tolist(), strict=True):
                keys[place] = own[position]
        return keys

    def heads(self, rows: Int64) -> Int64:
        """For each row the oldest listing of its kind: the one whose edges are kept."""
        keys = self.keys(rows)
        pairs = zip(rows.tolist(), keys, strict=True)
        return np.array([row if key is None else self.first(key) for row, key in pairs], np.int64)

    def ids(self, rows: Int64) -> list[str]:
        """Ids of rows that are there."""
        found = [""] * len(rows)
        for segment, at, here in self.locate(rows):
            for place, position in zip(here.tolist(), at.tolist(), strict=True):
                found[place] = segment.block.ids[position]
        return found

    def own_scores(self, rows: Int64) -> Float32:
        """Fused score of each row with itself."""
        found = np.zeros(len(rows), np.float32)
        for segment, at, here in self.locate(rows):
            found[here] = segment.block.own_scores[at]
        return found


def _is_worn(segment: Segment) -> bool:
    """Whether a segment holds too much that is dead."""
    return segment.n_dead * DEAD_SHARE > len(segment.block)


def _belong(before: Segment, after: Segment) -> bool:
    """Whether a segment is large enough to be joined with the one before it."""
    return len(after.block) * SHARE > len(before.block)


def read_block(
    snapshot: Snapshot, settings: CatalogSettings, encoders: Encoders, rows: Int64 | None = None
) -> Block:
    """Read listings and their vectors, all or those of some rows, ascending."""
    listings = snapshot.listings(rows)
    encoded = {
        kept.name: read_encoded(snapshot, kept, encoders, listings.rows) for kept in encoders.kept
    }
    return make_block(listings, encoded, settings)


def make_block(
    listings: KeptListings, encoded: Mapping[str, Encoded], settings: CatalogSettings
) -> Block:
    """Listings with their vectors."""
    images: Sequence[str | None] = listings.images or ()
    return Block(listings.rows, listings.ids, listings.titles, images, encoded, settings)


def read_encoded(snapshot: Snapshot, kept: KeptEncoder, encoders: Encoders, rows: Int64) -> Encoded:
    """Vectors of rows as the encoder gave them; all rows of the store if that many are asked."""
    everything = len(rows) == snapshot.count()
    found = snapshot.vectors(kept.name, None if everything else rows)
    at = np.searchsorted(rows, found.rows)
    return _spread(found, at, len(rows), kept, encoders.terms(kept))


def _spread(
    found: Vectors, at: Int64, n: int, kept: KeptEncoder, terms: tuple[str, ...]
) -> Encoded:
    """Vectors in the places ``at`` of ``n``; the others have none."""
    values = found.values
    if kept.kind == "hash":
        codes, present = np.zeros(n, np.uint64), np.zeros(n, np.bool_)
        codes[at], present[at] = values, True
        return Hashes(codes, present, kept.fingerprint)
    if isinstance(values, np.ndarray):
        dense = np.zeros((n, kept.width), np.float32)
        dense[at] = values
        return Embeddings(dense, kept.fingerprint, terms=terms)
    sizes = np.zeros(n, np.int64)
    sizes[at] = np.diff(values.indptr)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(values.indptr.dtype)
    vectors = csr_array((values.data, values.indices, indptr), shape=(n, kept.width))
    return Embeddings(vectors, kept.fingerprint, terms=terms)
