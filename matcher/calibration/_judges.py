"""How good fused scores or clusters are, by the labels of some listings or pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from matcher.errors import DataError
from matcher.fusion import ACCEPTED
from matcher.metrics import labelled_pair_f1
from matcher.types import UNLABELLED, Bool, Float32, Int64, ScoredPairs


class Judge(Protocol):
    """Says how good fused scores are."""

    @property
    def pairs(self) -> ScoredPairs:
        """The pairs whose scores are judged."""
        ...

    def __call__(self, fused: Float32) -> float:
        """Return a figure in [0, 1], higher is better."""
        ...


@dataclass(slots=True)
class LabelledPairJudge:
    """F1 over pairs that each carry a label, as published matching benchmarks have them.

    Attributes:
        pairs: The labelled pairs.
        truth: Whether each is a match, shape ``(m,)``.
    """

    pairs: ScoredPairs
    truth: Bool

    def __call__(self, fused: Float32) -> float:
        """Score the pairs that reach the acceptance bound."""
        return labelled_pair_f1(fused >= ACCEPTED, self.truth)


@dataclass(slots=True)
class PairJudge:
    """Mean row F1 of accepting some of the candidate pairs.

    Attributes:
        pairs: Candidate pairs within one table.
        groups: True product of each listing, or ``UNLABELLED``; shape ``(n,)``. Pairs with an
            unlabelled listing count neither way.
        rows: Labelled listings over which the mean is taken.
    """

    pairs: ScoredPairs
    groups: Int64
    rows: Bool
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
