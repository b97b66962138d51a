"""How much an approximate search missed, by exact search on a sample of the queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.search._approximate import ApproximateIndex
from matcher.search._distinct import take_rows
from matcher.types import Encoded, Float32, Int64, SimilarityGraph

N_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Recall:
    """What a sample of queries found of what exact search finds within the same limits.

    Attributes:
        n_queries: Queries in the sample.
        n_wanted: Neighbours that exact search finds for them.
        n_found: How many of these the approximate search found; of neighbours that tie at the
            last place one is as good as another.
    """

    n_queries: int
    n_wanted: int
    n_found: int

    @property
    def value(self) -> float | None:
        """In [0, 1]; None where there was nothing to find."""
        return self.n_found / self.n_wanted if self.n_wanted else None


def measure_recall(
    index: ApproximateIndex,
    graph: SimilarityGraph,
    k: int | None = None,
    min_score: float | None = None,
    *,
    queries: Encoded | None = None,
    n_sample: int = N_SAMPLE,
    seed: int = 0,
) -> Recall:
    """Search again, exactly, for a seeded sample of the queries.

    Time is that of exact search for ``n_sample`` queries; memory beside it is their vectors.

    Args:
        index: The index that was asked.
        graph: Its answer.
        k: As it was asked.
        min_score: As it was asked.
        queries: What was searched for; None where the index was searched within.
        n_sample: Most queries to search for again, of those that carry a signal.
        seed: Of the sample.

    Raises:
        ConfigError: If neither limit is given, or one is out of range.
    """
    asked = index.encoded if queries is None else queries
    present = np.flatnonzero(asked.present)
    sample = np.random.default_rng(seed).permutation(present)[:n_sample]
    sample = np.sort(sample)
    # A row finds itself among its own neighbours; the exact search must look one further.
    wanted_k = k if k is None or queries is not None else k + 1
    exact = index.exactly().search(take_rows(asked, sample), wanted_k, min_score)
    n_wanted = n_found = 0
    for place, row in enumerate(sample.tolist()):
        cols, wanted = _edges(exact, place)
        if queries is None:
            wanted = wanted[cols != row]
        wanted = wanted[:k]
        n_wanted += len(wanted)
        if len(wanted):
            hits = np.count_nonzero(_edges(graph, row)[1] >= wanted[-1])
            n_found += min(len(wanted), int(hits))
    return Recall(len(sample), n_wanted, n_found)


def _edges(graph: SimilarityGraph, row: int) -> tuple[Int64, Float32]:
    """Columns and scores of one row, best first."""
    span = slice(graph.indptr[row], graph.indptr[row + 1])
    return graph.indices[span], graph.scores[span]
