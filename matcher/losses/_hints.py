"""What a teacher computes on its way, as something to come close to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from matcher.losses import _operations as of


class Hints(keras.layers.Layer):
    """Distance of a network's maps from a teacher's, place by place, in float32.

    For maps s and t of one stage at place p, and a matrix W of the stage that is learnt:

        L = mean over stages and places of (1 - cos(W s_p, t_p))

    Args:
        widths: Channels of the network's maps, stage by stage.
        teacher_widths: Channels of the teacher's.
        seed: Of the matrices.

    Call arguments:
        maps: Each ``(batch, side, side, width)``.
        targets: Each ``(batch, other side, other side, teacher width)``; brought to the sides
            of the network's where they differ.

    Returns:
        A scalar.

    Source: Romero et al., ICLR 2015, arXiv:1412.6550, eq. 3 (hints), at every stage and with the
    cosine distance.
    """

    def __init__(self, widths: Sequence[int], teacher_widths: Sequence[int], seed: int = 0) -> None:
        super().__init__(name="hints", dtype="float32")
        rng = np.random.default_rng(seed)
        self.matrices = []
        for i, (width, wanted) in enumerate(zip(widths, teacher_widths, strict=True)):
            start = rng.standard_normal((width, wanted), np.float32) / np.float32(np.sqrt(width))
            self.matrices.append(
                self.add_weight(
                    start.shape, lambda shape, dtype=None, s=start: s, name=f"projection_{i}"
                )
            )
        self.built = True

    def call(self, maps: Sequence[Any], targets: Sequence[Any], training: bool = False) -> Any:
        losses = []
        for found, wanted, matrix in zip(maps, targets, self.matrices, strict=True):
            side, (width, other) = found.shape[1], matrix.shape
            if wanted.shape[1] != side:
                wanted = ops.image.resize(wanted, (side, side), interpolation="bilinear")
            given = ops.matmul(ops.reshape(ops.cast(found, "float32"), (-1, width)), matrix)
            flat = ops.reshape(ops.cast(wanted, "float32"), (-1, other))
            losses.append(1 - ops.mean(ops.sum(of.unit(given) * of.unit(flat), axis=1)))
        return ops.mean(ops.stack(losses))

    def compute_output_shape(self, *shapes: Any) -> tuple[()]:
        return ()
