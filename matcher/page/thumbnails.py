"""Pictures of listings, made small and kept in memory; the file itself never leaves."""

from __future__ import annotations

import io
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from matcher.errors import DataError
from matcher.io.decoding import decode
from matcher.io.images import open_image
from matcher.io.references import to_picture
from matcher.page.service import Box
from matcher.store import KeptListings

if TYPE_CHECKING:
    from PIL.Image import Image

SIZES = (96, 192, 384)
MAX_BYTES = 64 * 2**20
QUALITY = 80
_PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" role="img"><title>{0}</title>'
    '<rect width="96" height="96" fill="#8b909c" fill-opacity=".16"/><g fill="none" '
    'stroke="#7d828d" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"><rect '
    'x="29" y="29" width="38" height="38" rx="5"/><circle cx="40" cy="41" r="3.5"/><path d="m30 '
    '60 11-10 8 7 7-6 10 9M25 71 71 25"/></g></svg>'
)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture to send.

    Attributes:
        content: The file.
        media: Its media type.
        tag: Changes when the picture does.
    """

    content: bytes
    media: str
    tag: str


class Thumbnails:
    """Thumbnails by what they show; the longest unused go when there is no room.

    Threads may share it.

    Args:
        max_bytes: Room for them.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max, self._lock, self._n_bytes = max_bytes, Lock(), 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def tag(self, kept: KeptListings, size: int) -> str:
        """What a thumbnail of the only listing of a table is known by."""
        reference, box = _picture(kept)
        parts = (kept.digests[0], reference or "", repr(box), str(size))
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def make(self, kept: KeptListings, size: int) -> Thumbnail:
        """Thumbnail of the only listing of a table; a placeholder where there is no picture.

        Args:
            kept: The listing; its box is cut out.
            size: Most pixels of both sides.
        """
        tag = self.tag(kept, size)
        with self._lock:
            found = self._kept.get(tag)
            if found is not None:
                self._kept.move_to_end(tag)
                return Thumbnail(found, "image/webp", tag)
        reference, box = _picture(kept)
        if reference is None:
            return placeholder("No picture")
        try:
            content = _shrink(open_image(to_picture(reference), box, size), size)
        except DataError:
            return placeholder("The picture cannot be read")
        self._keep(tag, content)
        return Thumbnail(content, "image/webp", tag)

    def _keep(self, tag: str, content: bytes) -> None:
        with self._lock:
            self._n_bytes += len(content) - len(self._kept.pop(tag, b""))
            self._kept[tag] = content
            while self._n_bytes > self._max:
                _, gone = self._kept.popitem(last=False)
                self._n_bytes -= len(gone)


def placeholder(why: str) -> Thumbnail:
    """What stands where there is no picture."""
    content = _PLACEHOLDER.format(why).encode()
    return Thumbnail(content, "image/svg+xml", sha256(content).hexdigest()[:32])


def show_photo(photo: bytes, box: Box | None, size: int) -> str:
    """A photo that was sent as a ``data:`` address; empty if it cannot be read."""
    try:
        content = _shrink(decode(photo, box, size), size)
    except Exception:  # Pillow raises a dozen types on damaged files
        return ""
    return f"data:image/webp;base64,{b64encode(content).decode('ascii')}"


def _picture(kept: KeptListings) -> tuple[str | None, Sequence[float] | None]:
    """Reference and box of the only listing of a table; no box is the whole picture."""
    reference = None if kept.images is None else kept.images[0]
    if kept.boxes is None or np.isnan(kept.boxes[0]).any():
        return reference, None
    box: list[float] = kept.boxes[0].tolist()
    return reference, box


def _shrink(image: Image, size: int) -> bytes:
    """A WebP of a picture scaled down to fit a square, without what the original says of itself."""
    small = image.copy()
    small.thumbnail((size, size))
    small.info = {}
    content = io.BytesIO()
    small.save(content, "WEBP", quality=QUALITY, method=4)
    return content.getvalue()
