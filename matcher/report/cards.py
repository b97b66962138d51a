"""Cards of the gallery: some listings, and why they are together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcher.results import MatchResult
from matcher.types import UNLABELLED, Listings

SHOWN_LISTINGS = 12


@dataclass(frozen=True, slots=True)
class Member:
    """One listing on a card.

    Attributes:
        number: Its number on the card, from 1.
        row: Its row in ``listings``, or in ``right_listings`` if ``from_right``.
        from_right: Whether it is of the right one of two sources.
        id: Its id.
        title: Its title, at any length and with anything in it.
        mark: Says that its label is not that of the others; empty where there is no doubt.
    """

    number: int
    row: int
    from_right: bool
    id: str
    title: str
    mark: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why two listings of a card, given by their numbers, match."""

    name: str
    first: int
    second: int
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """A cluster, or a pair between two sources.

    Attributes:
        anchor: Address inside the page.
        heading: What to call it.
        members: The listings shown.
        n_listings: How many listings there are, shown or not.
        weakest: Lowest score of an accepted pair inside; None where there is none.
        reasons: Why the listings are together.
        n_strangers: How many listings are known to be of another group than most.
    """

    anchor: str
    heading: str
    members: tuple[Member, ...]
    n_listings: int
    weakest: float | None
    reasons: tuple[Reason, ...]
    n_strangers: int = 0


@dataclass(frozen=True, slots=True)
class Chapter:
    """Cards that were chosen for one reason.

    Attributes:
        anchor: Address inside the page.
        title: Heading.
        note: How they were chosen, of how many.
        cards: Those that no chapter before shows, in order.
        shown_above: Those that one does.
    """

    anchor: str
    title: str
    note: str
    cards: tuple[Card, ...]
    shown_above: tuple[Card, ...] = ()


def choose_rows(rows: Iterable[int], first: Iterable[int]) -> list[int]:
    """At most ``SHOWN_LISTINGS`` of the rows, ascending; those in ``first`` go before others."""
    return sorted(list(dict.fromkeys([*first, *rows]))[:SHOWN_LISTINGS])


def number_members(
    listings: Listings, rows: Sequence[int], usual: int | None = None
) -> tuple[Member, ...]:
    """Lay out listings of one table, marking those not of the ``usual`` group."""
    return tuple(
        Member(
            number=number,
            row=row,
            from_right=False,
            id=listings.ids[row],
            title=listings.titles[row],
            mark=_mark(listings, row, usual),
        )
        for number, row in enumerate(rows, start=1)
    )


def find_usual_group(listings: Listings, rows: Sequence[int]) -> int | None:
    """The group most of the rows belong to, ties to the first; None where none is labelled."""
    if listings.groups is None:
        return None
    known = Counter(g for g in listings.groups[rows].tolist() if g != UNLABELLED)
    return known.most_common(1)[0][0] if known else None


def _mark(listings: Listings, row: int, usual: int | None) -> str:
    if listings.groups is None or usual is None or listings.groups[row] == usual:
        return ""
    return "no label" if listings.groups[row] == UNLABELLED else "another group"


def give_reason(result: MatchResult, pair: int, name: str, first: int, second: int) -> Reason:
    """Say why accepted pair ``pair``, whose listings have these numbers, matches."""
    return Reason(name, first, second, float(result.scores[pair]), result.reasons[pair])
