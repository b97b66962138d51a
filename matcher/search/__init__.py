"""Finding the closest rows: one file per kind of index, named as in a config."""

from __future__ import annotations

from typing import cast

from matcher.protocols import Index
from matcher.search._checks import kind_of
from matcher.search._distinct import Distinct, take_rows
from matcher.search._pairs import score_pairs, union_pairs
from matcher.search.exact import ExactIndex
from matcher.search.hamming import HammingIndex
from matcher.search.neighbors import NeighborsIndex
from matcher.search.sparse import SparseIndex
from matcher.settings import plug_in
from matcher.types import Encoded

__all__ = [
    "Distinct",
    "ExactIndex",
    "HammingIndex",
    "NeighborsIndex",
    "SparseIndex",
    "make_index",
    "score_pairs",
    "take_rows",
    "union_pairs",
]

_BY_KIND = {"dense vectors": "exact", "sparse vectors": "sparse", "hashes": "hamming"}


def make_index(encoded: Encoded, method: str = "auto") -> Index:
    """Build the index that fits, or the one named.

    Args:
        encoded: Rows to search in.
        method: ``"auto"``, or a file of this package; file ``exact`` holds ``ExactIndex``.

    Raises:
        ConfigError: If there is no such method.
        DataError: If the index named cannot hold rows of this kind.
    """
    name = _BY_KIND[kind_of(encoded)] if method == "auto" else method
    module = plug_in("matcher.search", name, "search method")
    return cast(Index, getattr(module, f"{name.capitalize()}Index")(encoded))
