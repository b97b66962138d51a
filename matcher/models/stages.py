"""The maps that a convolutional network makes on its way: one a stage."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def watch_stages(network: keras.Model) -> tuple[keras.Model, list[tuple[int, int]]]:
    """Have a network tell its maps, too.

    A stage is all that is computed at one size. Of each, the sum that ends its last residual
    block is taken; and last of all the map that is pooled.

    Args:
        network: Of pixels, ``(batch, size, size, 3)``, to vectors.

    Returns:
        A model with the same weights that gives the vectors and then the maps, each ``(batch,
        side, side, channels)``, wide ones first; and side and channels of each.
    """
    sums: dict[int, Any] = {}
    last = None
    for layer in network.layers:
        if not hasattr(layer, "output") or len(getattr(layer.output, "shape", ())) != 4:
            continue
        if isinstance(layer, layers.Add):
            sums[int(layer.output.shape[1])] = layer.output
        if layer.output.shape[1] > 1:  # squeeze-and-excitation works on one position
            last = layer.output
    maps = [sums[side] for side in sorted(sums, reverse=True)]
    maps += [last] if last is not None else []
    shapes = [(int(x.shape[1]), int(x.shape[3])) for x in maps]
    return keras.Model(network.input, [network.output, *maps]), shapes
