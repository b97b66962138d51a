"""Which rows of a ranking are relevant, on which all ranking metrics are sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.metrics.checks import check_covers, check_labelled, check_within
from matcher.types import Float64, Int64, SimilarityGraph


@dataclass(frozen=True, slots=True)
class JudgedRanking:
    """Where each query finds its relevant rows.

    Attributes:
        queries: Query of each hit, rising, shape ``(n_hits,)``.
        ranks: Rank of each hit, from 1, rising within a query, shape ``(n_hits,)``.
        found: How many hits of the query come up to this one, it included, shape ``(n_hits,)``.
        n_relevant: Relevant rows of each query, found or not, shape ``(n_queries,)``.
    """

    queries: Int64
    ranks: Int64
    found: Int64
    n_relevant: Int64

    def hits(self, k: int) -> Int64:
        """Hits among the first ``k`` of each query, shape ``(n_queries,)``."""
        return np.bincount(self.queries[self.ranks <= k], minlength=len(self.n_relevant))

    def hit(self, k: int) -> Float64:
        """As ``hit_at_k``."""
        return np.where(self.n_relevant > 0, self.hits(k) > 0, np.nan)

    def recall(self, k: int) -> Float64:
        """As ``recall_at_k``."""
        return self._share(self.hits(k), self.n_relevant)

    def capped_recall(self, k: int) -> Float64:
        """As ``capped_recall_at_k``."""
        return self._share(self.hits(k), np.minimum(self.n_relevant, k))

    def average_precision(self, k: int) -> Float64:
        """As ``average_precision_at_k``."""
        early = self.ranks <= k
        precision = self.found[early] / self.ranks[early]
        totals = np.bincount(self.queries[early], precision, minlength=len(self.n_relevant))
        return self._share(totals, np.minimum(self.n_relevant, k))

    def _share(self, part: Float64 | Int64, whole: Int64) -> Float64:
        """Divide; NaN where there is nothing relevant."""
        return np.where(self.n_relevant > 0, part / np.maximum(whole, 1), np.nan)


def judge(
    ranking: SimilarityGraph, query_groups: Int64, gallery_groups: Int64, *, within: bool = False
) -> JudgedRanking:
    """Find the relevant rows in a ranking.

    Args:
        ranking: For each query (row) the gallery rows found, best first.
        query_groups: True product of each query, shape ``(n_queries,)``.
        gallery_groups: True product of each gallery row, shape ``(n_gallery,)``.
        within: Whether queries and gallery are one table.

    Raises:
        DataError: If the groups do not fit the graph, a row is unlabelled, or, within one table,
            the two groups differ or a query is ranked for itself.
    """
    check_covers(ranking, "row", "query_groups", query_groups)
    check_covers(ranking, "column", "gallery_groups", gallery_groups)
    check_labelled("query_groups", query_groups)
    check_labelled("gallery_groups", gallery_groups)
    if within:
        check_within(ranking, query_groups, gallery_groups)
    rows = ranking.rows()
    relevant = query_groups[rows] == gallery_groups[ranking.indices]
    queries = rows[relevant]
    hits = np.bincount(queries, minlength=ranking.n_rows)
    return JudgedRanking(
        queries=queries,
        ranks=np.flatnonzero(relevant) - ranking.indptr[queries] + 1,
        found=np.arange(len(queries)) - (np.cumsum(hits) - hits)[queries] + 1,
        n_relevant=_count_of(query_groups, gallery_groups) - int(within),
    )


def _count_of(values: Int64, among: Int64) -> Int64:
    """How often each of ``values`` occurs in ``among``."""
    ordered = np.sort(among)
    after = np.searchsorted(ordered, values, side="right")
    return after - np.searchsorted(ordered, values, side="left")


def average(values: Float64) -> float:
    """Mean of the values that are not NaN; NaN where there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
