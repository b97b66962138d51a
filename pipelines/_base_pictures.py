"""Pictures that the base encoder of images learns from, with their categories."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile

from matcher.errors import DataError
from matcher.io.archives import Archive, open_archive
from pipelines._base_tables import read_columns, write_rows

MIN_PICTURES = 5
MAX_BYTES = 50_000_000
# The fourth split, test, is what others score with.
GROCERY_SPLITS = ("train", "val", "iconic")


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of the table: its fields are the columns."""

    listing_id: str
    image: str
    product: str
    category: str
    set: str


@dataclass(frozen=True, slots=True)
class Source:
    """A picture of a set: its id, its name in the archive, and its category or ""."""

    listing_id: str
    image: str
    category: str


def write_pictures(sets: Path, folder: Path) -> list[Picture]:
    """Take the pictures out of their archives, byte by byte, and write the table of them.

    Pictures with the same bytes are one product, any other is a product of its own. A picture
    with the bytes of a test photo is left out.

    Args:
        sets: Folder with the folders fashion, clothing and grocery.
        folder: Gets ``listings.csv`` and ``images/``.

    Raises:
        DataError: If a table or a picture is missing or damaged.
    """
    grocery, tests = read_grocery(sets / "grocery" / "listings.csv")
    sources = {
        "fashion": read_fashion(sets / "fashion" / "listings.csv"),
        "clothing": read_clothing(sets / "clothing" / "listings.csv"),
        "grocery": grocery,
    }
    taken = {digest for digest, _, _ in _read_all(sets / "grocery", tests)}
    first: dict[bytes, str] = {}  # the product that a content was seen for first
    pictures = []
    for name, rows in sources.items():
        for digest, content, row in _read_all(sets / name, rows):
            if digest in taken:
                continue
            listing_id = f"{name}/{row.listing_id}"
            image = f"{name}/{_inside(row.image)}"
            _write(folder / "images" / image, content)
            product = first.setdefault(digest, listing_id)
            pictures.append(Picture(listing_id, image, product, row.category, name))
    write_rows(pictures, Picture, folder / "listings.csv")
    return pictures


def read_fashion(path: Path) -> list[Source]:
    """Pictures of clothes and accessories: category, subcategory and article type of each."""
    rows = read_columns(path, "listing_id", "image", "description")
    parts = [["fashion", *text.split(" - ")[:3]] for _, _, text in rows]
    names = ["/".join(part) for part in lift_rare(parts)]
    return [Source(row[0], row[1], name) for row, name in zip(rows, names, strict=True)]


def read_clothing(path: Path) -> list[Source]:
    """Pictures of clothes, with ten categories."""
    rows = read_columns(path, "listing_id", "image", "category")
    return [Source(row, image, f"clothing/{name}") for row, image, name in rows]


def read_grocery(path: Path) -> tuple[list[Source], list[Source]]:
    """Pictures of food with the name of their class, and the photos of the test split without."""
    rows = read_columns(path, "listing_id", "image", "title", "label_group", "split")
    names: dict[str, str] = {}
    for _, _, title, label, split in rows:
        if split in GROCERY_SPLITS:  # icons say more than the name, and begin with it
            names[label] = min(names.get(label, title), title, key=lambda t: (len(t), t))
    kept = [
        Source(row, image, f"grocery/{names[label]}")
        for row, image, _, label, split in rows
        if split in GROCERY_SPLITS
    ]
    return kept, [Source(row[0], row[1], "") for row in rows if row[4] not in GROCERY_SPLITS]


def lift_rare(categories: Iterable[list[str]], least: int = MIN_PICTURES) -> list[list[str]]:
    """Put pictures of rare categories one level up, and again as long as that is rare.

    Args:
        categories: The levels of each picture, the set first; what lies right below the set
            stays, however rare.
        least: Number of pictures that a category needs.

    Example:
        >>> lift_rare([["set", "a", "b"]] * 2 + [["set", "a", "c"]], least=2)
        [['set', 'a', 'b'], ['set', 'a', 'b'], ['set', 'a']]
    """
    found = [tuple(levels) for levels in categories]
    for depth in range(max(map(len, found), default=0), 2, -1):
        sizes = Counter(found)
        found = [
            levels[:-1] if len(levels) == depth and sizes[levels] < least else levels
            for levels in found
        ]
    return [list(levels) for levels in found]


def _read_all(folder: Path, rows: list[Source]) -> Iterator[tuple[bytes, bytes, Source]]:
    """Digest, content and row of each picture."""
    archive = open_archive(folder / "images.zip")
    for row in rows:
        content = _read(archive, row.image, folder)
        yield hashlib.sha256(content).digest(), content, row


def _read(archive: Archive, name: str, folder: Path) -> bytes:
    try:
        return archive.read(name, MAX_BYTES)
    except (ValueError, BadZipFile) as error:
        raise DataError(
            f"{folder / 'images.zip'} does not give the picture {name!r}, which "
            f"{folder / 'listings.csv'} names: {error}. Fetch the set again."
        ) from error


def _inside(name: str) -> str:
    """Name of a picture below the archive's folder ``images``."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"A picture lies below the folder of its set. Received: {name!r}.")
    return str(path.relative_to("images") if path.parts[0] == "images" else path)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
