"""What every metric asks of its input."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matcher.errors import ConfigError, DataError
from matcher.types import UNLABELLED, Int64, SimilarityGraph

Side: TypeAlias = Literal["row", "column"]


def check_columns(**columns: NDArray[Any]) -> None:
    """Raise DataError unless all columns have shape ``(n,)`` with the same ``n``."""
    shapes = {name: values.shape for name, values in columns.items()}
    if any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        received = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise DataError(f"{' and '.join(shapes)} must have one shape (n,). Received: {received}.")


def check_labelled(name: str, groups: Int64) -> None:
    """Raise DataError if a listing is unlabelled: -1 would pass for one large group."""
    n_unlabelled = np.count_nonzero(groups == UNLABELLED)
    if n_unlabelled:
        raise DataError(
            f"{name} must say the group of every row. Received: {n_unlabelled} of {len(groups)} "
            f"unlabelled ({UNLABELLED}). Leave those rows out, as the score_* functions do."
        )


def check_covers(graph: SimilarityGraph, side: Side, name: str, groups: Int64) -> None:
    """Raise DataError unless ``groups`` has one value per row (or column) of the graph."""
    n = graph.n_rows if side == "row" else graph.n_cols
    if groups.shape != (n,):
        raise DataError(
            f"{name} must hold one group per {side} of the graph, shape ({n},). "
            f"Received: shape {groups.shape} for a graph of {graph.n_rows} x {graph.n_cols}."
        )


def check_no_self_pairs(graph: SimilarityGraph) -> None:
    """Raise DataError if a listing is paired with itself in a graph within one table."""
    itself = np.flatnonzero(graph.rows() == graph.indices)
    if itself.size:
        raise DataError(
            "A graph within one table holds no self-pairs. "
            f"Received: row {graph.indices[itself[0]]} paired with itself. Drop such edges first."
        )


def check_within(ranking: SimilarityGraph, query_groups: Int64, gallery_groups: Int64) -> None:
    """Raise DataError unless queries and gallery can be one table."""
    if not np.array_equal(query_groups, gallery_groups):
        raise DataError(
            "Within one table query_groups and gallery_groups are the same. "
            "Received: two that differ. To search another table, pass within=False."
        )
    check_no_self_pairs(ranking)


def check_k(k: int) -> None:
    """Raise ConfigError unless at least one rank is to be looked at."""
    if k < 1:
        raise ConfigError(f"k must be at least 1. Received: {k}.")
