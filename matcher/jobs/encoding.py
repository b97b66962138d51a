"""Encoding one table: what an earlier run has encoded comes from the disk, the rest is kept there.

New vectors are stored a block at a time, so that a run that was interrupted goes on where it
stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.io.content_keys import Content, Key, content_keys
from matcher.io.vector_cache import VectorCache
from matcher.io.vector_files import vectors_folder
from matcher.progress import Whole, shown_by
from matcher.protocols import Encoder
from matcher.types import Bool, Embeddings, Encoded, Hashes, Listings

# Rows that are encoded and stored together: some seconds of work, and a multiple of a batch.
PICTURES = 1_024
TITLES = 4_096


@dataclass(frozen=True, slots=True)
class Encoding:
    """What an encoder made of a table.

    Attributes:
        encoded: One row per listing.
        n_cached: Rows whose vector an earlier run has made; None where no cache was asked.
    """

    encoded: Encoded
    n_cached: int | None = None


def encode_table(encoder: Encoder, listings: Listings, label: str, cache: bool = True) -> Encoding:
    """Encode listings, as ``encoder.encode`` does, but only those that no earlier run has encoded.

    An encoder takes part that has a method ``contents``: from ``Listings`` to what each row is
    encoded from, which is all that its vector depends on: an ``ImageRef`` (with the listing's
    box), a text, or None where the cache is not to be asked. Rows without a vector are never
    kept, so that each run says anew what is wrong with them. Equal contents are encoded once.

    Args:
        encoder: Ready to use; its vectors must be dense.
        listings: Rows to encode.
        label: What to call the work in progress reports.
        cache: Whether to use the cache at all.
    """
    contents_of = getattr(encoder, "contents", None)
    folder = vectors_folder() if cache and contents_of is not None and len(listings) else None
    if folder is None or contents_of is None:
        return Encoding(encoder.encode(listings))
    with shown_by(lambda label, done, total: None):
        nothing = encoder.encode(take_listings(listings, []))
    answer = _Answer.like(nothing, len(listings))
    with VectorCache(folder, nothing.source) as vectors:
        table = _Table(encoder, listings, answer, vectors, Whole(label, len(listings)))
        return table.encode(contents_of(listings))


def take_listings(listings: Listings, rows: Sequence[int]) -> Listings:
    """Some rows, with what encoders read: neither labels nor further columns."""
    given = listings.phashes
    if given is not None:
        problems = {i: given.problems[row] for i, row in enumerate(rows) if row in given.problems}
        at = np.asarray(rows, np.int64)
        given = Hashes(given.codes[at], given.present[at], given.source, problems)
    return Listings(
        ids=tuple(listings.ids[row] for row in rows),
        titles=tuple(listings.titles[row] for row in rows),
        images=tuple(listings.images[row] for row in rows),
        phashes=given,
        boxes=None if listings.boxes is None else listings.boxes[np.asarray(rows, np.int64)],
    )


@dataclass(slots=True)
class _Answer:
    """The rows of a table as they come in.

    Attributes:
        values: Vectors, shape ``(n, d)``, or hashes, shape ``(n, 1)``.
        present: Whether a row has come in and is not empty, shape ``(n,)``.
        source: Fingerprint of the encoder.
        problems: Why a row is empty.
    """

    values: NDArray[Any]
    present: Bool
    source: str
    problems: dict[int, str] = field(default_factory=dict)

    @classmethod
    def like(cls, encoded: Encoded, n: int) -> _Answer:
        """No row of ``n`` yet, of the kind and width of ``encoded``."""
        values = _values(encoded)
        empty = np.zeros((n, values.shape[1]), values.dtype)
        return cls(empty, np.zeros(n, np.bool_), encoded.source)

    def take(self, rows: Sequence[int], encoded: Encoded) -> None:
        """Put in what the encoder made of some rows."""
        at = np.asarray(rows, np.int64)
        self.values[at], self.present[at] = _values(encoded), encoded.present
        self.problems |= {rows[i]: reason for i, reason in encoded.problems.items()}

    def take_stored(self, row: int, stored: bytes | None) -> bool:
        """Put in a row as it was stored; False if it cannot be one of these."""
        if stored is None or len(stored) != self.values.itemsize * self.values.shape[1]:
            return False
        self.values[row], self.present[row] = np.frombuffer(stored, self.values.dtype), True
        return True

    def repeat(self, row: int, other: int) -> None:
        """Put in a row that equals another."""
        self.values[row], self.present[row] = self.values[other], self.present[other]
        if other in self.problems:
            self.problems[row] = self.problems[other]

    def encoded(self) -> Encoded:
        """All rows, as the encoder gives them."""
        if self.values.dtype == np.uint64:
            return Hashes(self.values[:, 0], self.present, self.source, self.problems)
        return Embeddings(self.values, self.source, self.problems)


def _values(encoded: Encoded) -> NDArray[Any]:
    """Vectors, shape ``(n, d)``, or hashes, shape ``(n, 1)``."""
    if isinstance(encoded, Hashes):
        return encoded.codes[:, None]
    return np.asarray(encoded.vectors)


@dataclass(slots=True)
class _Table:
    """One table on its way through the cache and the encoder."""

    encoder: Encoder
    listings: Listings
    answer: _Answer
    cache: VectorCache
    bar: Whole

    def encode(self, contents: Sequence[Content]) -> Encoding:
        n = len(self.listings)
        at_once = TITLES if any(isinstance(content, str) for content in contents) else PICTURES
        cached, same = np.zeros(n, np.bool_), np.arange(n)
        first: dict[bytes, int] = {}  # row of each content
        waiting: dict[int, Key] = {}  # rows to be encoded and stored
        unread: list[int] = []
        with closing(content_keys(contents, self.listings.boxes)) as blocks:
            for rows, keys in blocks:
                for row, key in zip(rows, keys, strict=True):
                    if key is None:
                        unread.append(row)
                    else:
                        same[row] = first.setdefault(key.digest, row)
                new = {r: k for r, k in zip(rows, keys, strict=True) if k and same[r] == r}
                waiting |= self._look_up(new, cached)
                while len(waiting) >= at_once:
                    self._encode({row: waiting.pop(row) for row in list(waiting)[:at_once]})
        if waiting:
            self._encode(waiting)
        for start in range(0, len(unread), at_once):
            self._encode(dict.fromkeys(unread[start : start + at_once]))
        for row in np.flatnonzero(same != np.arange(n)).tolist():
            self.answer.repeat(row, int(same[row]))
        self.bar.finish()
        return Encoding(self.answer.encoded(), int((cached[same] & self.answer.present).sum()))

    def _look_up(self, keys: Mapping[int, Key], cached: Bool) -> dict[int, Key]:
        """Take rows from the cache and note which; return those that it does not have."""
        stored = self.cache.get([key.digest for key in keys.values()])
        for row, key in keys.items():
            cached[row] = self.answer.take_stored(row, stored.get(key.digest))
        left = {row: key for row, key in keys.items() if not cached[row]}
        self.bar.advance(len(keys) - len(left))
        return left

    def _encode(self, keys: Mapping[int, Key | None]) -> None:
        """Encode rows, and store those whose key is known and still that of their content."""
        rows = list(keys)
        with self.bar.part(len(rows)):
            self.answer.take(rows, self.encoder.encode(take_listings(self.listings, rows)))
        self.cache.put(
            {
                key.digest: self.answer.values[row].tobytes()
                for row, key in keys.items()
                if key is not None and self.answer.present[row] and key.still_holds()
            }
        )
