"""Queries that take in what they find: α-weighted query expansion."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from matcher.blending._mixtures import Mixture, find_neighbors, rounded
from matcher.blending._neighborhood import NeighborhoodBlending, blend_rows


class AlphaQueryExpansion(NeighborhoodBlending):
    r"""α query expansion.

    A query :math:`q` becomes :math:`q + \sum_k s_k^\alpha x_k` over its neighbours
    :math:`x_k` in the gallery with scores :math:`s_k`, scaled to length 1. The gallery stays as
    it is. Within one table every listing is query and gallery at once: each is expanded, and
    scores are those of expanded vectors on both sides. (Scores of an expanded with a plain
    vector would depend on which of the two asks.) That is query expansion with database-side
    augmentation; ``dba`` differs in its weights only.

    Attributes:
        alpha: Power of the scores, 0 or more; 0 is average query expansion.

    Source:
        Radenović, Tolias, Chum: Fine-tuning CNN image retrieval with no human annotation,
        TPAMI 2018, arXiv:1711.02512, "α-weighted query expansion". Average: Chum, Philbin,
        Sivic, Isard, Zisserman: Total recall, ICCV 2007. Unlike theirs, neighbours have to
        reach a score.

    Example:
        >>> import numpy as np
        >>> from matcher.types import Embeddings
        >>> query = Embeddings(np.float32([[1, 0]]), "by hand")
        >>> gallery = Embeddings(np.float32([[0.6, 0.8]]), "by hand")
        >>> expansion = AlphaQueryExpansion(of="image", alpha=0)
        >>> expanded, _ = expansion.blend({"image": query}, {"image": gallery})
        >>> expanded["image"].vectors.round(3)  # (1 + 0.6, 0.8), scaled
        array([[0.894, 0.447]], dtype=float32)
    """

    alpha: float = Field(3.0, ge=0, le=100)

    def _blended(self, tables: list[Mixture]) -> list[Mixture]:
        queries, gallery = tables[0], tables[-1]
        found = find_neighbors(queries, gallery, self.neighbors, self.neighbor_min_score)
        weights = np.asarray(rounded(found.scores) ** self.alpha, np.float32)
        return [blend_rows(queries, gallery, found, weights), *tables[1:]]


Spec = AlphaQueryExpansion
