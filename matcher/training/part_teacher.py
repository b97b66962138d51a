"""A teacher that sees, at each step, the same part of each picture as the network."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from matcher.encoders._keras_images import load_network
from matcher.models.stages import watch_stages
from matcher.training.feeding import Reader, feed
from matcher.training.teaching import Teacher

# Pictures whose mean vector is taken off all, and how many of them are seen at once.
SAMPLE, AT_ONCE = 1024, 64


class PartTeacher:
    """From pixels in 0..255, shape ``(batch, size, size, 3)``, any size, to what a teacher sees.

    A call gives its vectors, of length 1 and then less their mean over training pictures, shape
    ``(batch, d)``; with maps, a list of them and the maps of its stages.

    Args:
        teacher: An encoder ``image``.
        reader: Reads a training row.
        n_rows: How many there are.

    Attributes:
        width: d.
        shapes: Side and channels of each map; empty where none are asked for.

    Raises:
        BackendError: If the teacher's weights are missing.
        StoreError: If they are damaged.
    """

    def __init__(self, teacher: Teacher, reader: Reader, n_rows: int) -> None:
        network = load_network(teacher.make())
        network.trainable = False
        self.shapes: list[tuple[int, int]] = []
        self._size = network.input_shape[1]
        if teacher.maps:
            network, self.shapes = watch_stages(network)
        self._network = network
        self._mean: Any = 0.0
        chosen = np.linspace(0, n_rows - 1, min(SAMPLE, n_rows)).astype(np.int64)
        parts = (chosen[i : i + AT_ONCE] for i in range(0, len(chosen), AT_ONCE))
        read = (b.inputs["pixels"] for b in feed(parts, reader, replace=False) if len(b.rows))
        self._mean = np.concatenate([np.asarray(self._see(p)[0]) for p in read]).mean(axis=0)
        self.width = len(self._mean)

    def __call__(self, pixels: Any) -> Any:
        seen = [ops.stop_gradient(x) for x in self._see(pixels)]
        return seen if self.shapes else seen[0]

    def _see(self, pixels: Any) -> list[Any]:
        pixels = ops.cast(pixels, "float32")
        if pixels.shape[1] != self._size:
            side = (self._size, self._size)
            pixels = ops.image.resize(pixels, side, interpolation="bilinear")
        found = self._network(pixels, training=False)
        vectors, *maps = found if self.shapes else [found]
        vectors = ops.cast(vectors, "float32")
        vectors = vectors / (ops.norm(vectors, axis=1, keepdims=True) + 1e-6)
        return [vectors - self._mean, *maps]
