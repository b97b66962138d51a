"""Thumbnails that travel inside the page."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matcher.errors import DataError
from matcher.io.decoding import explain
from matcher.io.images import read_all
from matcher.types import Listings

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 160
# A page shows a thousand thumbnails at most, so that this bounds it, whatever they show.
MAX_BYTES = 4_200
QUALITIES = (78, 65, 50, 35)
LAST_SIDE, LAST_QUALITY = 80, 35


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as a ``data:`` address with its size in pixels, or why there is none."""

    address: str = ""
    width: int = 0
    height: int = 0
    missing: str = ""


def read_thumbnails(listings: Listings, rows: Iterable[int]) -> Mapping[int, Thumbnail]:
    """Read the pictures of some listings.

    Args:
        listings: Where the pictures lie; a box is cut out.
        rows: Those to read.

    Returns:
        By row, for each of ``rows``.
    """
    wanted = sorted(set(rows))
    thumbnails = {row: Thumbnail(missing=_why_none(listings, row)) for row in wanted}
    images = [ref if row in thumbnails else None for row, ref in enumerate(listings.images)]
    shown = replace(listings, images=tuple(images))
    for row, found in read_all(shown, make_thumbnail, "thumbnails", draft_size=SIDE):
        thumbnails[row] = _unreadable(found) if isinstance(found, DataError) else found
    return thumbnails


def make_thumbnail(image: Image) -> Thumbnail:
    """Shrink a picture to at most ``SIDE`` pixels and ``MAX_BYTES``, keeping its shape."""
    image = _fit(image, SIDE)
    content = b""
    for quality in QUALITIES:
        content = _encode(image, quality)
        if len(content) <= MAX_BYTES:
            break
    else:
        image = _fit(image, LAST_SIDE)
        content = _encode(image, LAST_QUALITY)
    address = f"data:image/jpeg;base64,{b64encode(content).decode('ascii')}"
    return Thumbnail(address, image.width, image.height)


def _fit(image: Image, side: int) -> Image:
    """Copy a picture, scaled down to fit a square."""
    small = image.copy()
    small.thumbnail((side, side))
    small.info = {}  # Pillow would write a comment of the original, of any length, again
    return small


def _encode(image: Image, quality: int) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return content.getvalue()


def _why_none(listings: Listings, row: int) -> str:
    return listings.problems.get(row, "no picture") if listings.images[row] is None else ""


def _unreadable(error: DataError) -> Thumbnail:
    """Say what is wrong with a picture but not where it lies: the page may be passed on."""
    cause = error.__cause__
    reason = explain(cause) if isinstance(cause, Exception) else str(error)
    return Thumbnail(missing=f"picture cannot be read: {reason}")
