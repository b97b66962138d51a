"""Queries searched for in an index, exactly and by hashing, and how well they are found."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.config import RunConfig
from matcher.errors import ConfigError
from matcher.jobs.query_tables import count_with_mate
from matcher.jobs.steps import encode
from matcher.metrics import right_and_wrong_scores, score_ranking
from matcher.search import ExactIndex, LshIndex, Recall
from matcher.search.lsh import Spec as LshSpec
from matcher.similarity import check_score, keep_edges
from matcher.types import Embeddings, Float32, Int64, Listings, SimilarityGraph

QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One search, exact and approximate.

    Attributes:
        exact: For each query its ``k`` best rows of the index.
        approximate: The same by locality-sensitive hashing.
        recall: What the second found of the first.
        seconds: Of each: making the index, and searching.
    """

    exact: SimilarityGraph
    approximate: SimilarityGraph
    recall: Recall
    seconds: dict[str, float]


def embed_tables(config: RunConfig, *tables: Listings) -> list[Embeddings]:
    """Encode tables with the one encoder of a config.

    Raises:
        BackendError: If it cannot run.
        ConfigError: If it gives hashes or sparse vectors.
    """
    made = [next(iter(table.values())) for table in encode(config, tables[0], *tables).tables]
    vectors = [e for e in made if isinstance(e, Embeddings) and isinstance(e.vectors, np.ndarray)]
    if len(vectors) < len(made):
        raise ConfigError(
            f"The encoder {next(iter(config.encoders.values())).encoder!r} does not give dense "
            "vectors, which this search takes. Name a network for pictures or titles."
        )
    return vectors


def check_limits(k: int, min_score: float | None = None) -> None:
    """Refuse what no search takes, before any long work.

    Raises:
        ConfigError: If ``k`` is below 1, or ``min_score`` no cosine in [-1, 1].
    """
    if k < 1:
        raise ConfigError(f"k is the number of rows to find, at least 1. Received: {k}.")
    if min_score is not None:
        check_score(min_score)


def compare_searches(
    index: Embeddings, queries: Embeddings, k: int, spec: LshSpec | None = None
) -> Comparison:
    """Search exactly and by locality-sensitive hashing, side by side.

    Args:
        index: Rows to search in.
        queries: Rows to search for.
        k: Rows to find for each.
        spec: Settings of the hashing; None for the default.

    Raises:
        ConfigError: If ``k`` is below 1.
        StoreError: If the tables cannot be written, or are damaged.
    """
    start = time.perf_counter()
    exact = ExactIndex(index).search(queries, k)
    between = time.perf_counter()
    hashed = LshIndex(index, spec)
    found = hashed.search(queries, k)
    end = time.perf_counter()
    seconds = {"exact": between - start, "lsh": end - between}
    return Comparison(exact, found, recall_of(found, exact), seconds)


def recall_of(approximate: SimilarityGraph, exact: SimilarityGraph) -> Recall:
    """What a search found of what exact search found for the same queries, within one limit.

    As ``matcher.search.measure_recall``, where the answer of exact search is there already.

    Example:
        >>> exact = SimilarityGraph(np.array([0, 2]), np.array([4, 1]), np.float32([0.9, 0.5]), 5)
        >>> recall_of(keep_above(exact, 0.6), exact).value
        0.5
    """
    n_wanted = np.diff(exact.indptr)
    asked = n_wanted > 0
    last = np.full(exact.n_rows, np.inf, np.float32)
    last[asked] = exact.scores[exact.indptr[1:][asked] - 1]
    rows = approximate.rows()
    n_found = np.bincount(rows[approximate.scores >= last[rows]], minlength=exact.n_rows)
    found = np.minimum(n_wanted, n_found)
    return Recall(int(asked.sum()), int(n_wanted.sum()), int(found.sum()))


def keep_above(graph: SimilarityGraph, min_score: float) -> SimilarityGraph:
    """Drop what scores below ``min_score``, a cosine in [-1, 1].

    Example:
        >>> found = SimilarityGraph(np.array([0, 2]), np.array([4, 1]), np.float32([0.9, 0.5]), 5)
        >>> keep_above(found, 0.6).indices
        array([4])
    """
    check_score(min_score)
    return keep_edges(graph, graph.scores >= np.float32(min_score))


def score_search(
    ranking: SimilarityGraph, query_groups: Int64, index_groups: Int64, k: int
) -> dict[str, float]:
    """Figures of one search.

    Returns:
        ``top1``, ``mar@k`` and ``map@k`` over the queries with a right row in the index;
        ``precision``, the share of all candidates that are right (NaN without any); and
        ``without_candidates``, the share of queries for which there is none.
    """
    scores = score_ranking(ranking, query_groups, index_groups, sorted({1, k}))
    right = query_groups[ranking.rows()] == index_groups[ranking.indices]
    n_found = np.diff(ranking.indptr)
    return {
        **{name: scores[name] for name in ("top1", f"mar@{k}", f"map@{k}")},
        "precision": float(right.mean()) if len(right) else float("nan"),
        "without_candidates": float((n_found == 0).mean()),
    }


def measure_searches(
    both: Comparison, query_groups: Int64, index_groups: Int64, k: int, min_score: float | None
) -> dict[str, Any]:
    """All figures of a comparison, as they are written.

    Args:
        both: The two searches.
        query_groups: True product of each query, shape ``(n_queries,)``.
        index_groups: True product of each row of the index, shape ``(n_index,)``; one that is
            right for no query has a number of its own.
        k: Ranks to look at.
        min_score: Lowest cosine that counts; figures with and without it are given. None for
            none.

    Raises:
        ConfigError: If ``k`` or ``min_score`` is out of range.
        DataError: If no query has a row of its product in the index.
    """
    in_index = count_with_mate(query_groups, index_groups)
    searches = {"exact": both.exact, "lsh": both.approximate}
    right, wrong = right_and_wrong_scores(both.exact, query_groups, index_groups, k)
    found: dict[str, Any] = {
        "index": len(index_groups),
        "queries": len(query_groups),
        "queries_in_index": in_index,
        "k": k,
        **{n: score_search(g, query_groups, index_groups, k) for n, g in searches.items()},
        "recall_of_lsh": both.recall.value,
        "seconds": both.seconds,
        "scores": {"right": quantiles(right), "wrong": quantiles(wrong)},
    }
    if min_score is not None:
        kept = {name: keep_above(graph, min_score) for name, graph in searches.items()}
        found["min_score"] = min_score
        found["above_min_score"] = {
            name: score_search(graph, query_groups, index_groups, k) for name, graph in kept.items()
        }
    return found


def quantiles(scores: Float32) -> dict[str, float]:
    """Quantiles of scores by name, ``"0.5"`` the median; NaN where there are no scores."""
    if not len(scores):
        return {f"{share:g}": float("nan") for share in QUANTILES}
    return {f"{share:g}": float(np.quantile(scores, share)) for share in QUANTILES}
