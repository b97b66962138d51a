"""ArcFace: the true class must win by an angle, not just win.

With θ_j the angle between a row and the centre of class j, y its own class, n_y the size of that:

    loss = -log( exp(s cos(θ_y + m_y)) / (exp(s cos(θ_y + m_y)) + Σ_{j≠y} exp(s cos θ_j)) )
    m_y = margin * n_y ^ -size_power

With several centres a class, θ_j is the angle to the closest. Where θ_y + m_y > π the cosine
would rise again; the logit then falls on as ``cos θ_y - 1 + cos m_y`` (Deng et al.'s code goes on
as ``cos θ_y - m sin m``, which jumps).

Source: Deng et al., CVPR 2019, arXiv:1801.07698, eq. 3. Sub-centres: Deng et al., "Sub-center
ArcFace", ECCV 2020. Margins by class size: Ha et al., arXiv:2010.05350.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from matcher.losses._base import Angle, LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head

TINY: dict[str, Any] = {"sub_centers": 2, "size_power": 0.1}  # for the contract test


class Spec(LossSettings):
    """Settings.

    Attributes:
        margin: Angle added to the true class, in radians, in [0, pi/2). A schedule that raises
            it sets ``head.margin``.
        scale: Multiplier of the cosines: 1 / temperature of the softmax.
        sub_centers: Centres a class; several bear wrong labels and classes of many looks.
        size_power: How fast the margin shrinks with the size of the class, 0 or more; 0 gives
            all classes the same. 0.1 for pictures and 0.2 for titles have worked on Shopee.
    """

    margin: Angle = 0.5
    scale: float = Field(30.0, gt=0)
    sub_centers: int = Field(1, ge=1)
    size_power: float = Field(0.0, ge=0)

    def prepare(self, head: Head) -> None:
        """Add the centres, class after class, and the margin."""
        head.centers = head.add_drawn("centers", (head.width, head.n_classes * self.sub_centers))
        head.add_margin(self.margin)

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        from matcher.losses import _operations as of

        own = of.own_class(labels, head.n_classes)
        cosines = of.cosines(embeddings, head.centers)
        if self.sub_centers > 1:
            cosines = ops.reshape(cosines, (-1, head.n_classes, self.sub_centers))
            cosines = ops.max(cosines, axis=2)
        shrink = (head.class_sizes ** -float(self.size_power)).astype("float32")
        margin = head.margin * of.pick(ops.convert_to_tensor(shrink)[None, :], own)
        true = of.add_angle(of.pick(cosines, own), margin)
        return of.cross_entropy(self.scale * ops.where(own, true[:, None], cosines), own)
