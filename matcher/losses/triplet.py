"""Siamese triplet margin: nearer to a row of one's class than to any other, by a margin.

With d the Euclidean distance of embeddings of length 1, in [0, 2], for an anchor a, a row p of
its class and a row n of another:

    loss = max(d(a, p) - d(a, n) + margin, 0)

Which triplets of the batch count:

    hard       each anchor with its farthest p and its nearest n; mean over anchors
    semi_hard  each pair (a, p) with the nearest n that is farther than p; if there is none,
               with the farthest n; mean over pairs
    all        every triplet; mean over triplets

A row without a mate, or without a row of another class, is no anchor; without any anchor the
loss is 0. A pair at the same place has no direction to move in, so no gradient.

Source: Schroff et al., CVPR 2015, arXiv:1503.03832, eq. 3 and section 3.2 (semi-hard); Hermans
et al., arXiv:1703.07737, eqs. 5 (hard) and 6 (all).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from matcher.losses._base import LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head

FAR = 4.0  # beyond any distance


class Spec(LossSettings):
    """Settings.

    Attributes:
        margin: Distance, in [0, 2]. A schedule that raises it sets ``head.margin``.
        mining: ``"hard"``, ``"semi_hard"`` or ``"all"``. The last two hold a number for every
            triplet: 4 b³ bytes, 67 MB for 256 rows.
    """

    compares: ClassVar[bool] = True
    has_centers: ClassVar[bool] = False

    margin: float = Field(0.2, ge=0, le=2)
    mining: Literal["hard", "semi_hard", "all"] = "hard"

    def prepare(self, head: Head) -> None:
        """Add the margin."""
        head.add_margin(self.margin)

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        from matcher.losses import _operations as of

        vectors = of.unit(embeddings)
        distances = of.root(2 - 2 * ops.matmul(vectors, ops.transpose(vectors)))
        alike, mates = of.same_class(labels)
        others = ops.logical_not(alike)
        if self.mining == "hard":
            positive = ops.max(ops.where(mates, distances, -FAR), axis=1)
            negative = ops.min(ops.where(others, distances, FAR), axis=1)
            counts = ops.logical_and(ops.any(mates, axis=1), ops.any(others, axis=1))
        elif self.mining == "semi_hard":
            positive = distances
            negative = _nearest_beyond(distances, others)
            counts = ops.logical_and(mates, ops.any(others, axis=1)[:, None])
        else:
            positive, negative = distances[:, :, None], distances[:, None, :]
            counts = ops.logical_and(mates[:, :, None], others[:, None, :])
        return of.mean(ops.maximum(positive - negative + head.margin, 0.0), counts)


def _nearest_beyond(distances: Any, others: Any) -> Any:
    """Of each pair (a, p), the smallest d(a, n) above d(a, p), or the largest; ``(b, b)``."""
    from keras import ops

    farther = ops.logical_and(others[:, None, :], distances[:, None, :] > distances[:, :, None])
    nearest = ops.min(ops.where(farther, distances[:, None, :], FAR), axis=2)
    farthest = ops.max(ops.where(others, distances, -FAR), axis=1)
    return ops.where(ops.any(farther, axis=2), nearest, farthest[:, None])
