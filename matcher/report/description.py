"""One HTML file that shows what a table of listings holds: no script, and no request leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matcher.description import Copies, Description
from matcher.report import html, wording
from matcher.report.description_charts import (
    chart_kinds,
    chart_languages,
    chart_lengths,
    chart_sizes,
    chart_terms,
    chart_titles,
    make_cloud,
)
from matcher.report.exhibits import Room, choose_rooms
from matcher.report.pictures import Thumbnail, read_thumbnails
from matcher.report.summary import Tile
from matcher.types import Listings

TEMPLATE = "description.html.j2"
SHOWN_TERMS = 24
NAMES = {"title": "Same title", "hash": "Same hash", "picture": "Same picture file"}
NOTES = {
    "title": "case, spelling of amounts and white space aside",
    "hash": "all 64 bits of the perceptual hash",
    "picture": "byte for byte",
}


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One way in which listings may be equal, as a row of the table.

    Attributes:
        name: What is compared.
        note: More exactly.
        values: Listings compared, sets, listings in them, and their share.
        by_label: Sets of one group, of several, and not labelled; empty without labels.
    """

    name: str
    note: str
    values: tuple[str, ...]
    by_label: tuple[str, ...]


def render_description(description: Description, listings: Listings) -> str:
    """Write what a table holds as a page for a person to look at.

    The page is one file of at most some 3 MB. It needs neither JavaScript nor a network. The
    same table gives the same page, byte for byte.

    Args:
        description: The figures.
        listings: The table they are of; pictures are read from where it says they lie.

    Returns:
        HTML, to be saved as UTF-8.
    """
    titles = description.titles
    rooms = choose_rooms(description, listings)
    context: dict[str, Any] = {
        "headline": wording.plural(len(listings), "listing"),
        "lead": _write_lead(description),
        "tiles": _make_tiles(description),
        "problems": description.problems,
        "groups": description.groups,
        "sizes": chart_sizes(description.groups.sizes) if description.groups else [],
        "titles": titles,
        "lengths": [
            *chart_lengths("Length in characters", titles.characters),
            *chart_lengths("Length in words", titles.words),
        ],
        "kinds": chart_kinds(titles),
        "languages": description.languages,
        "language_bars": chart_languages(description.languages),
        "attributes": chart_titles(titles),
        "cloud": make_cloud(titles.top_words),
        "words": chart_terms(titles.top_words[:SHOWN_TERMS]),
        "pairs": chart_terms(titles.top_pairs[:SHOWN_TERMS]),
        "copies": _list_copies(description),
        "rooms": rooms,
        "pictures": _read_pictures(listings, rooms),
    }
    return html._environment().get_template(TEMPLATE).render(context)


def _write_lead(description: Description) -> str:
    """Say in a sentence what one may compare them by."""
    counts = description.counts
    n = counts["listings"]
    parts = [
        f"{_share_of(counts[key], n)} {noun}"
        for key, noun in (
            ("with_title", "a title"),
            ("with_image", "a picture"),
            ("with_hash", "a perceptual hash"),
            ("labelled", "a label"),
        )
    ]
    return f"{'; '.join(parts).capitalize()}." if n else "The table is empty."


def _share_of(part: int, whole: int) -> str:
    if part == whole:
        return "all have"
    return f"{wording.share(part, whole)} have" if part else "none has"


def _make_tiles(description: Description) -> list[Tile]:
    """The figures at the top of the page."""
    counts, groups = description.counts, description.groups
    n = counts["listings"]
    given = counts["hashes_given"]
    source = f"{wording.count(given)} given in the table" if given else "made from the pictures"
    tiles = [
        Tile("Listings", wording.count(n)),
        _part("With a title", counts["with_title"], n),
        _part("With a picture", counts["with_image"], n),
        Tile(
            "With a hash",
            wording.count(counts["with_hash"]),
            source if counts["with_hash"] else "",
        ),
        _part("Labelled", counts["labelled"], n),
    ]
    if groups is not None:
        alone = f"{wording.count(groups.singletons)} of one listing"
        tiles.append(Tile("Groups", wording.count(groups.groups), alone))
    return tiles


def _part(label: str, part: int, whole: int) -> Tile:
    return Tile(label, wording.count(part), f"{wording.share(part, whole)} of all" if whole else "")


def _list_copies(description: Description) -> list[CopyRow]:
    """The kinds of copies, those left out for which nothing could be compared."""
    labelled = description.groups is not None
    return [
        _describe_copies(name, copies, labelled)
        for name, copies in description.copies.items()
        if copies.compared
    ]


def _describe_copies(name: str, copies: Copies, labelled: bool) -> CopyRow:
    counts = (copies.compared, copies.sets, copies.listings)
    by_label = (copies.one_group, copies.several_groups, copies.not_labelled)
    return CopyRow(
        name=NAMES[name],
        note=NOTES[name],
        values=(*map(wording.count, counts), wording.share(copies.listings, copies.compared)),
        by_label=tuple(map(wording.count, by_label)) if labelled else (),
    )


def _read_pictures(listings: Listings, rooms: list[Room]) -> dict[int, Thumbnail]:
    """Pictures of all listings shown, by row."""
    rows = [m.row for room in rooms for exhibit in room.exhibits for m in exhibit.members]
    return dict(read_thumbnails(listings, rows))
