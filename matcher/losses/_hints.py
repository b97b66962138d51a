"""What a teacher computes on its way, as something to come close to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

# Least variance of a map that is divided by.
EPSILON = 1e-6


class Hints(keras.layers.Layer):
    """Distance of a network's maps from a teacher's, in float32.

    The teacher's maps are first turned into spaces as wide as the network's, by matrices Q with
    orthonormal rows that are drawn once. For maps s and t of a stage, at places p:

        L = mean over stages of  sum_p |s_p - Q t_p|^2 / sum_p |Q t_p - mean_p Q t_p|^2

    which is the share of the teacher's variance that the network does not explain.

    Args:
        widths: Channels of the network's maps, stage by stage.
        teacher_widths: Channels of the teacher's, none above the network's.
        seed: Of the matrices.

    Call arguments:
        maps: Each ``(batch, side, side, width)``.
        lifted: As ``lift`` gives them.

    Returns:
        A scalar.

    Source: Romero et al., ICLR 2015, arXiv:1412.6550, eq. 3 (hints), at every stage and relative
    to the variance.
    """

    def __init__(self, widths: Sequence[int], teacher_widths: Sequence[int], seed: int = 0) -> None:
        super().__init__(name="hints", dtype="float32")
        rng = np.random.default_rng(seed)
        self.matrices = []
        for i, (width, wanted) in enumerate(zip(widths, teacher_widths, strict=True)):
            turned = np.linalg.qr(rng.standard_normal((width, wanted)))[0].T.astype(np.float32)
            self.matrices.append(
                self.add_weight(
                    turned.shape,
                    lambda shape, dtype=None, q=turned: q,
                    name=f"turn_{i}",
                    trainable=False,
                )
            )
        self.built = True

    def lift(self, targets: Sequence[Any], sides: Sequence[int]) -> list[Any]:
        """Bring a teacher's maps to the widths and sides of the network's.

        Args:
            targets: Each ``(batch, other side, other side, teacher width)``.
            sides: Of the network's maps.
        """
        lifted = []
        for wanted, side, matrix in zip(targets, sides, self.matrices, strict=True):
            wanted = ops.cast(wanted, "float32")
            if wanted.shape[1] != side:
                wanted = ops.image.resize(wanted, (side, side), interpolation="bilinear")
            lifted.append(ops.matmul(wanted, matrix))
        return lifted

    def call(self, maps: Sequence[Any], lifted: Sequence[Any], training: bool = False) -> Any:
        losses = []
        for found, wanted in zip(maps, lifted, strict=True):
            distance = ops.mean(ops.square(ops.cast(found, "float32") - wanted))
            variance = ops.mean(ops.var(wanted, axis=(0, 1, 2)))
            losses.append(distance / (variance + EPSILON))
        return ops.mean(ops.stack(losses))

    def compute_output_shape(self, *shapes: Any) -> tuple[()]:
        return ()
