"""What a network's random numbers depend on: dropout, augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np


def random_states(layer: Any) -> list[Any]:
    """Keras variables that random numbers are drawn with, in an order that stays the same.

    They belong to a checkpoint: weights and these give the same steps again.

    Args:
        layer: A Keras layer or model.
    """
    weights = {id(variable) for variable in layer.weights}
    return [variable for variable in layer.variables if id(variable) not in weights]


def seed_random_states(layer: Any, seed: int) -> None:
    """Start all of them anew, each with a number of its own.

    Keras draws the numbers of unseeded layers from the process' own state.
    """
    states = random_states(layer)
    rng = np.random.default_rng(seed)
    for state, number in zip(states, rng.integers(0, 2**31 - 1, len(states)), strict=True):
        state.assign(np.array([number, 0]))


def keep_paths(network: Any) -> None:
    """Leave no block out in training: set the rate of all dropout of whole blocks to 0."""
    from keras import layers

    for layer in network.layers:
        if isinstance(layer, layers.Dropout) and layer.noise_shape is not None:
            layer.rate = 0.0
