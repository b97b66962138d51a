"""Is a class found the better, the more of it there was to train on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.errors import DataError
from matcher.metrics.checks import check_k
from matcher.metrics.judging import average, judge
from matcher.types import Int64, SimilarityGraph


@dataclass(frozen=True, slots=True)
class SizeBucket:
    """Queries whose classes had about equally many training samples.

    Attributes:
        least: Fewest samples of a class in the bucket.
        most: Most samples of one that belongs into it: ``2 * least - 1``, or 0 for 0.
        classes: Classes of the queries in the bucket.
        queries: Queries that have a relevant row.
        accuracy: Share of these with a relevant row among the first ``k``, in [0, 1].
    """

    least: int
    most: int
    classes: int
    queries: int
    accuracy: float


def accuracy_by_class_size(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    samples: Int64,
    k: int = 1,
    *,
    within: bool = False,
) -> tuple[SizeBucket, ...]:
    """Top-k accuracy over buckets of 0, 1, 2-3, 4-7, 8-15 ... training samples per class.

    Args:
        ranking: For each query (row) the gallery rows found, best first.
        query_groups: True class of each query, shape ``(n_queries,)``.
        gallery_groups: True class of each gallery row, shape ``(n_gallery,)``.
        samples: Training samples of each query's class, 0 or more, shape ``(n_queries,)``.
        k: Ranks to look at, at least 1.
        within: Whether queries and gallery are one table.

    Returns:
        The buckets that hold a query with a relevant row, the smallest classes first. Weighed
        by ``queries`` their mean is ``top_k_accuracy``.

    Raises:
        ConfigError: If ``k`` is below 1.
        DataError: If the groups do not fit the graph, a row is unlabelled, or ``samples`` has
            another shape or a negative number.

    Example:
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 1]), np.array([0, 0]), np.ones(2), 2, 2)
        >>> groups = np.array([5, 6])
        >>> buckets = accuracy_by_class_size(found, groups, groups, np.array([3, 9]))
        >>> [(b.least, b.most, b.accuracy) for b in buckets]
        [(2, 3, 1.0), (8, 15, 0.0)]
    """
    check_k(k)
    if samples.shape != query_groups.shape or samples.min(initial=0) < 0:
        raise DataError(
            "samples must hold a number of 0 or more for each query, shape "
            f"{query_groups.shape}. Received: shape {samples.shape}, the smallest "
            f"{samples.min(initial=0)}."
        )
    hits = judge(ranking, query_groups, gallery_groups, within=within).hit(k)
    measured = ~np.isnan(hits)
    # 0 for none, else 1 + floor(log2): exact, unlike the logarithm of a float near a power.
    buckets = np.array([int(n).bit_length() for n in samples.tolist()], np.int64)
    found = []
    for bucket in np.unique(buckets[measured]).tolist():
        inside = measured & (buckets == bucket)
        found.append(
            SizeBucket(
                least=2 ** (bucket - 1) if bucket else 0,
                most=2**bucket - 1,
                classes=len(np.unique(query_groups[inside])),
                queries=int(inside.sum()),
                accuracy=average(hits[inside]),
            )
        )
    return tuple(found)
