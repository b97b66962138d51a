"""How far the scores of right candidates stand from those of wrong ones."""

from __future__ import annotations

import numpy as np

from matcher.metrics.checks import check_covers, check_k
from matcher.types import UNLABELLED, Float32, Int64, SimilarityGraph


def right_and_wrong_scores(
    ranking: SimilarityGraph, query_groups: Int64, gallery_groups: Int64, k: int
) -> tuple[Float32, Float32]:
    """Scores of the first ``k`` candidates of every query, right and wrong ones apart.

    Candidates that are unlabelled, or of an unlabelled query, are left out; they keep their
    rank.

    Args:
        ranking: For each query (row) the gallery rows found, best first.
        query_groups: True product of each query or ``UNLABELLED``, shape ``(n_queries,)``.
        gallery_groups: The same for each gallery row, shape ``(n_gallery,)``.
        k: Ranks to look at, at least 1.

    Returns:
        Scores of the candidates of the query's group, and of those of another, each in the
        order of the ranking.

    Raises:
        ConfigError: If ``k`` is below 1.
        DataError: If the groups do not fit the graph.

    Example:
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0]), np.array([0, 1]), np.array([0.9, 0.5]), 1, 2)
        >>> right_and_wrong_scores(found, np.array([5]), np.array([6, 5]), k=2)
        (array([0.5], dtype=float32), array([0.9], dtype=float32))
    """
    check_k(k)
    check_covers(ranking, "row", "query_groups", query_groups)
    check_covers(ranking, "column", "gallery_groups", gallery_groups)
    rows = ranking.rows()
    early = np.arange(len(rows)) - ranking.indptr[rows] < k
    query, found = query_groups[rows], gallery_groups[ranking.indices]
    known = early & (query != UNLABELLED) & (found != UNLABELLED)
    right = known & (query == found)
    return ranking.scores[right], ranking.scores[known & ~right]
