"""Arithmetic on vectors and scored graphs; pure functions only."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from matcher.errors import ConfigError
from matcher.types import Bool, Float32, Int64, SimilarityGraph, row_norms


def l2_normalize(vectors: Float32) -> Float32:
    """Scale rows to unit length, leaving all-zero rows at zero.

    Args:
        vectors: Shape ``(n, d)``.

    Returns:
        A new float32 array of the same shape.

    Example:
        >>> l2_normalize(np.array([[3, 4], [0, 0]], dtype=np.float32))
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """
    norms = np.linalg.norm(np.asarray(vectors, np.float64), axis=1, keepdims=True)
    return (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)


def l2_normalize_sparse(vectors: csr_array) -> csr_array:
    """Scale the rows of a CSR array to unit length, leaving empty rows empty."""
    norms = row_norms(vectors)
    scale = 1 / np.where(norms == 0, 1, norms)
    data = (vectors.data * np.repeat(scale, np.diff(vectors.indptr))).astype(np.float32)
    return csr_array((data, vectors.indices, vectors.indptr), shape=vectors.shape)


def build_graph(
    rows: Int64, cols: Int64, scores: Float32, n_rows: int, n_cols: int
) -> SimilarityGraph:
    """Sort edges by row, then best score, then lower column."""
    order = np.lexsort((cols, -scores, rows))
    counts = np.bincount(rows, minlength=n_rows)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return SimilarityGraph(
        indptr, cols[order].astype(np.int64), scores[order].astype(np.float32), n_cols
    )


def keep_edges(graph: SimilarityGraph, kept: Bool) -> SimilarityGraph:
    """Drop edges.

    Args:
        graph: Scored edges.
        kept: Which to keep, shape ``(n_edges,)``.

    Example:
        >>> graph = SimilarityGraph(np.array([0, 2]), np.array([4, 1]), np.float32([0.9, 0.5]), 5)
        >>> keep_edges(graph, graph.scores >= 0.6).indices.tolist()
        [4]
    """
    counts = np.bincount(graph.rows()[kept], minlength=graph.n_rows)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return SimilarityGraph(indptr, graph.indices[kept], graph.scores[kept], graph.n_cols)


def check_score(value: float, name: str = "min_score") -> None:
    """Raise ConfigError unless ``value`` is a similarity in [-1, 1]."""
    if not -1 <= value <= 1:
        raise ConfigError(
            f"{name} must be a similarity in [-1, 1]. Received: {value}. "
            "To convert a cosine distance d, pass 1 - d."
        )
