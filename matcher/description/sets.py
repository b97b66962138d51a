"""Listings that share something: a title, a hash, a picture, a group."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from matcher.types import UNLABELLED, Listings

NAMED = 12
EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class ListingSet:
    """Listings that belong together in some way.

    Attributes:
        ids: Ids of at most ``NAMED`` of them, in the order of the table; one of each group
            goes before a second of the same.
        listings: How many there are.
        groups: How many groups they are of, by those that have a label.
    """

    ids: tuple[str, ...]
    listings: int
    groups: int


@dataclass(frozen=True, slots=True)
class Copies:
    """Sets of two or more listings that are equal in one respect.

    Attributes:
        compared: Listings that have what is compared.
        sets: Number of sets.
        listings: Listings in them.
        one_group: Sets with two or more labelled listings, all of one group.
        several_groups: Sets that hold listings of more than one group.
        not_labelled: Sets with fewer than two labelled listings.
        listings_in_several_groups: Listings in the sets of more than one group.
        largest: The largest sets; ties go to the one that comes first in the table.
        largest_of_several_groups: The largest of those.
    """

    compared: int
    sets: int
    listings: int
    one_group: int
    several_groups: int
    not_labelled: int
    listings_in_several_groups: int
    largest: tuple[ListingSet, ...]
    largest_of_several_groups: tuple[ListingSet, ...]


def find_copies(keys: Sequence[Hashable | None], listings: Listings) -> Copies:
    """Put listings of equal keys together.

    Args:
        keys: What is compared, one per listing; None where it is missing.
        listings: Their ids and labels.
    """
    members: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            members.setdefault(key, []).append(row)
    compared = sum(map(len, members.values()))
    found = sorted((rows for rows in members.values() if len(rows) > 1), key=_largest_first)
    labels = [_labels(listings, rows) for rows in found]
    several = [r for r, known in zip(found, labels, strict=True) if len(set(known)) > 1]
    n_unlabelled = sum(len(known) < 2 for known in labels)
    return Copies(
        compared=compared,
        sets=len(found),
        listings=sum(map(len, found)),
        one_group=len(found) - len(several) - n_unlabelled,
        several_groups=len(several),
        not_labelled=n_unlabelled,
        listings_in_several_groups=sum(map(len, several)),
        largest=tuple(make_set(listings, rows) for rows in found[:EXAMPLES]),
        largest_of_several_groups=tuple(make_set(listings, rows) for rows in several[:EXAMPLES]),
    )


def make_set(listings: Listings, rows: Sequence[int]) -> ListingSet:
    """Name some listings, given by ascending rows."""
    first_of_group: dict[int, int] = {}
    for row in rows:
        first_of_group.setdefault(_label(listings, row), row)
    named = sorted([*dict.fromkeys([*first_of_group.values(), *rows])][:NAMED])
    n_groups = len(first_of_group) - (UNLABELLED in first_of_group)
    return ListingSet(tuple(listings.ids[row] for row in named), len(rows), n_groups)


def _largest_first(rows: Sequence[int]) -> tuple[int, int]:
    return -len(rows), rows[0]


def _label(listings: Listings, row: int) -> int:
    return UNLABELLED if listings.groups is None else int(listings.groups[row])


def _labels(listings: Listings, rows: Sequence[int]) -> list[int]:
    """Labels of those listings that have one."""
    labels = [_label(listings, row) for row in rows]
    return [label for label in labels if label != UNLABELLED]
