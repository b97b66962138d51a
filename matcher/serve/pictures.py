"""Pictures that clients send: checked, held in memory for a question, or kept by their content."""

from __future__ import annotations

import binascii
import time
from collections.abc import Container, Sequence
from hashlib import sha256
from pathlib import Path

from matcher.errors import StoreError, StoreFullError
from matcher.io.atomic import write_atomically
from matcher.io.decoding import decode, explain, read_header
from matcher.io.images import HeldImage, read_content
from matcher.io.references import to_picture
from matcher.serve.problems import Refused, wrong
from matcher.serve.translation import is_full
from matcher.types import ImageRef

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp"}
SUFFIXES["TIFF"] = ".tif"
# Enough to find out that the whole file can be read, in a fraction of the time.
_DRAFT_SIDE = 64
_SWEPT_SECONDS = 3600

Box = Sequence[float]


def from_base64(text: str, where: str) -> bytes:
    """Bytes of a picture sent as text.

    Raises:
        Refused: If it is not base64.
    """
    if text.startswith("data:"):
        raise wrong(where, "Give the base64 alone, without 'data:…;base64,' before it")
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise wrong(where, "It is not base64 (RFC 4648, with padding)") from None


def check_picture(content: bytes, box: Box | None, max_pixels: int, where: str) -> HeldImage:
    """Take a picture once it has been found readable, its header first.

    Args:
        content: The whole file.
        box: Part that is to be looked at, as x, y, width, height in pixels.
        max_pixels: Most pixels by the header.
        where: Where in the request it was.

    Raises:
        Refused: If it cannot be read, is too large, or the box shows no part of it.
    """
    try:
        kind, size = read_header(content)
        if size[0] * size[1] > max_pixels:
            raise wrong(where, f"The picture has more than {max_pixels:,} pixels")
        decode(content, box, _DRAFT_SIDE)
    except Refused:
        raise
    except Exception as error:  # Pillow raises a dozen types on damaged files
        raise wrong(where, f"The picture cannot be read: {explain(error)}") from None
    return HeldImage(Path(f"picture{SUFFIXES[kind]}"), content=content)


class PictureFolder:
    """Pictures of listings, each under the SHA-256 of its content.

    One thread writes.

    Args:
        path: The folder; made with the first picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def place_of(self, picture: HeldImage) -> Path:
        """Where a picture lies, or would."""
        digest = sha256(picture.content).hexdigest()
        return self.path / digest[:2] / f"{digest}{picture.path.suffix}"

    def keep(self, picture: HeldImage) -> ImageRef:
        """Write a picture unless it is there; returns where it lies.

        Raises:
            StoreFullError: If there is no room.
            StoreError: If it cannot be written.
        """
        place = self.place_of(picture)
        if place.exists():
            return ImageRef(place)
        try:
            write_atomically(place, lambda aside: aside.write_bytes(picture.content))
        except StoreError as error:
            if is_full(error):
                raise StoreFullError(str(error)) from error
            raise
        return ImageRef(place)

    def sweep(self, in_use: Container[str]) -> None:
        """Remove what a process that was killed left behind: pictures that nothing shows.

        Those of the last hour stay: another process may be about to add their listings.
        """
        before = time.time() - _SWEPT_SECONDS
        for path in self.path.glob("??/*"):
            if str(path) not in in_use and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def drop(self, references: Sequence[str | None]) -> None:
        """Remove pictures of this folder; what lies elsewhere is not touched."""
        for reference in references:
            if reference is None:
                continue
            path = Path(reference)
            if path.is_relative_to(self.path) and ".." not in path.parts:
                path.unlink(missing_ok=True)


def read_picture(reference: str | None) -> tuple[str, bytes] | None:
    """Media type and content of a picture that the catalogue names; None if it cannot be read."""
    if reference is None:
        return None
    try:
        content = read_content(to_picture(reference))
        kind, _ = read_header(content)
    except Exception:  # Pillow raises a dozen types on damaged files
        return None
    return f"image/{kind.lower()}", content
