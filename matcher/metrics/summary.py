"""All metrics of one kind at once, over the labelled rows.

Rows without a known group (``types.UNLABELLED``) are left out, as if they had not been in the
table: whether a match with them is right cannot be said. Every value is NaN where no row is left
to score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.metrics.checks import (
    check_columns,
    check_covers,
    check_k,
    check_no_self_pairs,
    check_within,
)
from matcher.metrics.clusters import (
    average_overlaps,
    count_exact_clusters,
    rand_above_chance,
    shared_information,
)
from matcher.metrics.contingency import tabulate
from matcher.metrics.judging import average, judge
from matcher.metrics.pairs import count_pairs
from matcher.metrics.rowwise import count_rowwise
from matcher.types import UNLABELLED, Bool, Int64, SimilarityGraph


def score_matches(matches: SimilarityGraph, groups: Int64) -> dict[str, float]:
    """Mean row-wise precision, recall and F1 of the labelled listings.

    Args:
        matches: Accepted pairs, n × n; those with an unlabelled listing are left out.
        groups: True product of each listing or ``UNLABELLED``, shape ``(n,)``.

    Returns:
        ``rowwise_precision``, ``rowwise_recall`` and ``rowwise_f1``; NaN where no listing is
        labelled.

    Raises:
        DataError: If the graph is not n × n for n groups, or pairs a listing with itself.

    Example:
        >>> from matcher.similarity import build_graph
        >>> g = build_graph(np.array([0, 1]), np.array([1, 2]), np.float32([0.9, 0.8]), 3, 3)
        >>> score_matches(g, np.array([7, 7, UNLABELLED]))["rowwise_recall"]
        0.75
    """
    check_covers(matches, "row", "groups", groups)
    check_covers(matches, "column", "groups", groups)
    check_no_self_pairs(matches)
    known = groups != UNLABELLED
    counts = count_rowwise(_restrict(matches, known, known), groups[known])
    return {
        "rowwise_precision": average(counts.precision),
        "rowwise_recall": average(counts.recall),
        "rowwise_f1": average(counts.f1),
    }


def score_clusters(labels: Int64, groups: Int64) -> dict[str, float]:
    """Every clustering metric, over the labelled listings.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing or ``UNLABELLED``, shape ``(n,)``.

    Returns:
        Values by name of the function that gives them: pairs, B-cubed and exact clusters with
        precision, recall and F1 each, ``adjusted_rand_index`` and ``v_measure``; all NaN where
        no listing is labelled.

    Raises:
        DataError: If the two differ in length.

    Example:
        >>> scores = score_clusters(np.array([0, 0, 1, 1]), np.array([7, 7, 8, UNLABELLED]))
        >>> scores["pair_f1"], scores["exact_cluster_f1"]
        (1.0, 1.0)
    """
    check_columns(labels=labels, groups=groups)
    known = groups != UNLABELLED
    table = tabulate(labels[known], groups[known])
    by_name = {
        "pair": count_pairs(table),
        "bcubed": average_overlaps(table),
        "exact_cluster": count_exact_clusters(table),
    }
    scores = {
        f"{name}_{part}": float(getattr(counts, part))
        for name, counts in by_name.items()
        for part in ("precision", "recall", "f1")
    }
    scores["adjusted_rand_index"] = rand_above_chance(table)
    scores["v_measure"] = shared_information(table)
    return scores if known.any() else dict.fromkeys(scores, float("nan"))


def score_ranking(
    ranking: SimilarityGraph,
    query_groups: Int64,
    gallery_groups: Int64,
    ks: Sequence[int] = (1, 5, 10),
    *,
    within: bool = False,
) -> dict[str, float]:
    """Top-k accuracy, mAP, MAR and capped recall at every ``k``, over the labelled rows.

    Unlabelled queries are left out, and unlabelled gallery rows struck from the rankings before
    ranks are counted ("condensed lists"). So rank some way beyond the largest ``k`` where many
    rows are unlabelled. A gallery row known to match no query is not unlabelled: give it a group
    of its own.

    Args:
        ranking: For each query (row) the gallery rows found, best first.
        query_groups: True product of each query or ``UNLABELLED``, shape ``(n_queries,)``.
        gallery_groups: The same for each gallery row, shape ``(n_gallery,)``.
        ks: Ranks to look at, each at least 1.
        within: Whether queries and gallery are one table.

    Returns:
        ``top{k}``, ``map@{k}``, ``mar@{k}`` and ``capped_recall@{k}``: means over the labelled
        queries that have a relevant row; NaN where there is no such query.

    Raises:
        ConfigError: If a ``k`` is below 1.
        DataError: If the groups do not fit the graph, or, within one table, the two groups
            differ or a query is ranked for itself.

    Source:
        Condensed lists: Sakai, "Alternatives to bpref", SIGIR 2007.

    Example:
        >>> from matcher.similarity import build_graph
        >>> found = build_graph(np.array([0, 0]), np.array([0, 1]), np.float32([0.9, 0.8]), 1, 2)
        >>> score_ranking(found, np.array([5]), np.array([6, 5]), ks=[1, 2])["map@2"]
        0.5
    """
    for k in ks:
        check_k(k)
    check_covers(ranking, "row", "query_groups", query_groups)
    check_covers(ranking, "column", "gallery_groups", gallery_groups)
    if within:
        check_within(ranking, query_groups, gallery_groups)
    query, gallery = query_groups != UNLABELLED, gallery_groups != UNLABELLED
    judged = judge(
        _restrict(ranking, query, gallery),
        query_groups[query],
        gallery_groups[gallery],
        within=within,
    )
    scores: dict[str, float] = {}
    for k in ks:
        scores[f"top{k}"] = average(judged.hit(k))
        scores[f"map@{k}"] = average(judged.average_precision(k))
        scores[f"mar@{k}"] = average(judged.recall(k))
        scores[f"capped_recall@{k}"] = average(judged.capped_recall(k))
    return scores


def _restrict(graph: SimilarityGraph, rows: Bool, cols: Bool) -> SimilarityGraph:
    """Keep some rows and columns, numbered anew, in their order."""
    if rows.all() and cols.all():
        return graph
    kept = rows[graph.rows()] & cols[graph.indices]
    up_to = np.concatenate([[0], np.cumsum(kept)])
    ends = up_to[graph.indptr[1:]][rows]
    indices = (np.cumsum(cols) - 1)[graph.indices[kept]]
    n_cols = int(np.count_nonzero(cols))
    return SimilarityGraph(np.concatenate([[0], ends]), indices, graph.scores[kept], n_cols)
