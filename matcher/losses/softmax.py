"""Softmax over classes: normalised (cosines to class centres), or plain.

    loss = -log( exp(z_y) / Σ_j exp(z_j) ),   y the class of the row x
    normalised: z_j = s cos θ_j, θ_j the angle between x and the centre of class j
    plain:      z_j = w_j · x + b_j

Source: normalised: Wang et al., "NormFace", ACM MM 2017, arXiv:1704.06369; Zhai and Wu, BMVC
2019, arXiv:1811.12649, whose temperature of 0.05 is a scale of 20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from matcher.losses._base import LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head


class Spec(LossSettings):
    """Settings.

    Attributes:
        normalize: Whether embeddings and centres are brought to length 1. If not, lengths count
            as well, and each class has a bias.
        scale: Multiplier of the cosines: 1 / temperature. Not read where not normalised.
    """

    normalize: bool = True
    scale: float = Field(20.0, gt=0)

    def prepare(self, head: Head) -> None:
        """Add the centres, and biases of 0 where not normalised."""
        head.centers = head.add_drawn("centers", (head.width, head.n_classes))
        if not self.normalize:
            head.bias = head.add_trained("bias", np.zeros(head.n_classes, np.float32))

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        from matcher.losses import _operations as of

        if self.normalize:
            logits = self.scale * of.cosines(embeddings, head.centers)
        else:
            logits = ops.matmul(embeddings, head.centers) + head.bias
        return of.cross_entropy(logits, of.own_class(labels, head.n_classes))
