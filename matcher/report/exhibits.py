"""Which groups and copies the page about a table shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.description import Copies, Description, ListingSet
from matcher.report import wording
from matcher.report.cards import Member, find_usual_group, number_members
from matcher.types import Listings

HEADING = 70
LARGEST = "The largest sets, and the largest of those that hold more than one group by the labels."


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Some listings that belong together.

    Attributes:
        heading: Title of the first, else its id.
        members: The listings shown.
        n_listings: How many listings there are, shown or not.
        n_groups: How many groups they are of, by their labels.
    """

    heading: str
    members: tuple[Member, ...]
    n_listings: int
    n_groups: int


@dataclass(frozen=True, slots=True)
class Room:
    """Exhibits chosen for one reason: an address inside the page, a heading, a note."""

    anchor: str
    title: str
    note: str
    exhibits: tuple[Exhibit, ...]


def choose_rooms(description: Description, listings: Listings) -> list[Room]:
    """Choose what the page shows; parts with nothing in them are left out."""
    rows = {listing_id: row for row, listing_id in enumerate(listings.ids)}
    found: list[tuple[str, str, str, Sequence[ListingSet]]] = []
    if description.groups is not None:
        groups = description.groups
        many = wording.count(groups.groups - groups.singletons)
        note = f"Of {many} groups of two or more, by the labels."
        found.append(("largest", "Largest groups", note, groups.largest))
        note = f"Of the others, drawn at random with seed {groups.seed}."
        found.append(("random", "Some groups", note, groups.random))
    headings = {
        "title": "Listings of one title",
        "hash": "Listings of one hash",
        "picture": "Listings of one picture file",
    }
    for name, heading in headings.items():
        copies = description.copies[name]
        found.append((f"same-{name}", heading, _note(copies), _distinct(copies)))
    return [
        Room(anchor, title, note, tuple(_exhibit(chosen, listings, rows) for chosen in sets))
        for anchor, title, note, sets in found
        if sets
    ]


def _note(copies: Copies) -> str:
    if not copies.several_groups:
        return f"The largest of {wording.plural(copies.sets, 'set')}."
    return f"{LARGEST} There are {wording.plural(copies.sets, 'set')}."


def _distinct(copies: Copies) -> list[ListingSet]:
    """The largest sets, then those of several groups that are not among them."""
    return list(dict.fromkeys([*copies.largest, *copies.largest_of_several_groups]))


def _exhibit(chosen: ListingSet, listings: Listings, rows: dict[str, int]) -> Exhibit:
    shown = [rows[listing_id] for listing_id in chosen.ids]
    usual = find_usual_group(listings, shown) if chosen.groups > 1 else None
    members = number_members(listings, shown, usual)
    title = wording.shorten(members[0].title, HEADING)
    return Exhibit(
        heading=title or wording.shorten(members[0].id, HEADING),
        members=members,
        n_listings=chosen.listings,
        n_groups=chosen.groups,
    )
