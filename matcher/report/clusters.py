"""Clusters of two or more listings, and the cards that show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.errors import DataError
from matcher.report.cards import (
    Card,
    Reason,
    choose_rows,
    find_usual_group,
    give_reason,
    number_members,
)
from matcher.results import MatchResult
from matcher.types import UNLABELLED, Float32, Int64, Listings

NO_PAIR = -1
SHOWN_STRANGERS = 4


@dataclass(frozen=True, slots=True)
class ClusterViews:
    """All clusters of two or more listings, column by column.

    Attributes:
        result: Where they come from.
        numbers: Number of each cluster, as in the table of clusters, ascending.
        sizes: Its listings.
        weakest_pair: Place of its lowest-scored accepted pair; ``NO_PAIR`` without one.
        strongest_pair: Place of its highest-scored accepted pair.
        weakest: Score of the weakest pair; infinity without one.
        n_strangers: Listings known to be of another group than most of the cluster.
        members: Rows of all listings, cluster by cluster.
        starts: Where each cluster begins in ``members``.
    """

    result: MatchResult
    numbers: Int64
    sizes: Int64
    weakest_pair: Int64
    strongest_pair: Int64
    weakest: Float32
    n_strangers: Int64
    members: Int64
    starts: Int64

    @classmethod
    def of(cls, result: MatchResult) -> ClusterViews:
        """Look at the clusters of a result within one table."""
        if result.clusters_found is None:
            raise DataError("Matches between two sources have no clusters; see PairViews.")
        labels = result.clusters_found.labels
        sizes = np.bincount(labels, minlength=1)
        numbers = np.flatnonzero(sizes > 1)
        weakest, strongest = _end_pairs(result, labels, len(sizes))
        scores = np.append(result.scores, np.float32(np.inf))  # NO_PAIR finds the last
        return cls(
            result=result,
            numbers=numbers,
            sizes=sizes[numbers],
            weakest_pair=weakest[numbers],
            strongest_pair=strongest[numbers],
            weakest=scores[weakest[numbers]],
            n_strangers=_count_strangers(labels, result.listings.groups, len(sizes))[numbers],
            members=np.argsort(labels, kind="stable"),
            starts=(np.cumsum(sizes) - sizes)[numbers],
        )

    def card(self, i: int) -> Card:
        """Lay out the ``i``-th cluster: weakest pair, strongest pair and strangers for certain."""
        listings = self.result.listings
        rows = self.members[self.starts[i] : self.starts[i] + self.sizes[i]].tolist()
        usual = find_usual_group(listings, rows)
        links = self._links(i)
        accepted = self.result.accepted
        telling = [int(end[pair]) for _, pair in links for end in (accepted.left, accepted.right)]
        telling += _strangers(listings, rows, usual)[:SHOWN_STRANGERS]
        shown = choose_rows(rows, telling)
        number = int(self.numbers[i])
        return Card(
            anchor=f"cluster-{number}",
            heading=f"Cluster {number}",
            members=number_members(listings, shown, usual),
            n_listings=len(rows),
            weakest=float(self.weakest[i]) if links else None,
            reasons=tuple(self._reason(name, pair, shown) for name, pair in links),
            n_strangers=int(self.n_strangers[i]),
        )

    def _links(self, i: int) -> list[tuple[str, int]]:
        """The pairs to speak of, by name."""
        weakest, strongest = int(self.weakest_pair[i]), int(self.strongest_pair[i])
        if weakest == NO_PAIR:
            return []
        if weakest == strongest:
            return [("Why", weakest)]
        return [("Strongest pair", strongest), ("Weakest pair", weakest)]

    def _reason(self, name: str, pair: int, shown: list[int]) -> Reason:
        accepted = self.result.accepted
        first, second = int(accepted.left[pair]), int(accepted.right[pair])
        numbers = shown.index(first) + 1, shown.index(second) + 1
        return give_reason(self.result, pair, name, *numbers)


def _strangers(listings: Listings, rows: list[int], usual: int | None) -> list[int]:
    """Those of the rows that are known to be of another group than the usual one."""
    if listings.groups is None:
        return []
    return [row for row in rows if listings.groups[row] not in (usual, UNLABELLED)]


def _end_pairs(result: MatchResult, labels: Int64, n: int) -> tuple[Int64, Int64]:
    """Places of the weakest and the strongest accepted pair inside each of ``n`` clusters."""
    left, right = labels[result.accepted.left], labels[result.accepted.right]
    inside = np.flatnonzero(left == right)
    order = inside[np.lexsort((inside, -result.scores[inside], left[inside]))]
    ends = np.full((2, n), NO_PAIR)
    ends[0, left[order]] = order  # of several, the last stays: the lowest score
    ends[1, left[order[::-1]]] = order[::-1]
    return ends[0], ends[1]


def _count_strangers(labels: Int64, groups: Int64 | None, n: int) -> Int64:
    """For each of ``n`` clusters, its labelled listings that are not of its commonest group."""
    if groups is None:
        return np.zeros(n, np.int64)
    known = groups != UNLABELLED
    cells, counts = np.unique(
        np.stack([labels[known], groups[known]], axis=1), axis=0, return_counts=True
    )
    commonest = np.zeros(n, np.int64)
    np.maximum.at(commonest, cells[:, 0], counts)
    return np.bincount(labels[known], minlength=n) - commonest
