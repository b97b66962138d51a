"""Candidate pairs: gathered from graphs, then scored in every modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from matcher.errors import DataError
from matcher.progress import tracked
from matcher.search._candidates import even_blocks
from matcher.search._checks import check_comparable
from matcher.search._scores import pair_scores
from matcher.search._threads import in_order
from matcher.types import Encoded, Float32, Int64, ScoredPairs, SimilarityGraph

TASK = 2**16  # pairs that a thread scores at once


def union_pairs(graphs: Sequence[SimilarityGraph], within: bool = True) -> tuple[Int64, Int64]:
    """Return every pair that any of the graphs proposes, once.

    Args:
        graphs: Candidates of several modalities among the same listings.
        within: Whether rows and columns are the same table, so that ``(i, j)`` and
            ``(j, i)`` are one pair. If not, rows and columns are left as they are.

    Returns:
        Rows ``left`` and ``right``, shape ``(m,)``, by ascending left, then right; within
        one table ``left < right``.

    Raises:
        DataError: If there is no graph, or their sizes differ.

    Example:
        >>> from matcher.similarity import build_graph
        >>> scores = np.float32([0.9, 0.9, 0.5])
        >>> graph = build_graph(np.array([0, 2, 2]), np.array([2, 0, 1]), scores, 3, 3)
        >>> union_pairs([graph])
        (array([0, 1]), array([2, 2]))
    """
    sizes = {(graph.n_rows, graph.n_cols) for graph in graphs}
    if len(sizes) != 1 or (within and any(rows != cols for rows, cols in sizes)):
        raise DataError(
            "union_pairs needs graphs over the same listings, with as many rows as columns "
            f"unless within=False. Received (rows, columns): {sorted(sizes)}."
        )
    _, n_cols = sizes.pop()
    keys = []
    for graph in graphs:
        left, right = graph.rows(), graph.indices
        if within:
            left, right = np.minimum(left, right), np.maximum(left, right)
        keys.append(np.unique(left * n_cols + right))
    left, right = np.divmod(np.unique(np.concatenate(keys)), max(1, n_cols))
    return left, right


def score_pairs(
    left: Int64,
    right: Int64,
    encoded: Mapping[str, Encoded],
    right_encoded: Mapping[str, Encoded] | None = None,
) -> ScoredPairs:
    """Score every pair in every modality, whichever proposed it.

    Memory beside the result is a few MiB per thread.

    Args:
        left: Row of the first listing, shape ``(m,)``.
        right: Row of the second listing, shape ``(m,)``.
        encoded: By modality, the listings that ``left`` points into.
        right_encoded: By modality, those that ``right`` points into; None for the same.

    Returns:
        The pairs with their scores; NaN where one of the two lacks the modality.

    Raises:
        DataError: If the modalities differ in number of listings or encoder, or a row
            is out of range.
    """
    other = encoded if right_encoded is None else right_encoded
    n_left, n_right = _n_listings(encoded), _n_listings(other)
    if set(encoded) != set(other):
        raise DataError(
            "Both tables must be encoded in the same modalities. "
            f"Received: {sorted(encoded)} and {sorted(other)}."
        )
    _check_rows(left, n_left, "left")
    _check_rows(right, n_right, "right")
    scores = {name: _score(left, right, encoded[name], other[name], name) for name in encoded}
    return ScoredPairs(left, right, scores, n_left, n_right)


def _score(left: Int64, right: Int64, first: Encoded, second: Encoded, name: str) -> Float32:
    """Scores of all pairs in one modality."""
    check_comparable(first, second)
    both = np.flatnonzero(first.present[left] & second.present[right])
    blocks = even_blocks(len(both), TASK)

    def score(block: slice) -> Float32:
        return pair_scores(first, second, left[both[block]], right[both[block]])

    scores = np.full(len(left), np.nan, np.float32)
    done = tracked(in_order(score, blocks), f"score {name}", len(blocks))
    for block, values in zip(blocks, done, strict=True):
        scores[both[block]] = values
    return scores


def _n_listings(encoded: Mapping[str, Encoded]) -> int:
    """Number of listings, the same in every modality."""
    lengths = {name: len(rows) for name, rows in encoded.items()}
    if len(set(lengths.values())) != 1:
        raise DataError(
            "score_pairs needs at least one modality, and as many rows in each. "
            f"Received: {lengths}."
        )
    return next(iter(lengths.values()))


def _check_rows(rows: Int64, n: int, name: str) -> None:
    """Raise DataError unless all rows are in ``0..n-1``."""
    if len(rows) and (rows.min() < 0 or rows.max() >= n):
        raise DataError(
            f"{name} must hold rows in 0..{n - 1}. Received: {rows.min()}..{rows.max()}."
        )
