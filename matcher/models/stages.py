"""A convolutional network stage by stage."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def watch_stages(network: keras.Model) -> tuple[keras.Model, list[tuple[int, int]]]:
    """Have a network tell its maps, too.

    A stage is all that is computed at one size and width. Of each, the sum that ends its last
    residual block is taken, or the norm that ends its only block.

    Args:
        network: Of pixels, ``(batch, size, size, 3)``, to vectors.

    Returns:
        A model with the same weights that gives the maps, each ``(batch, side, side,
        channels)``, in the order in which they are computed, and last of all the vectors; and
        side and channels of each map.
    """
    ends = _find_ends(network)
    shapes = [(int(x.shape[1]), int(x.shape[3])) for x in ends]
    return keras.Model(network.input, [*ends, network.output]), shapes


def split_stages(network: keras.Model) -> list[keras.Model]:
    """Cut a network where its stages end.

    Returns:
        Models with the same weights, each from the map of the stage before, the first from
        pixels; the last one gives the vectors.
    """
    ends = _find_ends(network)
    return [
        keras.Model(given, found)
        for given, found in zip([network.input, *ends], [*ends, network.output], strict=True)
    ]


def _find_ends(network: keras.Model) -> list[Any]:
    """The maps that stages end with."""
    ends: dict[tuple[int, ...], Any] = {}
    for layer in network.layers:
        if isinstance(layer, layers.Add) or (
            isinstance(layer, layers.BatchNormalization) and _is_linear(layer)
        ):
            shape = tuple(layer.output.shape)
            if len(shape) == 4:
                ends.pop(shape, None)
                ends[shape] = layer.output
    return list(ends.values())


def _is_linear(norm: keras.Layer) -> bool:
    """Whether a norm ends a block: nothing comes between it and the next block's kernel."""
    users = [node.operation for node in norm._outbound_nodes]
    return any(type(user) is layers.Conv2D for user in users)
