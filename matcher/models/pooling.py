"""One vector of a map of activations."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from matcher.errors import ConfigError
from matcher.models.settings import ImagePooling

# Activations are at least this, so that any power of them exists.
LEAST = 1e-6
# Exponent that GeM starts with, as in the paper.
POWER = 3.0


@keras.saving.register_keras_serializable(package="matcher")
class GeM(layers.Layer):
    """Generalised mean ``mean(x**p)**(1/p)``: between the mean (p = 1) and the maximum.

    One exponent for all channels, learnt. Activations below ``LEAST`` count as that.

    Args:
        power: Exponent to start with.

    Call arguments:
        maps: Shape ``(batch, height, width, d)``.

    Returns:
        Shape ``(batch, d)``.

    Source:
        Radenović et al., TPAMI 2019, arXiv:1711.02512, eq. 3.
    """

    def __init__(self, power: float = POWER, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if power <= 0:
            raise ConfigError(f"power must be above 0. Received: {power}.")
        self.power = power

    def build(self, maps_shape: tuple[int | None, ...]) -> None:
        initial = keras.initializers.Constant(self.power)
        self.p = self.add_weight(name="p", shape=(1,), initializer=initial)

    def call(self, maps: Any) -> Any:
        maps = ops.maximum(maps, LEAST)
        # Divided by any constant and multiplied again it is the same, but no power overflows.
        top = ops.stop_gradient(ops.max(maps, axis=(1, 2), keepdims=True))
        powers = ops.power(maps / top, self.p)
        return top[:, 0, 0] * ops.power(ops.mean(powers, axis=(1, 2)), 1.0 / self.p)

    def compute_output_shape(self, maps_shape: Any) -> tuple[int | None, ...]:
        return (maps_shape[0], maps_shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power}


@keras.saving.register_keras_serializable(package="matcher")
class Scda(layers.Layer):
    """Mean and maximum over the main object alone.

    Places whose activations sum to more than the mean sum are those of things; of their
    connected sets (diagonals connect) the largest is the main object, the first one from the
    top left where several are. A map that is the same everywhere is taken whole. Each half is
    scaled to length 1, so that neither outweighs the other. No gradient goes through the choice.

    Call arguments:
        maps: Not negative, as a rule; shape ``(batch, height, width, d)``, both sides known.

    Returns:
        Shape ``(batch, 2 d)``: means, then maxima.

    Source:
        Wei et al., TIP 2017, arXiv:1604.04994, eq. 1 and 2.
    """

    def call(self, maps: Any) -> Any:
        height, width, d = maps.shape[1:]
        places = ops.reshape(maps, (-1, height * width, d))
        chosen = ops.stop_gradient(_main_object(ops.sum(places, axis=2), height, width))
        chosen = chosen[:, :, None]
        mean = ops.sum(places * chosen, axis=1) / ops.sum(chosen, axis=1)
        top = ops.max(ops.where(chosen > 0, places, -np.inf), axis=1)
        return ops.concatenate([_unit(mean), _unit(top)], axis=1)

    def compute_output_shape(self, maps_shape: Any) -> tuple[int | None, ...]:
        return (maps_shape[0], 2 * maps_shape[3])


def build_pooling(pooling: ImagePooling) -> layers.Layer:
    """Make the layer of that name, which computes in float32."""
    if pooling == "average":
        return layers.GlobalAveragePooling2D(name="pooling", dtype="float32")
    return (GeM if pooling == "gem" else Scda)(name="pooling", dtype="float32")


def _main_object(sums: Any, height: int, width: int) -> Any:
    """1 at the places of the main object and 0 elsewhere, ``(batch, height * width)``."""
    bright = ops.cast(sums > ops.mean(sums, axis=1, keepdims=True), "float32")
    linked = bright[:, :, None] * bright[:, None, :] * _touching(height, width)
    # Squared once, it holds what two steps reach; squared k times, what 2**k steps reach.
    for _ in range(math.ceil(math.log2(max(height * width, 2)))):
        linked = ops.cast(ops.matmul(linked, linked) > 0.5, "float32")
    sizes = ops.sum(linked, axis=2)
    in_largest = ops.argmax(sizes, axis=1)
    found = ops.take_along_axis(linked, in_largest[:, None, None], axis=1)[:, 0]
    return ops.where(ops.max(sizes, axis=1, keepdims=True) > 0, found, 1.0)


def _touching(height: int, width: int) -> Any:
    """1 where two places are the same or side by side, diagonals included."""
    y, x = np.divmod(np.arange(height * width), width)
    apart = np.maximum(np.abs(y[:, None] - y), np.abs(x[:, None] - x))
    return (apart <= 1).astype(np.float32)


def _unit(vectors: Any) -> Any:
    squares = ops.sum(ops.square(vectors), axis=1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, 1e-12))
