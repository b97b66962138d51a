"""What a listing is encoded from, as a digest of its content: a picture's bytes, a title's text."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import numpy as np

from matcher.io.images import HeldImage, count_cores, read_content
from matcher.types import Float32, ImageRef

Content: TypeAlias = ImageRef | str | None
Stamp: TypeAlias = tuple[int, ...]

N_BYTES = 32
ROWS = 4_096  # keys made and handed over together


@dataclass(frozen=True, slots=True)
class Key:
    """A digest of what a vector is made from.

    Attributes:
        digest: 32 bytes.
        path: The file that was read; None for a text and for a picture in memory.
        stamp: State of that file before it was read.
    """

    digest: bytes
    path: Path | None = None
    stamp: Stamp = ()

    def still_holds(self) -> bool:
        """Whether the file has stayed as it was when its content was hashed."""
        return self.path is None or _stamp(self.path) == self.stamp


def content_keys(
    contents: Sequence[Content], boxes: Float32 | None = None
) -> Generator[tuple[range, list[Key | None]], None, None]:
    """Make the keys of a table, in row order and bounded memory.

    Pictures are read in threads, a block ahead of the one that is handed over.

    Args:
        contents: What each listing is encoded from; None where there is nothing to read.
        boxes: The part of each picture that counts, as in ``Listings``.

    Yields:
        Rows, and the key of each; None where there is no content or it cannot be read.
    """
    pool = ThreadPoolExecutor(count_cores(), thread_name_prefix="keys")

    def begin(row: int) -> Future[Key | None] | Key | None:
        content = contents[row]
        if isinstance(content, ImageRef):
            return pool.submit(picture_key, content, None if boxes is None else boxes[row])
        return None if content is None else title_key(content)

    blocks = [range(i, min(i + ROWS, len(contents))) for i in range(0, len(contents), ROWS)]
    ahead: list[tuple[range, list[Future[Key | None] | Key | None]]] = []
    try:
        for block in blocks:
            ahead.append((block, [begin(row) for row in block]))
            if len(ahead) > 1:
                yield _finish(*ahead.pop(0))
        for begun in ahead:
            yield _finish(*begun)
    finally:
        pool.shutdown(cancel_futures=True)


def _finish(
    rows: range, begun: list[Future[Key | None] | Key | None]
) -> tuple[range, list[Key | None]]:
    return rows, [each.result() if isinstance(each, Future) else each for each in begun]


def title_key(title: str) -> Key:
    """Key of a text."""
    text = title.encode("utf-8", "surrogatepass")
    return Key(blake2b(text, digest_size=N_BYTES, person=b"title").digest())


def picture_key(ref: ImageRef, box: Float32 | None = None) -> Key | None:
    """Key of a picture, or of the part in ``box``; None if it cannot be read, whatever the reason.

    The limits are those of ``open_image``: what that refuses to read has no key.
    """
    whole = box is None or bool(np.isnan(box).all())
    digest = blake2b(digest_size=N_BYTES, person=b"picture" if whole else b"part of picture")
    if box is not None and not whole:
        digest.update(np.asarray(box, "<f4").tobytes())  # of fixed length, so before the content
    held = isinstance(ref, HeldImage)
    try:
        stamp = () if held else _stamp(ref.path)
        digest.update(read_content(ref))
    except Exception:  # the encoder meets the same trouble, and words it
        return None
    if held:
        return Key(digest.digest())
    return Key(digest.digest(), ref.path, stamp)


def _stamp(path: Path) -> Stamp:
    """What changes when a file is written to or replaced; empty if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return ()
    # The last cannot be set back by who writes to a file and keeps its time.
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns
