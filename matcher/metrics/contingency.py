"""The cross table of clusters and groups, on which all clustering metrics are sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.metrics.checks import check_columns, check_labelled
from matcher.types import Int64


@dataclass(frozen=True, slots=True)
class Contingency:
    """How many listings each cluster shares with each group; empty cells are not stored.

    Clusters and groups are numbered from 0. There are at most as many cells as listings.

    Attributes:
        clusters: Cluster of each cell, shape ``(n_cells,)``.
        groups: Group of each cell, shape ``(n_cells,)``.
        counts: Listings in each cell, at least 1, shape ``(n_cells,)``.
        cluster_sizes: Listings in each cluster, shape ``(n_clusters,)``.
        group_sizes: Listings in each group, shape ``(n_groups,)``.
    """

    clusters: Int64
    groups: Int64
    counts: Int64
    cluster_sizes: Int64
    group_sizes: Int64

    @property
    def n(self) -> int:
        """Number of listings."""
        return int(self.counts.sum())


def tabulate(labels: Int64, groups: Int64) -> Contingency:
    """Count the listings that each cluster shares with each group.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing, shape ``(n,)``; any numbering, none unlabelled.

    Raises:
        DataError: If the two differ in length, or a listing is unlabelled.

    Example:
        >>> tabulate(np.array([0, 0, 1]), np.array([7, 8, 8])).counts
        array([1, 1, 1])
    """
    check_columns(labels=labels, groups=groups)
    check_labelled("groups", groups)
    _, cluster, cluster_sizes = np.unique(labels, return_inverse=True, return_counts=True)
    _, group, group_sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n_groups = max(len(group_sizes), 1)
    cells, counts = np.unique(cluster * n_groups + group, return_counts=True)
    return Contingency(cells // n_groups, cells % n_groups, counts, cluster_sizes, group_sizes)
