"""Pictures to be encoded, made at run time: real ones brought to the size of a shop's, or drawn."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from matcher.datasets import make_listings

SETS = ("grocery", "clothing", "fashion")
QUALITIES = (85, 88, 90)


def make_pictures(folder: Path, n: int, data: Path, side: int = 800, first: int = 0) -> list[Path]:
    """Write JPEGs (qualities 85 to 90, chroma at half resolution) of ``side`` x ``side`` pixels.

    Args:
        folder: Where to write; it is made if need be.
        n: How many.
        data: Folder of the real data sets; where it lacks pictures, they are drawn.
        side: Width and height.
        first: Number of the first picture; another number is another picture.

    Returns:
        Their paths, in order of their names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    originals = _originals(data)
    paths = []
    for i in range(first, first + n):
        rng = np.random.default_rng(i)
        path = folder / f"{i:06d}.jpg"
        picture = _part_of(originals[i % len(originals)], rng)
        picture = picture.resize((side, side), Image.Resampling.LANCZOS)
        picture.save(path, quality=QUALITIES[i % 3], subsampling="4:2:0")
        paths.append(path)
    return paths


def _part_of(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut a random margin of at most a tenth off each side, so that no two are the same."""
    width, height = picture.size
    left, top, right, bottom = rng.uniform(0, 0.1, 4)
    return picture.crop(
        (
            int(left * width),
            int(top * height),
            width - int(right * width),
            height - int(bottom * height),
        )
    )


def _originals(data: Path, n: int = 300) -> list[Image.Image]:
    found = [picture for name in SETS for picture in _sample(data / name / "images.zip", n)]
    return found or list(_drawn(60))


def _sample(archive: Path, n: int) -> Iterator[Image.Image]:
    """Some pictures of an archive, evenly spread; none where there is no archive."""
    if not archive.is_file():
        return
    with zipfile.ZipFile(archive) as members:
        names = sorted(x for x in members.namelist() if x.lower().endswith((".jpg", ".png")))
        for name in names[:: max(1, len(names) // n)][:n]:
            with members.open(name) as file:
                yield Image.open(file).convert("RGB")


def _drawn(n: int) -> Iterator[Image.Image]:
    """Made-up products."""
    with TemporaryDirectory() as folder:
        make_listings(n, folder, listings_per_product=(1, 1), side=400, faulty=0)
        for path in sorted(Path(folder, "images").glob("*.jpg")):
            with Image.open(path) as picture:
                yield picture.convert("RGB")
