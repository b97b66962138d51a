"""Groups of listings that are the same product, by their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from matcher.description.sets import EXAMPLES, ListingSet, make_set
from matcher.types import UNLABELLED, Listings


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of labelled listings.

    Attributes:
        groups: Number of groups.
        singletons: Those of one listing.
        labelled: Listings that have a label.
        mean: Listings in a group, on average.
        median: Middle size of a group.
        sizes: How many groups there are of each size, ascending.
        largest: The largest groups of two or more; ties go to the one that comes first.
        random: Others of two or more, drawn at random, in the order of the table.
        seed: Seeds the draw.
    """

    groups: int
    singletons: int
    labelled: int
    mean: float
    median: float
    sizes: Mapping[int, int]
    largest: tuple[ListingSet, ...]
    random: tuple[ListingSet, ...]
    seed: int


def describe_groups(listings: Listings, seed: int = 0) -> Groups | None:
    """Sum up the groups.

    Returns:
        None where no listing has a label.
    """
    if listings.groups is None or not (listings.groups != UNLABELLED).any():
        return None
    known = np.flatnonzero(listings.groups != UNLABELLED)
    order = known[np.argsort(listings.groups[known], kind="stable")]
    starts = np.flatnonzero(np.diff(listings.groups[order], prepend=UNLABELLED))
    members = np.split(order, starts[1:])
    sizes = np.array([len(rows) for rows in members])
    first = order[starts]
    ranked = np.lexsort((first, -sizes))
    ranked = ranked[sizes[ranked] > 1]
    others = np.random.default_rng(seed).permutation(ranked[EXAMPLES:])[:EXAMPLES]
    others = others[np.argsort(first[others])]
    return Groups(
        groups=len(members),
        singletons=int((sizes == 1).sum()),
        labelled=len(known),
        mean=round(float(sizes.mean()), 2),
        median=float(np.median(sizes)),
        sizes=dict(sorted(Counter(sizes.tolist()).items())),
        largest=tuple(make_set(listings, members[g].tolist()) for g in ranked[:EXAMPLES]),
        random=tuple(make_set(listings, members[g].tolist()) for g in others),
        seed=seed,
    )
