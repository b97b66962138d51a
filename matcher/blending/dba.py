"""A gallery whose listings take in their neighbours: database-side augmentation."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from matcher.blending._mixtures import Mixture, find_neighbors, rounded
from matcher.blending._neighborhood import NeighborhoodBlending, blend_rows
from matcher.types import Float32, Int64, SimilarityGraph


class DatabaseAugmentation(NeighborhoodBlending):
    r"""Database-side feature augmentation.

    Each listing of the gallery becomes the weighted sum of itself, which counts 1, and its
    neighbours in the gallery, scaled to length 1. Queries stay as they are. Within one table
    every listing is replaced.

    Attributes:
        weights_by: "rank": the r-th of the n neighbours found counts :math:`1 - r / (n + 1)`,
            where ties share a place, and a copy that of the listing itself. "score": its score
            to the power ``alpha``. "equal": 1.
        alpha: Power of the scores, 0 or more.

    Source:
        Turcot, Lowe: Better matching with fewer features, ICCV workshops 2009, section 3;
        Arandjelović, Zisserman: Three things everyone should know to improve object
        retrieval, CVPR 2012, section 4 (equal weights). By rank: Gordo, Almazán, Revaud,
        Larlus: End-to-end learning of deep visual representations for image retrieval, IJCV
        2017, arXiv:1610.07940. Theirs takes a set number of neighbours; here they have to
        reach a score, and the weights spread over those that do.

    Example:
        >>> from matcher.types import Embeddings
        >>> gallery = Embeddings(np.float32([[1, 0], [0.6, 0.8]]), "by hand")
        >>> (table,) = DatabaseAugmentation(of="image").blend({"image": gallery})
        >>> table["image"].vectors.round(3)  # (1 + 0.3, 0.4) and (0.6 + 0.5, 0.8), scaled
        array([[0.956, 0.294],
               [0.809, 0.588]], dtype=float32)
    """

    weights_by: Literal["rank", "score", "equal"] = "rank"
    alpha: float = Field(3.0, ge=0, le=100)

    def _blended(self, tables: list[Mixture]) -> list[Mixture]:
        gallery = tables[-1]
        found = find_neighbors(gallery, gallery, self.neighbors, self.neighbor_min_score)
        return [*tables[:-1], blend_rows(gallery, gallery, found, self._weights(found))]

    def _weights(self, found: SimilarityGraph) -> Float32:
        if self.weights_by == "score":
            return np.asarray(rounded(found.scores) ** self.alpha, np.float32)
        if self.weights_by == "equal":
            return np.ones(len(found.scores), np.float32)
        sizes = np.diff(found.indptr)[found.rows()]
        return np.asarray(1 - _places(found) / (sizes + 1), np.float32)


def _places(found: SimilarityGraph) -> Int64:
    """How many score more, the listing itself among them, shape ``(n_edges,)``."""
    rows, scores = found.rows(), rounded(found.scores)
    first = (np.diff(rows, prepend=-1) != 0) | (np.diff(scores, prepend=-1) != 0)
    starts = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
    return np.asarray(np.where(scores < 1, starts - found.indptr[rows] + 1, 0), np.int64)


Spec = DatabaseAugmentation
