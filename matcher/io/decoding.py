"""From the bytes of a picture to RGB pixels, within limits that hostile files cannot pass.

A picture comes out upright (EXIF orientation applied), with transparency on white, and of an
animation only the first frame. Colour profiles are ignored.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from matcher.io.resizing import resize
from matcher.types import Float64

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000
# Wider than any JPEG; resizing a strip of millions of pixels would need gigabytes.
MAX_SIDE = 65_535
# What an honest file holds a few times at most and costs much each time: passes over a whole
# JPEG, colour profiles that a PNG unpacks. By the first bytes of the format.
MAX_REPEATS = {(b"\xff\xd8\xff", b"\xff\xda"): 100, (b"\x89PNG", b"iCCP"): 10}
# The file decides by its first bytes; a format left out, such as EPS, never starts its decoder.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

_ORIENTATION = 0x0112
_UNKNOWN = f"it is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture, or its header is damaged"
_TOO_LARGE = f"it has more than {MAX_PIXELS:,} pixels, or more than {MAX_SIDE:,} in a row or column"


def decode(
    content: bytes, box: Sequence[float] | None = None, draft_size: int | None = None
) -> Image:
    """Decode a picture.

    Args:
        content: The whole file.
        box: Part to keep as x, y, width, height in pixels of the upright picture; what lies
            outside the picture is cut off, and a pixel touched is kept.
        draft_size: JPEGs may be decoded at 1/2, 1/4 or 1/8 of their size, which is several
            times faster, as long as both sides of the picture, or of the box, keep this many
            pixels.

    Returns:
        Pixels in memory, mode RGB.

    Raises:
        Exception: Of any type, as Pillow raises on damaged files; ``explain`` words it.
    """
    from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401, Image.open needs both

    _silence_pillow()
    for (start, part), at_most in MAX_REPEATS.items():
        if content.startswith(start) and _count(content, part) > at_most:
            raise ValueError(f"it has more than {at_most} scans or colour profiles")
    shown = None if box is None else _check_box(box)
    opened = Image.open(BytesIO(content), formats=FORMATS)
    _check_size(opened.size)
    shrunk = 1.0
    if draft_size is not None:
        shrunk = _shrink(opened, _draft_side(opened.size, shown, draft_size))
    opened.load()
    image = _to_rgb(_upright(opened))
    return image if shown is None else _crop(image, shown, shrunk)


def read_header(content: bytes) -> tuple[str, tuple[int, int]]:
    """Format and size of a picture as its header says; no pixel is decoded.

    Returns:
        One of ``FORMATS``, and width and height before it is turned upright.

    Raises:
        Exception: Of any type, as Pillow raises on damaged files; ``explain`` words it.
    """
    from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401, Image.open needs both

    _silence_pillow()
    with Image.open(BytesIO(content), formats=FORMATS) as opened:
        _check_size(opened.size)
        return str(opened.format), opened.size


def to_pixels(image: Image, size: int) -> NDArray[np.uint8]:
    """Resize to a square, stretching where needed.

    Bilinear, over all pixels that fall into each new one.

    Args:
        image: Mode RGB.
        size: Side, in pixels.

    Returns:
        uint8 in 0..255, shape ``(size, size, 3)``.
    """
    return resize(_view(image), size)


def explain(error: Exception) -> str:
    """Say why a picture could not be read: a clause without a full stop, on one line."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return _UNKNOWN
    if isinstance(error, Image.DecompressionBombError):
        return _TOO_LARGE
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if not isinstance(error, ValueError | OSError | BadZipFile):
        text = f"{type(error).__name__} {text}"
    line = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(line.split())[:200].rstrip(". ")


def _silence_pillow() -> None:
    """Keep Pillow's remarks on odd files from stderr.

    The filter stays: ``warnings.catch_warnings`` would undo what other threads set meanwhile.
    """
    if not warnings.filters or getattr(warnings.filters[0][3], "pattern", "") != r"PIL\.":
        warnings.filterwarnings("ignore", module=r"PIL\.")


def _count(content: bytes, part: bytes) -> int:
    """As ``content.count(part)`` for bytes that all differ, but ten times faster."""
    array = np.frombuffer(content, np.uint8)
    n = len(array) - len(part) + 1
    found = array[:n] == part[0]
    for i, byte in enumerate(part[1:], 1):
        found &= array[i : i + n] == byte
    return int(np.count_nonzero(found))


def _view(image: Image) -> NDArray[np.uint8]:
    """Show the pixels without a copy: four bytes each, the last of no meaning.

    A large picture lies in several pieces of memory, and the environment variable
    ``PILLOW_ALIGNMENT`` has rows padded: then a copy, of three bytes a pixel.
    """
    import pyarrow
    from PIL.Image import core  # type: ignore[attr-defined]

    if core.get_alignment() > 1:  # which older versions of Pillow forget when they show it
        return np.asarray(image)
    try:
        values = pyarrow.array(image).flatten().to_numpy()
    except (ValueError, TypeError):  # in pieces; a Pillow that does not show its memory
        return np.asarray(image)
    pixels: NDArray[np.uint8] = values.reshape(image.height, image.width, 4)
    return pixels


def _check_size(size: tuple[int, int]) -> None:
    """Raise ValueError if the header announces more pixels than allowed."""
    if math.prod(size) > MAX_PIXELS or max(size) > MAX_SIDE:
        raise ValueError(f"{_TOO_LARGE} ({size[0]:,} x {size[1]:,})")


def _check_box(box: Sequence[float]) -> Float64:
    """Return the box as an array; raise ValueError if it has no area."""
    part = np.asarray(box, np.float64)
    if not (np.isfinite(part).all() and (part[2:] > 0).all()):
        raise ValueError(_no_part(part))
    return part


def _no_part(part: Float64) -> str:
    return f"its box {part.tolist()} (x, y, width, height) shows no part of it"


def _draft_side(size: tuple[int, int], part: Float64 | None, draft_size: int) -> int:
    """Shorter side of a draft in which both sides of ``part`` have ``draft_size`` pixels."""
    whole = min(size)
    return draft_size if part is None else math.ceil(draft_size * whole / min(whole, *part[2:]))


def _shrink(opened: Image, side: int) -> float:
    """Have a JPEG decoded smaller, its shorter side at least ``side``; return by how much."""
    width = opened.width
    draft = opened.draft(None, (side, side))
    return 1.0 if draft is None else width / draft[1][2]


def _upright(image: Image) -> Image:
    """Undo the turn or reflection that the EXIF orientation tells of."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block does not make the pixels unreadable
        turn = None
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image) -> Image:
    """Convert any mode to RGB: 16 bits scaled to 8, transparency on white."""
    from PIL import Image as pillow

    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits each, and which value is white is not known")
    if image.mode.startswith("I;16"):
        image = pillow.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = pillow.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _crop(image: Image, part: Float64, shrunk: float) -> Image:
    """Cut out all pixels that ``part`` touches, given in pixels of the picture not shrunk."""
    corners = np.concatenate([np.floor(part[:2] / shrunk), np.ceil((part[:2] + part[2:]) / shrunk)])
    left, top, right, bottom = np.clip(corners, 0, image.size * 2).astype(int).tolist()
    if left >= right or top >= bottom:
        raise ValueError(_no_part(part))
    return image.crop((left, top, right, bottom))
