"""Metrics of each listing's match set, as on the Shopee leaderboard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matcher.metrics.checks import check_covers, check_labelled, check_no_self_pairs
from matcher.types import Float64, Int64, SimilarityGraph


class RowCounts(NamedTuple):
    """Sizes of the match sets of every listing, the listing itself included; shape ``(n,)``.

    Attributes:
        correct: Matched and of the same group.
        predicted: Matched.
        true: Of the same group.
    """

    correct: Int64
    predicted: Int64
    true: Int64

    @property
    def precision(self) -> Float64:
        """Share of each match set that is right."""
        return self.correct / self.predicted

    @property
    def recall(self) -> Float64:
        """Share of each group that is matched."""
        return self.correct / self.true

    @property
    def f1(self) -> Float64:
        """Harmonic mean of the two."""
        return 2 * self.correct / (self.predicted + self.true)


def count_rowwise(matches: SimilarityGraph, groups: Int64) -> RowCounts:
    """Count what each listing is matched with, and what it should be.

    Raises:
        DataError: If the graph is not n × n for n groups, pairs a listing with itself, or a
            listing is unlabelled.
    """
    check_covers(matches, "row", "groups", groups)
    check_covers(matches, "column", "groups", groups)
    check_labelled("groups", groups)
    check_no_self_pairs(matches)
    rows = matches.rows()
    right = rows[groups[rows] == groups[matches.indices]]
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return RowCounts(
        correct=1 + np.bincount(right, minlength=len(groups)),
        predicted=1 + np.diff(matches.indptr),
        true=sizes[group],
    )


def rowwise_precision(matches: SimilarityGraph, groups: Int64) -> Float64:
    """Share of each listing's match set that is right: ``|M ∩ G| / |M|``.

    ``M`` is the listing with its matches, ``G`` its group; the listing is in both.

    Args:
        matches: Accepted pairs, n × n; self-pairs are implied, not stored.
        groups: True product of each listing, shape ``(n,)``.

    Returns:
        Values in (0, 1], shape ``(n,)``.

    Raises:
        DataError: If the graph is not n × n for n groups, pairs a listing with itself, or a
            listing is unlabelled.

    Source:
        Kaggle "Shopee - Price Match Guarantee" (2021), evaluation page.

    Example:
        >>> from matcher.similarity import build_graph
        >>> g = build_graph(np.array([0]), np.array([2]), np.float32([0.9]), 3, 3)
        >>> rowwise_precision(g, np.array([7, 7, 8]))
        array([0.5, 1. , 1. ])
    """
    return count_rowwise(matches, groups).precision


def rowwise_recall(matches: SimilarityGraph, groups: Int64) -> Float64:
    """Share of each listing's group that is matched: ``|M ∩ G| / |G|``.

    Arguments, errors and source as for ``rowwise_precision``.

    Returns:
        Values in (0, 1], shape ``(n,)``.

    Example:
        >>> from matcher.similarity import build_graph
        >>> g = build_graph(np.array([0]), np.array([1]), np.float32([0.9]), 3, 3)
        >>> rowwise_recall(g, np.array([7, 7, 8]))
        array([1. , 0.5, 1. ])
    """
    return count_rowwise(matches, groups).recall


def rowwise_f1(matches: SimilarityGraph, groups: Int64) -> Float64:
    """F1 of each listing's match set: ``2 |M ∩ G| / (|M| + |G|)``.

    Arguments, errors and source as for ``rowwise_precision``.

    Returns:
        Values in (0, 1], shape ``(n,)``; their mean is the Shopee leaderboard metric.

    Example:
        >>> from matcher.similarity import build_graph
        >>> g = build_graph(np.array([0]), np.array([1]), np.float32([0.9]), 3, 3)
        >>> rowwise_f1(g, np.array([7, 7, 8])).round(3)
        array([1.   , 0.667, 1.   ])
    """
    return count_rowwise(matches, groups).f1
