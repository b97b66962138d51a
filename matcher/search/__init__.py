"""Finding the closest rows: one file per kind of index, named as in a config."""

from __future__ import annotations

from typing import cast

from matcher.protocols import Index
from matcher.search._approximate import ApproximateIndex
from matcher.search._checks import describe, kind_of
from matcher.search._choice import EXACT, Choice, choose_method, is_approximate, say_how
from matcher.search._distinct import Distinct, take_rows
from matcher.search._join import JoinIndex, ragged, rank_in_row
from matcher.search._pairs import score_pairs, union_pairs
from matcher.search._ready import ReadySparseIndex
from matcher.search._ready_dense import ReadyExactIndex
from matcher.search._recall import Recall, measure_recall
from matcher.search._scores import pair_scores
from matcher.search._settings import Search
from matcher.search.exact import ExactIndex
from matcher.search.hamming import HammingIndex
from matcher.search.hnsw import HnswIndex
from matcher.search.ivf import IvfIndex
from matcher.search.lsh import LshIndex
from matcher.search.neighbors import NeighborsIndex
from matcher.search.sparse import SparseIndex
from matcher.settings import Settings, plug_in
from matcher.types import Embeddings, Encoded

__all__ = [
    "ApproximateIndex",
    "Choice",
    "Distinct",
    "ExactIndex",
    "HammingIndex",
    "HnswIndex",
    "IvfIndex",
    "JoinIndex",
    "LshIndex",
    "NeighborsIndex",
    "ReadyExactIndex",
    "ReadySparseIndex",
    "Recall",
    "Search",
    "SparseIndex",
    "choose_method",
    "describe",
    "is_approximate",
    "kind_of",
    "make_index",
    "make_ready",
    "measure_recall",
    "pair_scores",
    "ragged",
    "rank_in_row",
    "say_how",
    "score_pairs",
    "take_rows",
    "union_pairs",
]


def make_index(encoded: Encoded, method: str = "auto", spec: Settings | None = None) -> Index:
    """Build the exact index for the kind of rows, or the one named.

    ``choose_method`` says when an approximate one pays.

    Args:
        encoded: Rows to search in.
        method: ``"auto"``, or a file of this package; file ``exact`` holds ``ExactIndex``.
        spec: Settings of an approximate index, the ``Spec`` of its file; None for the default.

    Raises:
        BackendError: If the index named needs a library that is not installed.
        ConfigError: If there is no such method.
        DataError: If the index named cannot hold rows of this kind.
    """
    name = EXACT[kind_of(encoded)] if method == "auto" else method
    module = plug_in("matcher.search", name, "search method")
    index = getattr(module, f"{name.capitalize()}Index")
    return cast(Index, index(encoded) if spec is None else index(encoded, spec))


def make_ready(encoded: Encoded, usual: float = 0.0) -> JoinIndex:
    """The exact index for rows of this kind, ready for many searches.

    Args:
        encoded: Rows to search in.
        usual: Lowest score that few queries at a time mostly ask for.
    """
    if kind_of(encoded) == "sparse vectors":
        return ReadySparseIndex(cast(Embeddings, encoded), usual)
    if kind_of(encoded) == "dense vectors":
        return ReadyExactIndex(cast(Embeddings, encoded))
    return cast(JoinIndex, make_index(encoded))
