"""Several modalities seen as one vector, without laying them side by side.

A dense part among sparse ones would make every pair of listings share a dimension, and the
search among them slow. The score of two mixtures is a sum over the parts, so each part is
searched by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array, hstack

from matcher.blending._sums import scale_rows
from matcher.search import make_index, score_pairs, union_pairs
from matcher.similarity import build_graph
from matcher.types import Embeddings, Encoded, Float32, SimilarityGraph, row_norms

POOL = 4  # neighbours looked for in each of several parts, for one that is kept
SCORE_DIGITS = 6  # of a weight: a listing and its copy must weigh the same


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weighted modalities of one table, each row of length 1 as a whole.

    Attributes:
        parts: Unit vectors of each modality.
        shares: Length of each part within the whole, shape ``(n, n_parts)``; 0 where the
            listing lacks it. The squares of a row add up to 1, or to 0.
    """

    parts: tuple[Embeddings, ...]
    shares: Float32

    @classmethod
    def of(cls, parts: Sequence[Encoded], weights: Sequence[float]) -> Self:
        """Weight the modalities; the ones that a listing has make up the whole of it."""
        vectors = tuple(as_embeddings(part) for part in parts)
        lengths = np.stack(
            [w * row_norms(v.vectors) for w, v in zip(weights, vectors, strict=True)]
        )
        return cls(vectors, unit_rows(lengths.T))

    def __len__(self) -> int:
        return len(self.shares)

    def joined(self) -> Embeddings:
        """The parts side by side: dense if all are, else sparse."""
        if len(self.parts) == 1:
            return self.parts[0]
        scaled = [scale_rows(part.vectors, self.shares[:, i]) for i, part in enumerate(self.parts)]
        dense = all(isinstance(vectors, np.ndarray) for vectors in scaled)
        together = np.hstack(scaled) if dense else csr_array(hstack(scaled, format="csr"))
        named = all(part.terms for part in self.parts)
        return Embeddings(
            together,
            "(" + ", ".join(part.source for part in self.parts) + ")",
            {row: why for part in reversed(self.parts) for row, why in part.problems.items()},
            tuple(term for part in self.parts for term in part.terms) if named else (),
        )


def as_embeddings(encoded: Encoded) -> Embeddings:
    """Vectors as they are; hashes as vectors of -1/8 and 1/8, 0 where there is none.

    Example:
        >>> from matcher.types import Hashes
        >>> one = Hashes(np.array([1], np.uint64), np.array([True]))
        >>> as_embeddings(one).vectors[0, :3]
        array([ 0.125, -0.125, -0.125], dtype=float32)
    """
    if isinstance(encoded, Embeddings):
        return encoded
    octets = encoded.codes.astype("<u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    vectors = (bits.astype(np.float32) - np.float32(0.5)) / 4
    vectors[~encoded.present] = 0
    return Embeddings(vectors, encoded.source, encoded.problems)


def unit_rows(lengths: Float32) -> Float32:
    """Scale rows of non-negative numbers to length 1, leaving zero rows at zero."""
    whole = np.sqrt((lengths.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return (lengths / np.where(whole == 0, 1, whole)).astype(np.float32)


def find_neighbors(queries: Mixture, gallery: Mixture, k: int, min_score: float) -> SimilarityGraph:
    """Find the ``k`` closest rows of the gallery that reach ``min_score``.

    A pair that reaches the bound as a whole reaches it in one of the parts, so that searching
    each part finds it. What may be missed is a neighbour that is beyond the ``4 k`` best in
    each part.

    Args:
        queries: The same object as ``gallery`` for a search within one table, where a row is
            no neighbour of itself.
        gallery: Rows that are found.
        k: Most neighbours of a row.
        min_score: Lowest score of a neighbour, in [0, 1].

    Returns:
        Scores of the wholes; best first, ties by lower row.
    """
    wanted = k if len(gallery.parts) == 1 else POOL * k
    graphs = []
    for query, held in zip(queries.parts, gallery.parts, strict=True):
        index = make_index(held)
        if queries is gallery:
            graphs.append(index.search_within(wanted, min_score))
        else:
            graphs.append(index.search(query, wanted, min_score))
    return graphs[0] if len(graphs) == 1 else _rescored(graphs, queries, gallery, k, min_score)


def _rescored(
    graphs: list[SimilarityGraph], queries: Mixture, gallery: Mixture, k: int, min_score: float
) -> SimilarityGraph:
    """Candidates of the parts with the score of the whole, the ``k`` best of each row."""
    rows, cols = union_pairs(graphs, within=False)
    names = [str(i) for i in range(len(queries.parts))]
    held = None if queries is gallery else dict(zip(names, gallery.parts, strict=True))
    pairs = score_pairs(rows, cols, dict(zip(names, queries.parts, strict=True)), held)
    scores = np.zeros(len(rows), np.float64)
    for i, values in enumerate(pairs.scores.values()):
        scores += np.nan_to_num(values) * queries.shares[rows, i] * gallery.shares[cols, i]
    kept = scores.astype(np.float32) >= np.float32(min_score)
    found = np.clip(scores[kept], -1, 1).astype(np.float32)
    return _nearest(build_graph(rows[kept], cols[kept], found, len(queries), len(gallery)), k)


def _nearest(graph: SimilarityGraph, k: int) -> SimilarityGraph:
    """The first ``k`` edges of each row."""
    rows = graph.rows()
    kept = np.arange(len(rows)) - graph.indptr[rows] < k
    return build_graph(
        rows[kept], graph.indices[kept], graph.scores[kept], graph.n_rows, graph.n_cols
    )


def rounded(scores: Float32) -> Float32:
    """Scores as weights: none below 0, and 1 where rounding left a little less."""
    return np.maximum(np.round(scores, SCORE_DIGITS), 0)
