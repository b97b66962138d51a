"""Metrics of a clustering as a whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matcher.metrics.contingency import Contingency, tabulate
from matcher.metrics.counts import Counts
from matcher.metrics.pairs import count_pairs
from matcher.types import Float64, Int64


class BCubed(NamedTuple):
    """B-cubed precision and recall of one clustering, each in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; neither is ever 0, as each listing meets itself."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def average_overlaps(table: Contingency) -> BCubed:
    """B-cubed scores from the cross table; both are 1 where there is no listing."""
    if not table.n:
        return BCubed(1.0, 1.0)
    squares = table.counts**2
    return BCubed(
        precision=float((squares / table.cluster_sizes[table.clusters]).sum()) / table.n,
        recall=float((squares / table.group_sizes[table.groups]).sum()) / table.n,
    )


def bcubed_precision(labels: Int64, groups: Int64) -> float:
    """Mean over listings of the share of its cluster that is of its group.

    ``1/n Σ_i |c(i) ∩ g(i)| / |c(i)|``, where the listing itself counts on both sides.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing, shape ``(n,)``; any numbering.

    Returns:
        A value in (0, 1]; 1 where there is no listing.

    Raises:
        DataError: If the two differ in length, or a listing is unlabelled.

    Source:
        Bagga and Baldwin, LREC workshop on coreference, 1998; Amigó, Gonzalo, Artiles and
        Verdejo, Information Retrieval 12(4), 2009.

    Example:
        >>> round(bcubed_precision(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8])), 3)
        0.667
    """
    return average_overlaps(tabulate(labels, groups)).precision


def bcubed_recall(labels: Int64, groups: Int64) -> float:
    """Mean over listings of the share of its group that is in its cluster.

    ``1/n Σ_i |c(i) ∩ g(i)| / |g(i)|``. The rest as for ``bcubed_precision``.

    Example:
        >>> bcubed_recall(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8]))
        0.75
    """
    return average_overlaps(tabulate(labels, groups)).recall


def bcubed_f1(labels: Int64, groups: Int64) -> float:
    """Harmonic mean of B-cubed precision and recall. The rest as for ``bcubed_precision``.

    Example:
        >>> round(bcubed_f1(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8])), 3)
        0.706
    """
    return average_overlaps(tabulate(labels, groups)).f1


def count_exact_clusters(table: Contingency) -> Counts:
    """Count the clusters that are a group, member for member."""
    whole_cluster = table.counts == table.cluster_sizes[table.clusters]
    whole_group = table.counts == table.group_sizes[table.groups]
    return Counts(
        correct=int(np.count_nonzero(whole_cluster & whole_group)),
        predicted=len(table.cluster_sizes),
        true=len(table.group_sizes),
    )


def exact_cluster_precision(labels: Int64, groups: Int64) -> float:
    """Share of the clusters that are a group, member for member.

    Clusters and groups of one listing count like any other.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing, shape ``(n,)``; any numbering.

    Returns:
        A value in [0, 1]; 1 where there is no listing.

    Raises:
        DataError: If the two differ in length, or a listing is unlabelled.

    Source:
        "Cluster F1" in Menestrina, Whang and Garcia-Molina, "Evaluating entity resolution
        results", PVLDB 3(1), 2010.

    Example:
        >>> exact_cluster_precision(np.array([0, 0, 1, 1]), np.array([7, 7, 8, 9]))
        0.5
    """
    return count_exact_clusters(tabulate(labels, groups)).precision


def exact_cluster_recall(labels: Int64, groups: Int64) -> float:
    """Share of the groups that are a cluster. The rest as for ``exact_cluster_precision``.

    Example:
        >>> round(exact_cluster_recall(np.array([0, 0, 1, 1]), np.array([7, 7, 8, 9])), 3)
        0.333
    """
    return count_exact_clusters(tabulate(labels, groups)).recall


def exact_cluster_f1(labels: Int64, groups: Int64) -> float:
    """``2 exact / (clusters + groups)``. The rest as for ``exact_cluster_precision``.

    Example:
        >>> exact_cluster_f1(np.array([0, 0, 1, 1]), np.array([7, 7, 8, 9]))
        0.4
    """
    return count_exact_clusters(tabulate(labels, groups)).f1


def rand_above_chance(table: Contingency) -> float:
    """Adjusted Rand index from the cross table."""
    both, together, same = count_pairs(table)
    every = table.n * (table.n - 1) // 2
    # Multiplied out, the formula is one division of whole numbers, which Python keeps exact.
    headroom = (together + same) * every - 2 * together * same
    # No headroom: both partitions are all singletons, or both one cluster, hence equal.
    return 2 * (both * every - together * same) / headroom if headroom else 1.0


def adjusted_rand_index(labels: Int64, groups: Int64) -> float:
    """Agreement on pairs, less what chance alone would give.

    ``(correct - e) / ((predicted + true) / 2 - e)`` in counts of pairs, where
    ``e = predicted * true / C(n)`` is expected of random partitions with these sizes.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing, shape ``(n,)``; any numbering.

    Returns:
        A value in [-0.5, 1]; 1 for equal partitions, about 0 for random ones.

    Raises:
        DataError: If the two differ in length, or a listing is unlabelled.

    Source:
        Hubert and Arabie, "Comparing partitions", Journal of Classification 2, 1985.

    Example:
        >>> round(adjusted_rand_index(np.array([0, 0, 1, 2]), np.array([7, 7, 8, 8])), 3)
        0.571
    """
    return rand_above_chance(tabulate(labels, groups))


def shared_information(table: Contingency) -> float:
    """V-measure from the cross table."""
    given_cluster = _entropy_within(table.counts, table.cluster_sizes[table.clusters])
    given_group = _entropy_within(table.counts, table.group_sizes[table.groups])
    whole = np.array([table.n])
    total = _entropy_within(table.cluster_sizes, whole) + _entropy_within(table.group_sizes, whole)
    return max(0.0, 1 - (given_cluster + given_group) / total) if total else 1.0


def _entropy_within(counts: Int64, wholes: Int64) -> float:
    """``-Σ counts · ln(counts / wholes)``: n times an entropy, in nats."""
    shares: Float64 = counts / wholes
    return -float((counts * np.log(shares)).sum())


def v_measure(labels: Int64, groups: Int64) -> float:
    """Harmonic mean of homogeneity and completeness.

    With ``H`` the entropy, homogeneity is ``1 - H(groups | clusters) / H(groups)`` and
    completeness ``1 - H(clusters | groups) / H(clusters)``. Their harmonic mean is
    ``1 - (H(groups | clusters) + H(clusters | groups)) / (H(groups) + H(clusters))``.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing, shape ``(n,)``; any numbering.

    Returns:
        A value in [0, 1]; 1 for equal partitions. Unlike the adjusted Rand index it rises
        with the number of clusters, random ones too.

    Raises:
        DataError: If the two differ in length, or a listing is unlabelled.

    Source:
        Rosenberg and Hirschberg, EMNLP-CoNLL 2007, with beta = 1.

    Example:
        >>> round(v_measure(np.array([0, 0, 1, 2]), np.array([7, 7, 8, 8])), 3)
        0.8
    """
    return shared_information(tabulate(labels, groups))
