"""Pictures: found by name, decoded one by one or, in threads, a whole table in row order."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from matcher.errors import DataError
from matcher.io.archives import open_archive
from matcher.io.decoding import MAX_BYTES, decode, explain, to_pixels
from matcher.io.places import LeadsOutError, Place, open_place, tidy_name
from matcher.progress import tracked
from matcher.types import ImageRef, Listings

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

# Pictures begun and not yet asked for, per worker: enough to keep all of them busy.
AHEAD = 16


def resolve_images(
    names: Sequence[str], source: Path | None
) -> tuple[tuple[ImageRef | None, ...], dict[int, str]]:
    r"""Find the picture of each listing; no picture is opened.

    A name is a path below ``source``, with ``/`` or ``\`` between folders. Where it is not
    there, one folder at the top is added or left out: the only one that ``source`` has, and
    the one that all names share. So ``a.jpg`` finds ``images/a.jpg`` and the other way round.

    Args:
        names: One per listing; empty where it has no picture.
        source: Folder or zip archive that holds the pictures; None if there is none.

    Returns:
        The pictures, None where there is none, and why a name found nothing, by row. Without
        a ``source`` no row is called a problem.

    Raises:
        DataError: If ``source`` does not exist, is neither a folder nor a zip archive, or
            cannot be read.
    """
    refs: list[ImageRef | None] = [None] * len(names)
    problems: dict[int, str] = {}
    if source is None:
        return tuple(refs), problems
    place = open_place(source)
    tidy = [tidy_name(name) for name in names]
    shared = _shared_top([name for name in tidy if name])
    for row, name in enumerate(tidy):
        if not names[row]:
            continue
        try:
            refs[row] = _find(place, name, shared)
            if refs[row] is None:
                problems[row] = f"not found in {place.title}"
        except LeadsOutError:
            problems[row] = f"path climbs out of {place.title}"
    return tuple(refs), problems


def _find(place: Place, name: str | None, shared: str) -> ImageRef | None:
    """Look a tidy name up under all its spellings."""
    if name is None:
        raise LeadsOutError
    found = (place.find(spelling) for spelling in _spellings(name, place.top, shared))
    return next((ref for ref in found if ref is not None), None)


def _shared_top(names: Sequence[str]) -> str:
    """Folder that all names start with, else nothing."""
    tops = {name.split("/", 1)[0] if "/" in name else "" for name in names}
    return tops.pop() if len(tops) == 1 else ""


def _spellings(name: str, top: str, shared: str) -> Iterator[str]:
    """Names under which a picture may lie, the likeliest first."""
    yield name
    if top:
        yield f"{top}/{name}"
    if shared:
        short = name.removeprefix(f"{shared}/")
        yield short
        if top:
            yield f"{top}/{short}"


@dataclass(frozen=True, slots=True)
class HeldImage(ImageRef):
    """A picture that is in memory and in no file; encoders read it like any other.

    Attributes:
        path: What to call it in messages.
        content: The whole file.
    """

    content: bytes = field(default=b"", repr=False)


class ImageError(DataError):
    """A picture cannot be read.

    Attributes:
        reason: Why, without its name, so that equal troubles can be counted.
    """

    def __init__(self, name: str, reason: str) -> None:
        shown = name if name.isprintable() else repr(name)
        super().__init__(f"{shown} cannot be read: {reason}.")
        self.reason = f"picture cannot be read: {reason}"


def open_image(
    ref: ImageRef, box: Sequence[float] | None = None, draft_size: int | None = None
) -> Image:
    """Read and decode one picture, upright, on white, the first frame only.

    Args:
        ref: Where it lies; at most ``decoding.MAX_BYTES`` and ``decoding.MAX_PIXELS``.
        box: Part to keep, as x, y, width, height in pixels of the upright picture.
        draft_size: Allow a JPEG to be decoded smaller, several times faster, as long as both
            sides of the picture, or of the box, keep this many pixels. None decodes all.

    Returns:
        Pixels in memory, mode RGB.

    Raises:
        ImageError: If it cannot be read, whatever the reason; the message names the picture.
    """
    try:
        return decode(read_content(ref), box, draft_size)
    except Exception as error:  # Pillow raises a dozen types on damaged files
        raise ImageError(ref.name, explain(error)) from error


def read_content(ref: ImageRef) -> bytes:
    """All bytes of a picture, undecoded; at most ``decoding.MAX_BYTES``.

    Raises:
        Exception: Of any type, if it cannot be read; ``decoding.explain`` words it.
    """
    if isinstance(ref, HeldImage):
        if len(ref.content) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        return ref.content
    if ref.member:
        return open_archive(ref.path).read(ref.member, MAX_BYTES)
    return _read_file(ref.path)


def _read_file(path: Path) -> bytes:
    """Content of a regular file of at most ``MAX_BYTES``."""

    def open_at_once(name: str, flags: int) -> int:
        # A pipe would otherwise block until somebody writes into it.
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        return file.read(found.st_size)


def read_pixels(ref: ImageRef, size: int, box: Sequence[float] | None = None) -> NDArray[np.uint8]:
    """Read one picture at the size a neural encoder wants.

    For many, the same pixels come from ``read_all`` with ``decoding.to_pixels`` at this size as
    ``convert`` and ``draft_size=size``.

    Returns:
        RGB in 0..255, shape ``(size, size, 3)``.

    Raises:
        DataError: If it cannot be read.
    """
    return to_pixels(open_image(ref, box, draft_size=size), size)


def read_all(
    listings: Listings,
    convert: Callable[[Image], T],
    label: str,
    draft_size: int | None = None,
    workers: int | None = None,
) -> Iterator[tuple[int, T | ImageError]]:
    """Decode the pictures of a table in threads, in row order and bounded memory.

    Args:
        listings: Rows without a picture are passed over; where there is a box, only the part
            in it is kept.
        convert: Turns a picture (mode RGB) into what is kept of it. It runs in the threads,
            so it must not change shared state; it may raise ImageError.
        label: What to call the work in progress reports.
        draft_size: As for ``open_image``.
        workers: Threads; one per core when None.

    Yields:
        Row, and what ``convert`` returned or why there is nothing.
    """

    def read(row: int, ref: ImageRef) -> T | ImageError:
        try:
            return convert(open_image(ref, _box(listings, row), draft_size))
        except ImageError as error:
            return error

    pictures = [(row, ref) for row, ref in enumerate(listings.images) if ref is not None]
    n_workers = workers or count_cores()
    todo = iter(pictures)
    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="pictures")
    try:
        begun = deque(pool.submit(read, *picture) for picture in islice(todo, n_workers * AHEAD))
        for row, _ in tracked(pictures, label, len(pictures)):
            done = begun.popleft().result()
            begun.extend(pool.submit(read, *picture) for picture in islice(todo, 1))
            yield row, done
    finally:
        pool.shutdown(cancel_futures=True)


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _box(listings: Listings, row: int) -> Sequence[float] | None:
    """Box of a listing; None where it shows the whole picture."""
    if listings.boxes is None or np.isnan(listings.boxes[row]).all():
        return None
    box: list[float] = listings.boxes[row].tolist()
    return box
