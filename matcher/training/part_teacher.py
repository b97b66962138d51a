"""A teacher that sees, at each step, the same part of each picture as the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from matcher.encoders._keras_images import load_network
from matcher.training.feeding import Reader, feed
from matcher.training.teaching import Teacher

# Pictures whose mean vector is taken off all, and how many of them are seen at once.
SAMPLE, AT_ONCE = 1024, 64


def build_part_teacher(teacher: Teacher, reader: Reader, n_rows: int) -> Callable[[Any], Any]:
    """Make the function that a learner calls in its compiled step.

    Args:
        teacher: An encoder ``image``.
        reader: Reads a training row.
        n_rows: How many there are.

    Returns:
        From pixels in 0..255, shape ``(batch, size, size, 3)`` with any size, to the teacher's
        vectors, of length 1 and then less their mean over training pictures, shape
        ``(batch, d)``. Its ``width`` is d.

    Raises:
        BackendError: If the teacher's weights are missing.
        StoreError: If they are damaged.
    """
    from keras import ops

    network = load_network(teacher.make())
    network.trainable = False
    size = network.input_shape[1]

    def see(pixels: Any) -> Any:
        pixels = ops.cast(pixels, "float32")
        if pixels.shape[1] != size:
            pixels = ops.image.resize(pixels, (size, size), interpolation="bilinear")
        vectors = ops.cast(network(pixels, training=False), "float32")
        return vectors / (ops.norm(vectors, axis=1, keepdims=True) + 1e-6)

    chosen = np.linspace(0, n_rows - 1, min(SAMPLE, n_rows)).astype(np.int64)
    parts = (chosen[i : i + AT_ONCE] for i in range(0, len(chosen), AT_ONCE))
    read = [
        batch.inputs["pixels"] for batch in feed(parts, reader, replace=False) if len(batch.rows)
    ]
    mean = np.concatenate([np.asarray(see(pixels)) for pixels in read]).mean(axis=0)

    def teach(pixels: Any) -> Any:
        return ops.stop_gradient(see(pixels) - ops.convert_to_tensor(mean))

    teach.width = len(mean)  # type: ignore[attr-defined]
    return teach
