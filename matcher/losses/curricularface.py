"""CurricularFace: ArcFace that turns to the hard classes as the training goes on.

With θ_j the angle between a row and the centre of class j, y its own class:

    loss = -log( exp(s T) / (exp(s T) + Σ_{j≠y} exp(s N_j)) ),   T = cos(θ_y + m)
    N_j = cos θ_j                  where class j is easy: cos θ_j <= T
    N_j = cos θ_j (t + cos θ_j)    where it is hard

    t = rate * (mean of cos θ_y over the batch) + (1 - rate) * t, from t = 0

Where θ_y + m > π, T falls on as in ``arcface``.

Source: Huang et al., CVPR 2020, arXiv:2004.00288, eqs. 5 to 7 and their moving average of t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from matcher.losses._base import Angle, LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head


class Spec(LossSettings):
    """Settings.

    Attributes:
        margin: Angle added to the true class, in radians, in [0, pi/2). A schedule that raises
            it sets ``head.margin``.
        scale: Multiplier of the cosines: 1 / temperature of the softmax.
        rate: Weight of a batch in the moving average t, in [0, 1].
    """

    margin: Angle = 0.5
    scale: float = Field(30.0, gt=0)
    rate: float = Field(0.01, ge=0, le=1)

    def prepare(self, head: Head) -> None:
        """Add the centres, the margin and t."""
        head.centers = head.add_drawn("centers", (head.width, head.n_classes))
        head.add_margin(self.margin)
        head.progress = head.add_state("progress", np.float32(0))

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch; in training t is moved before it is used."""
        from keras import ops

        from matcher.losses import _operations as of

        own = of.own_class(labels, head.n_classes)
        cosines = of.cosines(embeddings, head.centers)
        true = of.pick(cosines, own)
        t = ops.convert_to_tensor(head.progress)
        if training:
            t = self.rate * ops.stop_gradient(of.mean(true)) + (1 - self.rate) * t
            head.progress.assign(t)
        target = of.add_angle(true, head.margin)[:, None]
        others = ops.where(cosines > target, cosines * (t + cosines), cosines)
        return of.cross_entropy(self.scale * ops.where(own, target, others), own)
