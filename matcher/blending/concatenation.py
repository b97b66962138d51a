"""Several modalities side by side, as one vector."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from matcher.blending._base import MixtureBlending
from matcher.blending._mixtures import Mixture


class Concatenation(MixtureBlending):
    r"""Weighted concatenation.

    The vectors :math:`x_m` of the modalities, each of length 1, are multiplied with their
    weights :math:`w_m`, laid side by side and scaled to length 1. Where two listings have all
    modalities their score is :math:`\sum_m w_m^2 s_m / \sum_m w_m^2`.

    A listing that lacks some is the concatenation of the others. Its score with another is

    .. math:: \frac{\sum_{m \in L \cap R} w_m^2 s_m}
                   {\sqrt{\sum_{m \in L} w_m^2} \sqrt{\sum_{m \in R} w_m^2}}

    where L and R are what each has. What both lack counts for nothing; but what one has and
    the other lacks lowers the score, as if it differed in part: a vector cannot know with what
    it will be compared. The ``weighted`` fusion looks at each pair by itself and takes the
    mean over what both have; with the weights :math:`w_m^2` it is the same where nothing is
    missing. Prefer it where pictures or titles are missing; the concatenation serves where one
    vector is wanted (to search by, or to store).

    Dense and sparse modalities make sparse vectors, hashes 64 dense dimensions of them; every
    pair then shares a dimension, and a search among them takes time in proportion to the
    square of the listings. Where its modalities propose candidates, set ``candidates: false``:
    a pair that reaches a ``min_score`` as a whole reaches it in one of them.

    Attributes:
        of: Two modalities or more, as ``into`` one; or a single one.

    Example:
        >>> import numpy as np
        >>> from matcher.types import Embeddings
        >>> title = Embeddings(np.float32([[1, 0], [0, 1]]), "title")
        >>> image = Embeddings(np.float32([[1, 0], [0, 0]]), "image")
        >>> both = Concatenation(of=["title", "image"], into="both", weights={"title": 0.75})
        >>> (table,) = both.blend({"title": title, "image": image})
        >>> table["both"].vectors
        array([[0.6, 0. , 0.8, 0. ],
               [0. , 1. , 0. , 0. ]], dtype=float32)
    """

    @model_validator(mode="after")
    def _check_into(self) -> Self:
        if self.into is None:
            raise ValueError("concatenation writes one modality: name it with 'into'")
        return self

    def _blended(self, tables: list[Mixture]) -> list[Mixture]:
        return tables


Spec = Concatenation
