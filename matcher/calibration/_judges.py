"""How good fused scores or clusters are, by the labels of some listings or pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.errors import DataError
from matcher.fusion import ACCEPTED
from matcher.metrics import labelled_pair_f1
from matcher.types import UNLABELLED, Bool, Float32, Int64, ScoredPairs


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled pairs to learn from.

    Attributes:
        truth: Whether each pair is a match, shape ``(m,)``.
        weight: How many times it counts; 0 where its label is unknown or may not be used.
        left: Number of the product of the left listing, 0 or more; -1 where it is none of those
            whose labels may be used.
        right: Likewise.
    """

    truth: Bool
    weight: Int64
    left: Int64
    right: Int64


class Judge(Protocol):
    """Says how good fused scores are."""

    @property
    def pairs(self) -> ScoredPairs:
        """The pairs whose scores are judged."""
        ...

    def __call__(self, fused: Float32) -> float:
        """Return a figure in [0, 1], higher is better."""
        ...

    def examples(self) -> Examples:
        """The labels of the pairs, to train on."""
        ...


@dataclass(slots=True)
class LabelledPairJudge:
    """F1 over pairs that each carry a label, as published matching benchmarks have them.

    Attributes:
        pairs: The labelled pairs.
        truth: Whether each is a match, shape ``(m,)``.
        within: Whether both ends are of one table.
    """

    pairs: ScoredPairs
    truth: Bool
    within: bool = False

    def __call__(self, fused: Float32) -> float:
        """Score the pairs that reach the acceptance bound."""
        return labelled_pair_f1(fused >= ACCEPTED, self.truth)

    def examples(self) -> Examples:
        """All pairs; listings that matches connect are one product."""
        left, right = self.pairs.left, self.pairs.right
        if not self.within:
            right = self.pairs.n_left + right
        n = int(max(left.max(initial=0), right.max(initial=0))) + 1
        ends = left[self.truth], right[self.truth]
        ties = csr_array((np.ones(len(ends[0]), np.int8), ends), shape=(n, n))
        product = np.asarray(connected_components(ties, directed=False)[1], np.int64)
        weight = np.ones(len(self.pairs), np.int64)
        return Examples(self.truth, weight, product[left], product[right])


@dataclass(slots=True)
class PairJudge:
    """Mean row F1 of accepting some of the candidate pairs.

    Attributes:
        pairs: Candidate pairs within one table.
        groups: True product of each listing, or ``UNLABELLED``; shape ``(n,)``. Pairs with an
            unlabelled listing count neither way.
        rows: Labelled listings over which the mean is taken.
        tied: Sets of listings that are not independent, shape ``(n,)``; None for the groups.
    """

    pairs: ScoredPairs
    groups: Int64
    rows: Bool
    tied: Int64 | None = None
    _known: Bool = field(init=False)
    _right: Bool = field(init=False)
    _size: Int64 = field(init=False)

    def __post_init__(self) -> None:
        if len(self.groups) != self.pairs.n_left or not self.rows.any():
            raise DataError(
                f"Thresholds need labelled listings: {self.pairs.n_left} listings, "
                f"{len(self.groups)} groups, {int(self.rows.sum())} rows to score."
            )
        left, right = self.groups[self.pairs.left], self.groups[self.pairs.right]
        self._known = (left != UNLABELLED) & (right != UNLABELLED)
        self._right = self._known & (left == right)
        _, inverse, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
        self._size = counts[inverse]

    def __call__(self, fused: Float32) -> float:
        """Score the pairs that reach the acceptance bound."""
        accepted = (fused >= ACCEPTED) & self._known
        right = accepted & self._right
        hits, found = 1 + self._per_row(right), 1 + self._per_row(accepted)
        return float((2 * hits / (found + self._size))[self.rows].mean())

    def examples(self) -> Examples:
        """Pairs of a listing in ``rows`` with any other; twice as much if both are."""
        left, right = self.pairs.left, self.pairs.right
        used = self.rows.astype(np.int64)
        weight = np.where(self._known, used[left] + used[right], 0)
        product = np.where(self.rows, self.groups if self.tied is None else self.tied, -1)
        return Examples(self._right, weight, product[left], product[right])

    def _per_row(self, chosen: Bool) -> Int64:
        """How many of the chosen pairs each listing is in."""
        n = len(self.groups)
        left = np.bincount(self.pairs.left[chosen], minlength=n)
        return left + np.bincount(self.pairs.right[chosen], minlength=n)


def cluster_row_f1(labels: Int64, groups: Int64, rows: Bool) -> float:
    """Mean over ``rows`` of each listing's F1 when it matches all of its cluster.

    Unlabelled listings are left out, as if they had not been in the table.
    """
    known = groups != UNLABELLED
    labels, groups, rows = labels[known], groups[known], rows[known]
    _, cluster, size = np.unique(labels, return_inverse=True, return_counts=True)
    _, group, group_size = np.unique(groups, return_inverse=True, return_counts=True)
    _, inverse, hits = np.unique(
        cluster * len(group_size) + group, return_inverse=True, return_counts=True
    )
    return float((2 * hits[inverse] / (size[cluster] + group_size[group]))[rows].mean())
