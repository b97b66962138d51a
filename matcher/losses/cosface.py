"""CosFace: the true class must win by a cosine.

With θ_j the angle between a row and the centre of class j, y its own class:

    loss = -log( exp(s (cos θ_y - m)) / (exp(s (cos θ_y - m)) + Σ_{j≠y} exp(s cos θ_j)) )

Source: Wang et al., CVPR 2018, arXiv:1801.09414, eq. 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from matcher.losses._base import LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head


class Spec(LossSettings):
    """Settings.

    Attributes:
        margin: Taken from the cosine of the true class, in [0, 2]. A schedule that raises it
            sets ``head.margin``.
        scale: Multiplier of the cosines: 1 / temperature of the softmax.
    """

    margin: float = Field(0.35, ge=0, le=2)
    scale: float = Field(30.0, gt=0)

    def prepare(self, head: Head) -> None:
        """Add the centres and the margin."""
        head.centers = head.add_drawn("centers", (head.width, head.n_classes))
        head.add_margin(self.margin)

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        from matcher.losses import _operations as of

        own = of.own_class(labels, head.n_classes)
        cosines = of.cosines(embeddings, head.centers)
        return of.cross_entropy(self.scale * ops.where(own, cosines - head.margin, cosines), own)
