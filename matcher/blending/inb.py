"""Iterative neighbourhood blending: rounds of finding neighbours and taking them in."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from matcher.blending._base import MixtureBlending, as_tuple
from matcher.blending._mixtures import Mixture, find_neighbors, rounded
from matcher.blending._neighborhood import blend_rows
from matcher.similarity import build_graph
from matcher.types import Embeddings, SimilarityGraph

ANY = 0.01  # the lowest score of a sole neighbour


class NeighborhoodIteration(MixtureBlending):
    r"""Iterative neighbourhood blending.

    In each stage a listing finds the neighbours that reach a score, and becomes
    :math:`x + \sum_k s_k x_k`, scaled to length 1. The next stage searches the vectors that
    this one made. Members of one group draw together, and a listing between two groups is
    drawn to the one that has more of its neighbours.

    Of several modalities, neighbours are found in the weighted concatenation, and each is
    blended over the same neighbours: written ``into`` one as their concatenation, or each in
    its place. Between two tables the gallery is blended within itself, and the queries with
    the gallery as it was at the start of the stage.

    Attributes:
        stages: Number of rounds.
        min_scores: Lowest score of a neighbour, in [0, 1], for each stage; or one for all.
        neighbors: Most neighbours of a listing, itself not counted.
        at_least_two: A listing that finds no neighbour takes its closest one (of a score of
            0.01 and more), for tables where each product is known to be listed twice.

    Source:
        First-placed solution of Kaggle "Shopee - Price Match Guarantee", 2021: "INB" and
        "min2".

    Example:
        >>> table = {"title": Embeddings(np.float32([[1, 0], [0.6, 0.8]]), "by hand")}
        >>> (table,) = NeighborhoodIteration(of="title", stages=1, min_scores=0.6).blend(table)
        >>> table["title"].vectors.round(3)  # (1 + 0.36, 0.48) and (0.6 + 0.6, 0.8), scaled
        array([[0.943, 0.333],
               [0.832, 0.555]], dtype=float32)
    """

    stages: int = Field(3, ge=1, le=10)
    min_scores: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...], BeforeValidator(as_tuple)
    ] = (0.6,)
    neighbors: int = Field(50, ge=1, le=1000)
    at_least_two: bool = False

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if len(self.min_scores) not in (1, self.stages):
            raise ValueError(
                f"min_scores is one number, or one for each of the {self.stages} stages. "
                f"Received: {len(self.min_scores)}"
            )
        return self

    def _blended(self, tables: list[Mixture]) -> list[Mixture]:
        bounds = self.min_scores * (self.stages if len(self.min_scores) == 1 else 1)
        for bound in bounds:
            gallery = tables[-1]
            tables = [self._stage(table, gallery, bound) for table in tables]
        return tables

    def _stage(self, own: Mixture, gallery: Mixture, bound: float) -> Mixture:
        found = find_neighbors(own, gallery, self.neighbors, bound)
        if self.at_least_two:
            found = _with_closest(found, own, gallery)
        return blend_rows(own, gallery, found, rounded(found.scores))


def _with_closest(found: SimilarityGraph, own: Mixture, gallery: Mixture) -> SimilarityGraph:
    """Give rows without a neighbour their closest one."""
    lonely = np.flatnonzero(np.diff(found.indptr) == 0)
    if not len(lonely):
        return found
    parts = tuple(
        Embeddings(part.vectors[lonely], part.source, terms=part.terms) for part in own.parts
    )
    closest = find_neighbors(Mixture(parts, own.shares[lonely]), gallery, 2, ANY)
    rows, cols = lonely[closest.rows()], closest.indices
    others = np.flatnonzero((rows != cols) | (own is not gallery))
    first = others[np.unique(rows[others], return_index=True)[1]]
    return build_graph(
        np.append(found.rows(), rows[first]),
        np.append(found.indices, cols[first]),
        np.append(found.scores, closest.scores[first]),
        found.n_rows,
        found.n_cols,
    )


Spec = NeighborhoodIteration
