"""Metrics of search: how early the relevant listings come in each query's ranking.

A gallery row is relevant to a query of the same group. Every function takes the ranking, the
groups of both sides and ``k``. Within one table pass the same groups twice and ``within=True``,
so that a query is not counted as relevant to itself. A ranking must be at least ``k`` deep to
be scored at ``k``: rows that it does not hold count as not found.

The functions named ``..._at_k`` give one value per query, NaN for a query without any relevant
row. The others give their mean over the queries that have one.
"""

from __future__ import annotations

from matcher.metrics.checks import check_k
from matcher.metrics.judging import average, judge
from matcher.types import Float64, Int64, SimilarityGraph


def hit_at_k(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> Float64:
    """Whether any of the first ``k`` is relevant: 1 or 0.

    Args:
        ranking: For each query (row) the gallery rows found, best first.
        query_groups: True product of each query, shape ``(n_queries,)``.
        gallery_groups: True product of each gallery row, shape ``(n_gallery,)``.
        k: Ranks to look at, at least 1.
        within: Whether queries and gallery are one table.

    Returns:
        Shape ``(n_queries,)``; NaN for a query without any relevant row.

    Raises:
        ConfigError: If ``k`` is below 1.
        DataError: If the groups do not fit the graph, a row is unlabelled, or, within one table,
            the two groups differ or a query is ranked for itself.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 1]), np.array([1, 2, 0]), np.ones(3), 2, 3)
        >>> hit_at_k(found, np.array([5, 6]), np.array([5, 6, 5]), k=2)
        array([1., 0.])
    """
    check_k(k)
    return judge(ranking, query_groups, gallery_groups, within=within).hit(k)


def top_k_accuracy(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> float:
    """Share of queries with a relevant row among the first ``k``: top-1, top-5.

    Mean of ``hit_at_k`` over the queries that have a relevant row; arguments and errors as
    there. Work on metric learning calls this Recall@k.

    Source:
        Song et al. (Stanford Online Products), CVPR 2016, arXiv:1511.06452.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 1]), np.array([1, 2, 0]), np.ones(3), 2, 3)
        >>> top_k_accuracy(found, np.array([5, 6]), np.array([5, 6, 5]), k=2)
        0.5
    """
    return average(hit_at_k(ranking, query_groups, gallery_groups, k, within=within))


def recall_at_k(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> Float64:
    """Share of the relevant rows that are among the first ``k``: ``hits / n_relevant``.

    Below 1 even for a perfect ranking where more than ``k`` rows are relevant; see
    ``capped_recall_at_k``. Arguments, returns and errors as for ``hit_at_k``.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 1]), np.array([0, 2, 1]), np.ones(3), 2, 3)
        >>> recall_at_k(found, np.array([5, 6]), np.array([5, 6, 5]), k=1)
        array([0.5, 1. ])
    """
    check_k(k)
    return judge(ranking, query_groups, gallery_groups, within=within).recall(k)


def mean_average_recall(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> float:
    """MAR@k: mean of ``recall_at_k`` over the queries that have a relevant row.

    Each query weighs the same, however many relevant rows it has (macro average). Arguments
    and errors as for ``hit_at_k``. Some divide by ``min(k, n_relevant)`` instead: that is
    ``mean_capped_recall``, never lower.

    Source:
        The metric of the eBay eProduct challenge, at 10; data set by Yuan et al.,
        arXiv:2107.05856.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 1]), np.array([0, 2, 1]), np.ones(3), 2, 3)
        >>> mean_average_recall(found, np.array([5, 6]), np.array([5, 6, 5]), k=1)
        0.75
    """
    return average(recall_at_k(ranking, query_groups, gallery_groups, k, within=within))


def capped_recall_at_k(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> Float64:
    """Hits among the first ``k`` out of those possible: ``hits / min(k, n_relevant)``.

    1 for every perfect ranking, whatever ``k``. Arguments, returns and errors as for
    ``hit_at_k``.

    Source:
        Thakur et al. (BEIR), NeurIPS 2021, arXiv:2104.08663, "capped recall".

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 1]), np.array([0, 2, 1]), np.ones(3), 2, 3)
        >>> capped_recall_at_k(found, np.array([5, 6]), np.array([5, 6, 5]), k=1)
        array([1., 1.])
    """
    check_k(k)
    return judge(ranking, query_groups, gallery_groups, within=within).capped_recall(k)


def mean_capped_recall(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> float:
    """Mean of ``capped_recall_at_k`` over the queries that have a relevant row.

    Arguments and errors as for ``hit_at_k``; source as for ``capped_recall_at_k``.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 1]), np.array([0, 1, 2]), np.ones(3), 2, 3)
        >>> mean_capped_recall(found, np.array([5, 6]), np.array([5, 6, 5]), k=2)
        0.25
    """
    return average(capped_recall_at_k(ranking, query_groups, gallery_groups, k, within=within))


def average_precision_at_k(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> Float64:
    """Mean precision at the ranks of the hits: ``Σ_r P(r) rel(r) / min(k, n_relevant)``.

    The sum runs over ranks ``r`` up to ``k``; ``P(r)`` is the share of relevant rows among the
    first ``r``, ``rel(r)`` is 1 where the row at ``r`` is relevant. Arguments, returns and
    errors as for ``hit_at_k``.

    Source:
        Weyand et al. (Google Landmarks v2), CVPR 2020, arXiv:2004.01804, retrieval metric.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 0]), np.array([0, 1, 2]), np.ones(3), 1, 3)
        >>> average_precision_at_k(found, np.array([5]), np.array([5, 6, 5]), k=3).round(3)
        array([0.833])
    """
    check_k(k)
    return judge(ranking, query_groups, gallery_groups, within=within).average_precision(k)


def mean_average_precision(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    k: int,
    *,
    within: bool = False,
) -> float:
    """mAP@k: mean of ``average_precision_at_k`` over the queries that have a relevant row.

    Arguments and errors as for ``hit_at_k``; source as for ``average_precision_at_k``.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0, 0]), np.array([0, 1, 2]), np.ones(3), 1, 3)
        >>> round(mean_average_precision(found, np.array([5]), np.array([5, 6, 5]), k=3), 3)
        0.833
    """
    return average(average_precision_at_k(ranking, query_groups, gallery_groups, k, within=within))
