"""Perceptual hashes: copies of one picture, resized or saved again, differ in few of 64 bits.

The hash tells which low frequencies of the shrunken grey picture are stronger than the median,
row by row from the lowest. It equals ``imagehash.phash`` bit for bit on the same RGB picture;
``open_image`` has already turned it upright and put it on white, which imagehash does not do.

Source: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010,
section 3.2.1, with the median and the sizes of the Python package imagehash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import dct

from matcher.io.images import ImageError, read_all
from matcher.settings import Settings
from matcher.types import Hashes, ImageRef, Listings

if TYPE_CHECKING:
    from PIL.Image import Image

SOURCE = "phash"
TINY: dict[str, object] = {}  # for the contract test
_SIDE, _LOW = 32, 8
# No frequency above the median, or the mean alone: what a picture of one colour gives.
_BLANK = np.array([0, 1 << 63], np.uint64)


class Spec(Settings):
    """Settings of the perceptual hash.

    Attributes:
        column: Use the hashes given in the table where it has some; only the pictures of the
            other rows are read.
    """

    column: bool = True

    def fit(self, listings: Listings) -> PhashEncoder:
        """Return the encoder; there is nothing to learn."""
        return PhashEncoder(self)


@dataclass(frozen=True, slots=True)
class PhashEncoder:
    """Hashes pictures, or takes the hashes that the table gives.

    Blank pictures all have one hash, which says nothing of the product: they count as having
    none, be it read or given. A box is respected where a picture is read; a given hash is
    taken as it is.
    """

    spec: Spec

    def contents(self, listings: Listings) -> tuple[ImageRef | None, ...]:
        """The pictures that are read: those of listings without a given hash."""
        return self._unread(listings).images

    def encode(self, listings: Listings) -> Hashes:
        given = listings.phashes if self.spec.column else None
        n = len(listings)
        codes = np.zeros(n, np.uint64) if given is None else given.codes.copy()
        present = np.zeros(n, np.bool_) if given is None else given.present.copy()
        problems = {} if given is None else dict(given.problems)
        for row, found in read_all(self._unread(listings), hash_image, "phash"):
            if isinstance(found, ImageError):
                problems[row] = found.reason
                continue
            codes[row], present[row] = found, True
            problems.pop(row, None)
        blank = present & np.isin(codes, _BLANK)
        problems |= dict.fromkeys(np.flatnonzero(blank).tolist(), "blank picture, all one colour")
        return Hashes(codes, present & ~blank, SOURCE, problems)

    def _unread(self, listings: Listings) -> Listings:
        """The listings without the pictures that need not be read."""
        if listings.phashes is None or not self.spec.column:
            return listings
        pictures = zip(listings.images, listings.phashes.present.tolist(), strict=True)
        return replace(listings, images=tuple(None if has else ref for ref, has in pictures))


def hash_image(image: Image) -> int:
    """Hash one picture, of any mode that Pillow turns into grey.

    Returns:
        64 bits; the highest belongs to the mean.
    """
    from PIL.Image import Resampling

    grey = image.convert("L").resize((_SIDE, _SIDE), Resampling.LANCZOS)
    # One picture at a time: in a batch, rounding may differ and turn bits next to the median.
    low = dct(dct(np.asarray(grey), axis=0), axis=1)[:_LOW, :_LOW]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")
