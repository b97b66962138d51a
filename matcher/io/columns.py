"""Which column of a table holds what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import field_validator

from matcher.errors import DataError
from matcher.settings import Settings, suggest

CANDIDATES = {
    "id": (
        "posting_id",
        "listing_id",
        "id",
        "item_id",
        "offer_id",
        "product_id",
        "sku",
        "seller_img_id",
        "user_img_id",
    ),
    "title": ("title", "name", "product_title", "product_name", "item_title"),
    "image": ("image", "img_path", "image_path", "image_file", "filename", "picture", "photo"),
    "phash": ("image_phash", "phash"),
    "group": ("label_group", "group", "cluster_id", "group_id", "label"),
}
BOX = ("bbox_x", "bbox_y", "bbox_w", "bbox_h")
KNOWN = frozenset(BOX).union(*CANDIDATES.values())
MAX_NAMES_SHOWN = 30


class Columns(Settings):
    """Names of the columns to read. None: detected by name; "": the table has none.

    Attributes:
        id: Unique id of each listing.
        title: Title; several columns, as a list or split by commas, are joined by a space.
        image: File name of the picture.
        phash: Perceptual hash, as 16 hexadecimal digits.
        group: True product, where it is known.
        box: The four columns x, y, width and height of the product in its picture, in pixels,
            as a list or split by commas.
    """

    id: str | None = None
    title: str | tuple[str, ...] | None = None
    image: str | None = None
    phash: str | None = None
    group: str | None = None
    box: str | tuple[str, ...] | None = None

    @field_validator("box")
    @classmethod
    def _four_names(cls, box: str | tuple[str, ...] | None) -> tuple[str, ...] | str | None:
        if not box:
            return box
        names = _split(box)
        if len(names) != 4:
            raise ValueError(f"box takes four columns: x, y, width, height. Received: {box!r}")
        return names


@dataclass(frozen=True, slots=True)
class FoundColumns:
    """Positions of the columns in one table; None or empty where it has none."""

    id: int
    title: tuple[int, ...]
    image: int | None
    phash: int | None
    group: int | None
    box: tuple[int, ...]


def find_columns(
    names: Sequence[str], columns: Columns, where: str, labels_only: bool = False
) -> FoundColumns:
    """Find the columns that ``columns`` names, and detect those it leaves open.

    Names are compared without regard to case or outer spaces.

    Args:
        names: Columns of the table.
        columns: What the user named.
        where: What to call the table in messages.
        labels_only: Whether ids and labels will do.

    Raises:
        DataError: If a named column is absent, a column to be read occurs twice, or the table
            has no id column or nothing to compare listings by.
    """
    header = _Header(names, where)
    found = FoundColumns(
        id=find_id(names, columns.id, where),
        title=header.titles(columns.title),
        image=header.one("image", columns.image),
        phash=header.one("phash", columns.phash),
        group=header.one("group", columns.group),
        box=header.box(columns.box),
    )
    nothing = not found.title and found.image is None and found.phash is None
    if nothing and not labels_only:
        raise DataError(
            f"{where} has no column of titles, images or perceptual hashes. {header.listed()} "
            "Name one with --title COLUMN, --image COLUMN or --phash COLUMN."
        )
    return found


def find_id(names: Sequence[str], name: str | None, where: str) -> int:
    """Find the column of ids, named or detected.

    Raises:
        DataError: If there is none.
    """
    header = _Header(names, where)
    place = header.one("id", name)
    if place is None:
        raise DataError(
            f"{where} has no column of ids. {header.listed()} Name one with --id COLUMN."
        )
    return place


class _Header:
    """The names of one table's columns, to look things up in."""

    def __init__(self, names: Sequence[str], where: str) -> None:
        self.names = list(names)
        self.where = where
        self.plain = [name.strip().casefold() for name in names]

    def listed(self) -> str:
        """Say which columns there are."""
        shown = ", ".join(repr(name[:60]) for name in self.names[:MAX_NAMES_SHOWN])
        more = len(self.names) - MAX_NAMES_SHOWN
        return f"Columns found: {shown}{f' and {more} more' if more > 0 else ''}."

    def position(self, name: str) -> int | None:
        """Where a column is; its exact spelling wins over a mere likeness."""
        exact = [i for i, known in enumerate(self.names) if known == name]
        plain = name.strip().casefold()
        places = exact or [i for i, known in enumerate(self.plain) if known == plain]
        if len(places) > 1:
            raise DataError(
                f"{self.where} has {len(places)} columns named {name!r}, and it is not clear "
                "which to read. Rename all but one."
            )
        return places[0] if places else None

    def named(self, kind: str, name: str) -> int:
        """Where the column is that the user named for ``kind``."""
        place = self.position(name)
        if place is None:
            raise DataError(
                f"{self.where} has no column {name!r}, named for {kind!r}."
                f"{suggest(name, self.names)} {self.listed()}"
            )
        return place

    def one(self, kind: str, name: str | None) -> int | None:
        """Where the column for ``kind`` is, named or detected."""
        if name is not None:
            return self.named(kind, name) if name else None
        places = (self.position(candidate) for candidate in CANDIDATES[kind])
        return next((place for place in places if place is not None), None)

    def titles(self, names: str | tuple[str, ...] | None) -> tuple[int, ...]:
        """Where the titles are; a column name may itself hold a comma."""
        if names is None or (isinstance(names, str) and self.position(names) is not None):
            place = self.one("title", names)
            return () if place is None else (place,)
        return tuple(self.named("title", name) for name in _split(names))

    def box(self, names: str | tuple[str, ...] | None) -> tuple[int, ...]:
        """Where the boxes are; detected only if all four columns are there."""
        if names is not None:
            return tuple(self.named("box", name) for name in names)
        places = [self.position(name) for name in BOX]
        found = tuple(place for place in places if place is not None)
        return found if len(found) == len(BOX) else ()


def _split(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """Several names written as one text."""
    parts = names.split(",") if isinstance(names, str) else names
    return tuple(part.strip() for part in parts if part.strip())
