"""Photos as another seller would post them again.

What is done here is none of what the encoders were trained with (``models/augmentation.py``): it
is what ``matcher.datasets.reposts`` does to the pictures of made-up listings, and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from matcher.datasets.catalogue import Rgb
from matcher.datasets.reposts import Edit, draw_edit, retouch
from matcher.io.images import ImageError, read_all
from matcher.types import ImageRef, Listings

MIRRORED, ON_BACKGROUND, ZOOMED = "mirrored", "on a background", "zoomed in"
WRITTEN_ON, LIGHT_ALONE = "with words, a star or a frame", "other light and JPEG alone"
KINDS = (MIRRORED, ON_BACKGROUND, ZOOMED, WRITTEN_ON, LIGHT_ALONE)
PLAIN: tuple[Rgb, ...] = ((255, 255, 255), (240, 240, 240), (0, 0, 0))


@dataclass(frozen=True, slots=True)
class Repost:
    """Changes to a photo; light and JPEG quality always change.

    Attributes:
        edit: What ``matcher.datasets`` does.
        mirrored: Whether left and right change places, before anything is written on it.
        share: Sides of the photo as a share of those of the background; 1 is no background.
        place: Where it lies on the background, across and down, in [0, 1].
        ground: Colour of the background.
    """

    edit: Edit
    mirrored: bool
    share: float
    place: tuple[float, float]
    ground: Rgb

    @property
    def kinds(self) -> frozenset[str]:
        """Those of ``KINDS`` that it is."""
        edit = self.edit
        found = {
            MIRRORED: self.mirrored,
            ON_BACKGROUND: self.share < 1,
            ZOOMED: edit.zoom > 1,
            WRITTEN_ON: bool(edit.watermark or edit.banner or edit.sticker or edit.frame),
        }
        return frozenset(kind for kind, is_so in found.items() if is_so) or frozenset({LIGHT_ALONE})


def draw_repost(row: int, seed: int = 0) -> Repost:
    """Draw what is done to the photo of a row; the same each time."""
    rng = np.random.default_rng([seed, row])
    edit, mirrored = draw_edit(rng), bool(rng.random() < 0.5)
    share = float(rng.uniform(0.75, 0.95)) if rng.random() < 1 / 3 else 1.0
    red, green, blue = rng.integers(0, 256, 3).tolist()
    plain = PLAIN[int(rng.integers(len(PLAIN)))]
    ground = plain if rng.random() < 0.5 else (red, green, blue)
    return Repost(edit, mirrored, share, (float(rng.random()), float(rng.random())), ground)


def apply_repost(photo: Image.Image, repost: Repost) -> Image.Image:
    """Change a photo; mode RGB and its size stay."""
    size, side = photo.size, max(photo.size)
    work = ImageOps.mirror(photo) if repost.mirrored else photo
    square = work.resize((side, side), Image.Resampling.BICUBIC)  # ``retouch`` takes squares
    work = retouch(square, repost.edit, side).resize(size, Image.Resampling.BICUBIC)
    if repost.share == 1:
        return work
    small = work.resize(
        (round(size[0] * repost.share), round(size[1] * repost.share)), Image.Resampling.LANCZOS
    )
    sheet = Image.new("RGB", size, repost.ground)
    free = (size[0] - small.width, size[1] - small.height)
    sheet.paste(small, (round(free[0] * repost.place[0]), round(free[1] * repost.place[1])))
    return sheet


def write_reposts(listings: Listings, folder: Path) -> tuple[Listings, list[Repost]]:
    """Write a changed copy of each picture as JPEG.

    Args:
        listings: Each with a picture.
        folder: Where to write; it is made if need be.

    Returns:
        The copies as listings, row by row, and what was done to each.

    Raises:
        ImageError: If a picture cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reposts, refs = [], []
    for row, photo in read_all(listings, lambda photo: photo, "reposts"):
        if isinstance(photo, ImageError):
            raise photo
        repost, path = draw_repost(row), folder / f"{row:06d}.jpg"
        apply_repost(photo, repost).save(path, quality=repost.edit.quality)
        reposts.append(repost)
        refs.append(ImageRef(path))
    return Listings(listings.ids, ("",) * len(refs), tuple(refs)), reposts
