"""Listings as the store keeps them, and back: digests, references of pictures, other columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from matcher.io.content_keys import content_keys
from matcher.io.references import to_picture, to_reference
from matcher.store import KeptListings, ListingColumns
from matcher.types import UNLABELLED, Bool, Float32, Hashes, Int64, Listings

# Where a listing's label lies among its other columns: the batch it came in, and its number there.
LABEL = "matcher:label"
LONE_SURROGATES = "halves of UTF-16 pairs in the title became U+FFFD"


def readable(text: str) -> str:
    """The text with U+FFFD for what no UTF-8 can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def digest_contents(listings: Listings) -> list[str]:
    """A digest of the content of each listing: title, picture, part of it, given hash.

    The picture's bytes count; where they cannot be read, its reference.
    """
    pictures = _digest_pictures(listings)
    boxes, hashes = listings.boxes, listings.phashes
    found = []
    for row, title in enumerate(listings.titles):
        box = b"" if boxes is None or np.isnan(boxes[row]).all() else boxes[row].tobytes()
        given = hashes is not None and bool(hashes.present[row])
        code = hashes.codes[row].tobytes() if hashes is not None and given else b""
        parts = (readable(title).encode(), pictures[row], box, code)
        sizes = np.array([len(part) for part in parts], "<i8").tobytes()
        found.append(blake2b(sizes + b"".join(parts), digest_size=16).hexdigest())
    return found


def _digest_pictures(listings: Listings) -> list[bytes]:
    digests = [b""] * len(listings)
    if not any(listings.images):
        return digests
    for rows, keys in content_keys(listings.images):
        for row, key in zip(rows, keys, strict=True):
            ref = listings.images[row]
            if ref is not None:
                digests[row] = key.digest if key else readable(to_reference(ref)).encode()
    return digests


def to_columns(listings: Listings, rows: Sequence[int], digests: Sequence[str]) -> ListingColumns:
    """Some listings as the store takes them; the batch they came in is named by ``batch``."""
    at = np.asarray(rows, np.int64)
    refs = [listings.images[row] for row in rows]
    hashes, boxes = listings.phashes, listings.boxes
    return ListingColumns(
        ids=[listings.ids[row] for row in rows],
        titles=[readable(listings.titles[row]) for row in rows],
        digests=[digests[row] for row in rows],
        images=[None if ref is None else readable(to_reference(ref)) for ref in refs],
        phashes=None if hashes is None else Hashes(hashes.codes[at], hashes.present[at]),
        boxes=None if boxes is None else boxes[at],
        extra=_other_columns(listings, at),
    )


def _other_columns(listings: Listings, rows: Int64) -> list[str]:
    """Other columns of some listings, and their labels, as JSON."""
    told: list[dict[str, object]] = [{} for _ in rows]
    if listings.extra is not None:
        table = listings.extra.take(rows)
        titles = [listings.titles[row] for row in rows.tolist()]
        for name in table.column_names:
            values = table[name].to_pylist()
            if values != titles:  # which are kept already
                for own, value in zip(told, values, strict=True):
                    own[name] = value
    if listings.groups is not None:
        batch = blake2b("\0".join(map(readable, listings.ids)).encode(), digest_size=6).hexdigest()
        for own, group in zip(told, listings.groups[rows].tolist(), strict=True):
            if group != UNLABELLED:
                own[LABEL] = f"{batch}:{group}"
    return [json.dumps(own, default=str) for own in told]


def read_label(extra: str) -> str | None:
    """The label among a listing's other columns; comparable within the batch before the colon."""
    label = json.loads(extra).get(LABEL)
    return label if isinstance(label, str) else None


def to_listings(kept: KeptListings) -> Listings:
    """Listings as encoders read them."""
    hashes = kept.phashes
    boxes: Float32 | None = kept.boxes
    if boxes is not None and np.isnan(boxes).all():
        boxes = None
    present: Bool = np.zeros(0, np.bool_) if hashes is None else hashes.present
    return Listings(
        ids=tuple(kept.ids),
        titles=tuple(kept.titles),
        images=tuple(None if ref is None else to_picture(ref) for ref in kept.images or ()),
        phashes=hashes if present.any() else None,
        boxes=boxes,
    )


def title_problems(listings: Listings) -> Mapping[int, str]:
    """Rows whose title no UTF-8 can hold."""
    found = enumerate(listings.titles)
    return {row: LONE_SURROGATES for row, title in found if readable(title) != title}
