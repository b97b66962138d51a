"""Pictures that are one file, byte for byte."""

from __future__ import annotations

import hashlib
import stat
from collections import Counter
from pathlib import Path

from matcher.io.archives import open_archive
from matcher.io.decoding import MAX_BYTES
from matcher.progress import tracked
from matcher.types import ImageRef, Listings

DIGEST_BYTES = 16


def key_pictures(listings: Listings) -> list[str | None]:
    """Give each listing a key that is equal for equal files; None where there is no picture.

    Only files that share their length with another are read. Boxes are not looked at: two
    parts of one picture share its key. What cannot be read has no key.
    """
    refs = list(dict.fromkeys(ref for ref in listings.images if ref is not None))
    sizes = {ref: _size(ref) for ref in refs}
    shared = Counter(sizes.values())
    keys: dict[ImageRef, str | None] = {}
    for ref in tracked(refs, "exact copies", len(refs)):
        size = sizes[ref]
        alone = size is not None and shared[size] == 1
        keys[ref] = f"only one of {size} bytes" if alone else _digest(ref, size)
    return [None if ref is None else keys[ref] for ref in listings.images]


def _size(ref: ImageRef) -> int | None:
    """Length of a file; None for a member of an archive and for what is no file."""
    if ref.member:
        return None
    try:
        found = ref.path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _digest(ref: ImageRef, size: int | None) -> str | None:
    """Digest of the content; None where it cannot be read."""
    try:
        if ref.member:
            content = open_archive(ref.path).read(ref.member, MAX_BYTES)
        elif size is not None and size <= MAX_BYTES:
            content = Path(ref.path).read_bytes()
        else:
            return None
    except Exception:  # zipfile raises a dozen types on damaged archives
        return None
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()
