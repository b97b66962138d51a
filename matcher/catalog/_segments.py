"""Listings in memory: segments that never change, but for which of their rows still live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, vstack

from matcher.catalog._settings import CatalogSettings
from matcher.fusion import VetoingFusion
from matcher.search import (
    JoinIndex,
    ReadyExactIndex,
    ReadySparseIndex,
    make_ready,
    pair_scores,
    take_rows,
)
from matcher.types import Bool, Embeddings, Encoded, Float32, Hashes, Int64, ScoredPairs

KEY_BYTES = 16
# Inverted lists are made for this share of a modality's lowest score: a query asks for all of it,
# and now and then for half.
LISTS_FOR = 0.75


class Copies(NamedTuple):
    """Kinds of listings, by the position of the first of each.

    Attributes:
        firsts: Those positions, ascending, shape ``(m,)``.
        number: For each listing which of the ``m`` it is, shape ``(n,)``.
        places: Positions of all listings, kind by kind, ascending within one.
        starts: Where each kind begins in ``places``.
        sizes: How many listings each has.
    """

    firsts: Int64
    number: Int64
    places: Int64
    starts: Int64
    sizes: Int64


class Block:
    """Listings, ascending by row of the store, with all that is compared. Never changes.

    Copies are listings that are the same in every modality, and that the fusion takes for one
    product. Each kind of listing is searched once.

    Args:
        rows: Rows of the store, shape ``(n,)``.
        ids: Of the listings.
        titles: Of the listings.
        images: References of their pictures.
        encoded: By modality.
        settings: How a listing is scored with itself.
    """

    def __init__(
        self,
        rows: Int64,
        ids: Sequence[str],
        titles: Sequence[str],
        images: Sequence[str | None],
        encoded: Mapping[str, Encoded],
        settings: CatalogSettings,
    ) -> None:
        self.rows, self.settings = rows, settings
        self.ids, self.titles, self.images = tuple(ids), tuple(titles), tuple(images)
        self.encoded = dict(encoded)
        self.present = {name: table.present for name, table in encoded.items()}
        self.own_scores = self._score_with_itself(settings.config.fusion)
        self._indexes: dict[str, JoinIndex] = {}
        self._making = Lock()

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def keys(self) -> list[bytes | None]:
        """What is equal for copies only; None for a listing that can have none."""
        parts = [row_bytes(encoded) for encoded in self.encoded.values()]
        has = np.flatnonzero(self.own_scores >= self.settings.copies).tolist()
        keys: list[bytes | None] = [None] * len(self)
        for row in has:
            digest = blake2b(digest_size=KEY_BYTES)
            for part in parts:
                digest.update(len(part[row]).to_bytes(4, "little") + part[row])
            keys[row] = digest.digest()
        return keys

    @cached_property
    def places(self) -> dict[bytes, list[int]]:
        """Positions of each key, ascending."""
        found: dict[bytes, list[int]] = {}
        for place, key in enumerate(self.keys):
            if key is not None:
                found.setdefault(key, []).append(place)
        return found

    @cached_property
    def place_of_id(self) -> dict[str, int]:
        """Position of each id."""
        return {id: place for place, id in enumerate(self.ids)}

    @cached_property
    def copies(self) -> Copies:
        """Which listings are the same."""
        places = enumerate(self.keys)
        first = [place if key is None else self.places[key][0] for place, key in places]
        firsts, number, sizes = np.unique(
            np.array(first, np.int64), return_inverse=True, return_counts=True
        )
        grouped = np.argsort(number, kind="stable")
        return Copies(firsts, number, grouped, np.cumsum(sizes) - sizes, sizes)

    @property
    def firsts(self) -> Int64:
        """Positions of the first of each kind, ascending."""
        return self.copies.firsts

    @cached_property
    def holders(self) -> dict[str, Int64]:
        """How many listings hold each term, by modality of sparse vectors."""
        tables = {name: getattr(table, "vectors", None) for name, table in self.encoded.items()}
        sparse = {name: table for name, table in tables.items() if isinstance(table, csr_array)}
        return {n: np.bincount(t.indices, minlength=t.shape[1]) for n, t in sparse.items()}

    def index(self, name: str) -> JoinIndex:
        """The index of a modality; it holds ``firsts``."""
        with self._making:
            if name not in self._indexes:
                held = take_rows(self.encoded[name], self.firsts)
                usual = LISTS_FOR * self.settings.config.search_of(name)[1]
                self._indexes[name] = make_ready(held, usual)
            return self._indexes[name]

    def warm(self) -> None:
        """Make ready what queries need."""
        for name in self.encoded:
            if self.settings.config.search_of(name)[0] and len(self.firsts):
                index = self.index(name)
                if isinstance(index, ReadySparseIndex | ReadyExactIndex):
                    index.warm()
        self.holders  # noqa: B018

    def rest(self) -> None:
        """Let go of what only many queries at once need."""
        for index in self._indexes.values():
            if isinstance(index, ReadySparseIndex):
                index.rest()

    def score(self, left: Int64, other: Block, right: Int64) -> ScoredPairs:
        """Score ``left`` of these listings with ``right`` of others, in every modality."""
        scores = {}
        for name, encoded in self.encoded.items():
            both = np.flatnonzero(self.present[name][left] & other.present[name][right])
            scores[name] = np.full(len(left), np.nan, np.float32)
            scores[name][both] = pair_scores(encoded, other.encoded[name], left[both], right[both])
        return ScoredPairs(left, right, scores, len(self), len(other))

    def _score_with_itself(self, fusion: VetoingFusion) -> Float32:
        every = np.arange(len(self))
        return fusion(self.score(every, self, every))


def row_bytes(encoded: Encoded) -> list[bytes]:
    """The content of each row, empty where it has none."""
    if isinstance(encoded, Hashes):
        codes, present = encoded.codes.tobytes(), encoded.present.tolist()
        return [codes[8 * i : 8 * i + 8] if has else b"" for i, has in enumerate(present)]
    vectors = encoded.vectors
    if isinstance(vectors, np.ndarray):
        width, whole = vectors.itemsize * vectors.shape[1], np.ascontiguousarray(vectors).tobytes()
        present = encoded.present.tolist()
        spans = ((i * width, (i + 1) * width) for i in range(len(vectors)))
        return [whole[a:b] if has else b"" for (a, b), has in zip(spans, present, strict=True)]
    entries = np.empty(len(vectors.indices), [("index", "<i4"), ("value", "<f4")])
    entries["index"], entries["value"] = vectors.indices, vectors.data
    whole, ends = entries.tobytes(), (vectors.indptr * entries.itemsize).tolist()
    return [whole[a:b] for a, b in pairwise(ends)]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A block, and which of its listings are still there.

    Attributes:
        block: The listings.
        alive: Shape ``(n,)``.
        n_dead: How many are not.
    """

    block: Block
    alive: Bool
    n_dead: int = 0

    @classmethod
    def of(cls, block: Block) -> Segment:
        """All of a block."""
        return cls(block, np.ones(len(block), np.bool_))

    def without(self, rows: Int64) -> Segment:
        """The same without some rows of the store."""
        gone = np.isin(self.block.rows, rows)
        if not gone.any():
            return self
        alive = self.alive & ~gone
        return replace(self, alive=alive, n_dead=int((~alive).sum()))

    def copies(self, key: bytes) -> list[int]:
        """Positions of the listings of one kind that are there, ascending."""
        return [place for place in self.block.places.get(key, ()) if self.alive[place]]


def join(segments: Sequence[Segment]) -> Segment:
    """What is there of several segments, in one."""
    kept = [np.flatnonzero(segment.alive) for segment in segments]
    blocks = [segment.block for segment in segments]
    pieces = list(zip(blocks, kept, strict=True))
    names = blocks[0].encoded
    encoded = {name: stack([take_rows(b.encoded[name], at) for b, at in pieces]) for name in names}
    block = Block(
        np.concatenate([b.rows[at] for b, at in pieces]),
        [b.ids[place] for b, at in pieces for place in at.tolist()],
        [b.titles[place] for b, at in pieces for place in at.tolist()],
        [b.images[place] for b, at in pieces for place in at.tolist()],
        encoded,
        blocks[0].settings,
    )
    return Segment.of(block)


def stack(tables: Sequence[Encoded]) -> Encoded:
    """Rows of several tables of one encoder, one after the other; problems are left out."""
    first = tables[0]
    if isinstance(first, Hashes):
        hashes = [table for table in tables if isinstance(table, Hashes)]
        codes = np.concatenate([table.codes for table in hashes])
        return Hashes(codes, np.concatenate([table.present for table in hashes]), first.source)
    vectors = [table.vectors for table in tables if isinstance(table, Embeddings)]
    if isinstance(vectors[0], np.ndarray):
        return Embeddings(np.concatenate(vectors), first.source, terms=first.terms)
    return Embeddings(csr_array(vstack(vectors, "csr")), first.source, terms=first.terms)
