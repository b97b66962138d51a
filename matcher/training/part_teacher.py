"""A teacher that sees, at each step, the same part of each picture as the network."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from matcher.encoders._keras_images import load_network
from matcher.errors import ConfigError
from matcher.models.stages import watch_stages
from matcher.training.feeding import Reader, feed
from matcher.training.teaching import Teacher

# Pictures whose vectors say what all have in common and along which axes they differ, and how many
# of them are seen at once.
SAMPLE, AT_ONCE = 2048, 64


class PartTeacher:
    """From pixels in 0..255, shape ``(batch, size, size, 3)``, any size, to what a teacher sees.

    A call gives a list: with ``maps``, first the maps of its stages; last its vectors, of length 1
    and then less their mean over training pictures, shape ``(batch, d)``. Where they are wider
    than the network's, they are turned to the axes along which training pictures differ most,
    and the rest is left out.

    Args:
        teacher: An encoder ``image``.
        reader: Reads a training row.
        n_rows: How many there are.
        width: Of the network's vectors.

    Attributes:
        width: d, at most that of the network.
        shapes: Side and channels of each map; empty where none are asked for.

    Raises:
        BackendError: If the teacher's weights are missing.
        ConfigError: If there are too few pictures to find the axes.
        StoreError: If the weights are damaged.
    """

    def __init__(self, teacher: Teacher, reader: Reader, n_rows: int, width: int) -> None:
        network = load_network(teacher.make())
        network.trainable = False
        self.shapes: list[tuple[int, int]] = []
        self._size = network.input_shape[1]
        if teacher.maps:
            network, self.shapes = watch_stages(network)
        self._network = network
        vectors = self._see_some(reader, n_rows)
        self._mean = vectors.mean(axis=0)
        self._axes: Any = None
        if vectors.shape[1] > width:
            self._axes = _find_axes(vectors - self._mean, width)
        self.width = min(width, vectors.shape[1])

    def __call__(self, pixels: Any) -> list[Any]:
        *maps, vectors = [ops.stop_gradient(x) for x in self._see(pixels)]
        vectors = vectors - self._mean
        return [*maps, vectors if self._axes is None else ops.matmul(vectors, self._axes)]

    def _see_some(self, reader: Reader, n_rows: int) -> Any:
        chosen = np.linspace(0, n_rows - 1, min(SAMPLE, n_rows)).astype(np.int64)
        parts = (chosen[i : i + AT_ONCE] for i in range(0, len(chosen), AT_ONCE))
        read = (b.inputs["pixels"] for b in feed(parts, reader, replace=False) if len(b.rows))
        return np.concatenate([np.asarray(self._see(p)[-1]) for p in read])

    def _see(self, pixels: Any) -> list[Any]:
        pixels = ops.cast(pixels, "float32")
        if pixels.shape[1] != self._size:
            side = (self._size, self._size)
            pixels = ops.image.resize(pixels, side, interpolation="bilinear")
        found = self._network(pixels, training=False)
        *maps, vectors = found if self.shapes else [found]
        vectors = ops.cast(vectors, "float32")
        return [*maps, vectors / (ops.norm(vectors, axis=1, keepdims=True) + 1e-6)]


def _find_axes(vectors: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The principal axes of vectors less their mean, shape ``(d, width)``."""
    if len(vectors) < width:
        raise ConfigError(
            f"The teacher's vectors are brought to the width of the network's, {width}, along the "
            f"axes of as many training pictures or more. Received: {len(vectors)} of them. Set "
            "image.width to less, or give more listings."
        )
    return np.ascontiguousarray(np.linalg.svd(vectors, full_matrices=False)[2][:width].T)
