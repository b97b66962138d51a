"""Accepted pairs between two sources, and the cards that show them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matcher.errors import DataError
from matcher.report.cards import Card, give_reason, number_members
from matcher.results import MatchResult
from matcher.types import UNLABELLED, Float32, Int64, Listings


@dataclass(frozen=True, slots=True)
class PairViews:
    """All accepted pairs between two sources, in the order of the result.

    Attributes:
        result: Where they come from.
        right_listings: Listings of the right source.
        scores: Fused score of each pair.
        n_strangers: 1 where both listings are labelled and the labels differ, else 0.
    """

    result: MatchResult
    right_listings: Listings
    scores: Float32
    n_strangers: Int64

    @classmethod
    def of(cls, result: MatchResult) -> PairViews:
        """Look at the pairs of a result between two sources."""
        if result.right_listings is None:
            raise DataError("Matches within one table are shown as clusters; see ClusterViews.")
        n_strangers = _count_strangers(result, result.right_listings)
        return cls(result, result.right_listings, result.scores, n_strangers)

    def card(self, i: int) -> Card:
        """Lay out the ``i``-th accepted pair, the listing of the left source first."""
        result = self.result
        left, right = int(result.accepted.left[i]), int(result.accepted.right[i])
        (first,) = number_members(result.listings, [left])
        (second,) = number_members(self.right_listings, [right])
        mark = "another group" if self.n_strangers[i] else ""
        second = replace(second, number=2, from_right=True, mark=mark)
        return Card(
            anchor=f"pair-{i + 1}",
            heading=f"Pair {i + 1}",
            members=(first, second),
            n_listings=2,
            weakest=float(self.scores[i]),
            reasons=(give_reason(result, i, "Why", 1, 2),),
            n_strangers=int(self.n_strangers[i]),
        )


def _count_strangers(result: MatchResult, right_listings: Listings) -> Int64:
    """For each pair, whether it is known to be wrong, as 0 or 1."""
    if result.listings.groups is None or right_listings.groups is None:
        return np.zeros(len(result.accepted), np.int64)
    left = result.listings.groups[result.accepted.left]
    right = right_listings.groups[result.accepted.right]
    wrong = (left != right) & (left != UNLABELLED) & (right != UNLABELLED)
    return np.asarray(wrong, np.int64)
