"""One picture of some queries, each beside the best that was found for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matcher.errors import ConfigError, DataError
from matcher.io.atomic import write_atomically
from matcher.io.images import ImageError, read_all
from matcher.report.wording import shorten
from matcher.types import Int64, Listings, SimilarityGraph

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 168  # of a picture, in pixels
FRAME, GAP, AFTER_QUERY = 6, 14, 34
MARGIN, HEAD, CAPTION = 24, 64, 46
BADGE = 28  # width of the disc with a tick or cross
INK, SOFT, PAPER, EMPTY, PLAIN = "#1b1f24", "#59636e", "#ffffff", "#eef0f2", "#c4cad1"
RIGHT, WRONG = "#13743a", "#c4232c"
MAX_QUERIES, MAX_CANDIDATES, LONGEST_ID = 200, 20, 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """One listing that was found: its row in the gallery, score, and whether it is right."""

    row: int
    score: float
    right: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: its row, and what was found for it, best first."""

    row: int
    found: tuple[Candidate, ...]


def choose_shown(n_queries: int, n_shown: int, seed: int) -> Int64:
    """Draw the queries to show: ``n_shown``, or as many as there are or a sheet holds.

    Example:
        >>> choose_shown(300, 1000, seed=0).shape, choose_shown(300, 0, seed=0).shape
        ((200,), (0,))
    """
    n_shown = min(max(n_shown, 0), MAX_QUERIES, n_queries)
    rows = np.random.default_rng(seed).choice(n_queries, n_shown, replace=False)
    return np.sort(rows).astype(np.int64)


def take_best(
    ranking: SimilarityGraph, query_groups: Int64, gallery_groups: Int64, rows: Int64, k: int = 5
) -> list[Asked]:
    """Take the first ``k`` candidates of some queries.

    Args:
        ranking: For each query (row) the gallery rows found, best first.
        query_groups: True product of each query, shape ``(n_queries,)``.
        gallery_groups: True product of each gallery row, shape ``(n_gallery,)``.
        rows: Queries to take.
        k: Most candidates of each.
    """
    asked = []
    for row in rows.tolist():
        edges = range(ranking.indptr[row], min(ranking.indptr[row] + k, ranking.indptr[row + 1]))
        found = ((int(ranking.indices[edge]), float(ranking.scores[edge])) for edge in edges)
        group = query_groups[row]
        best = tuple(Candidate(c, score, bool(gallery_groups[c] == group)) for c, score in found)
        asked.append(Asked(row, best))
    return asked


def write_ranking_sheet(
    path: Path, queries: Listings, gallery: Listings, asked: Sequence[Asked], heading: str = ""
) -> None:
    """Draw queries on the left and their candidates beside them, as PNG.

    A right candidate has a green frame and a tick, a wrong one a red frame and a cross; below
    stand its score and its id, long ones shortened.

    Args:
        path: The file.
        queries: Where the pictures of the queries lie; boxes are cut out.
        gallery: The same of the candidates; may be the same table.
        asked: What to show, 1 to 200 queries with up to 20 candidates each.
        heading: One line above all.

    Raises:
        ConfigError: If there is nothing, or too much, to show.
        StoreError: If the file cannot be written.
    """
    widest = max((len(one.found) for one in asked), default=0)
    if not 1 <= len(asked) <= MAX_QUERIES or widest > MAX_CANDIDATES:
        raise ConfigError(
            f"A sheet shows 1 to {MAX_QUERIES} queries with up to {MAX_CANDIDATES} candidates "
            f"each. Received: {len(asked)} queries, up to {widest} candidates."
        )
    shown = _read(queries, [one.row for one in asked])
    found = _read(gallery, [candidate.row for one in asked for candidate in one.found])
    sheet = _Sheet(len(asked), widest, heading)
    for place, one in enumerate(asked):
        sheet.query(place, shown[one.row], queries.ids[one.row])
        for rank, candidate in enumerate(one.found):
            name = gallery.ids[candidate.row]
            sheet.candidate(place, rank, found[candidate.row], name, candidate)
    write_atomically(path, lambda aside: sheet.image.save(aside, "PNG", optimize=True))


def _read(listings: Listings, rows: Sequence[int]) -> dict[int, Image | None]:
    """The pictures of some rows, fitted into a cell; None where one cannot be read."""
    from PIL import ImageOps

    wanted = set(rows)
    images = tuple(ref if row in wanted else None for row, ref in enumerate(listings.images))
    read: dict[int, Image | None] = dict.fromkeys(wanted)
    for row, found in read_all(
        replace(listings, images=images),
        lambda image: ImageOps.contain(image, (SIDE, SIDE)),
        "pictures",
        draft_size=SIDE,
    ):
        read[row] = None if isinstance(found, ImageError | DataError) else found
    return read


class _Sheet:
    """The drawing: a row a query."""

    def __init__(self, n_queries: int, n_found: int, heading: str) -> None:
        from PIL import Image, ImageDraw

        self.cell = SIDE + 2 * FRAME
        width = 2 * MARGIN + self.cell + AFTER_QUERY + n_found * (self.cell + GAP) - GAP
        height = HEAD + n_queries * (self.cell + CAPTION + GAP) + MARGIN
        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        text = self._fit(heading, width - 2 * MARGIN, 17)
        self.draw.text((MARGIN, 12), text, INK, font=_font(17))
        for x, name in [(MARGIN, "query"), *((self._left(i), f"{i + 1}") for i in range(n_found))]:
            self.draw.text((x + self.cell / 2, HEAD - 6), name, SOFT, font=_font(14), anchor="ms")

    def query(self, place: int, picture: Image | None, name: str) -> None:
        """Draw a query."""
        x, y = MARGIN, self._top(place)
        self._picture(x, y, picture, PLAIN, 1)
        self._id(x, y, name)

    def candidate(
        self, place: int, rank: int, picture: Image | None, name: str, about: Candidate
    ) -> None:
        """Draw a candidate."""
        x, y = self._left(rank), self._top(place)
        color, word = (RIGHT, "right") if about.right else (WRONG, "wrong")
        self._picture(x, y, picture, color, FRAME)
        badge = _badge(color, about.right)
        self.image.paste(badge, (x + FRAME // 2, y + FRAME // 2), badge)
        at = (x + self.cell / 2, y + self.cell + 5)
        self.draw.text(at, f"{about.score:.3f} {word}", color, font=_font(15), anchor="ma")
        self._id(x, y + 20, name)

    def _left(self, rank: int) -> int:
        return MARGIN + self.cell + AFTER_QUERY + rank * (self.cell + GAP)

    def _top(self, place: int) -> int:
        return HEAD + place * (self.cell + CAPTION + GAP)

    def _picture(self, x: int, y: int, picture: Image | None, color: str, frame: int) -> None:
        corner = (x, y, x + self.cell - 1, y + self.cell - 1)
        self.draw.rectangle(corner, PAPER if picture else EMPTY, color, frame)
        middle = x + self.cell // 2, y + self.cell // 2
        if picture is None:
            self.draw.text(middle, "no picture", SOFT, font=_font(14), anchor="mm")
            return
        self.image.paste(picture, (middle[0] - picture.width // 2, middle[1] - picture.height // 2))

    def _id(self, x: int, y: int, name: str) -> None:
        at = (x + self.cell / 2, y + self.cell + 5)
        self.draw.text(at, self._fit(name, self.cell, 13), SOFT, font=_font(13), anchor="ma")

    def _fit(self, text: str, width: int, size: int) -> str:
        """The text, its middle left out where it is wider than ``width`` pixels."""
        text = " ".join(text.split())
        text, font = shorten(text, LONGEST_ID), _font(size)
        kept = len(text)
        fitted = text
        while kept > 2 and self.draw.textlength(fitted, font=font) > width:
            kept -= 1
            fitted = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        return fitted


@cache
def _badge(color: str, right: bool) -> Image:
    """A tick or a cross on a disc, for those who do not tell the colours apart."""
    from PIL import Image, ImageDraw

    side = 96  # drawn large, so that its edges are smooth
    badge = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(badge)
    draw.ellipse((2, 2, side - 3, side - 3), color, PAPER, 7)
    tick = [[(28, 50), (43, 65), (69, 34)]]
    cross = [[(33, 33), (63, 63)], [(33, 63), (63, 33)]]
    for line in tick if right else cross:
        draw.line(line, PAPER, 11, joint="curve")
    return badge.resize((BADGE, BADGE), Image.Resampling.LANCZOS)


def _font(size: int) -> Any:
    """The typeface that comes with Pillow."""
    from PIL import ImageFont

    return ImageFont.load_default(size)
