"""Keras optimisers with a learning rate of its own for the weights of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from matcher.training.settings import Optimizer

# Weights that are not drawn towards 0: biases, and the scale and shift of norms.
_UNDECAYED = ["bias", "gamma", "beta"]


def _multiplied(base: type) -> type:
    """An optimiser that multiplies the learning rate of some variables."""

    class Multiplied(base):
        def __init__(self, factors: tuple[float, ...], **settings: Any) -> None:
            super().__init__(**settings)
            self.factors = factors

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            factor = self.factors[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

    return Multiplied


def build_optimizer(settings: Optimizer, variables: Sequence[Any], head: Sequence[Any]) -> Any:
    """Build an optimiser, its own variables included.

    Args:
        settings: Its settings.
        variables: Keras variables that learn.
        head: Those of the loss, among them or not.

    Returns:
        A Keras optimiser; a step of another learning rate needs only its ``learning_rate`` set.
    """
    of_head = {id(variable) for variable in head}
    factors = tuple(settings.head_multiplier if id(v) in of_head else 1.0 for v in variables)
    common = {
        "factors": factors,
        "learning_rate": settings.learning_rate,
        "global_clipnorm": settings.clip_norm,
        "weight_decay": settings.weight_decay or None,
        "name": "optimizer",
    }
    if settings.method == "sgd":
        momentum = {"momentum": settings.momentum, "nesterov": settings.momentum > 0}
        optimizer = _multiplied(keras.optimizers.SGD)(**common, **momentum)
    else:  # Keras decays weights apart from gradients in Adam too, as AdamW does
        optimizer = _multiplied(keras.optimizers.Adam)(**common)
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_UNDECAYED)
    optimizer.build(list(variables))
    return optimizer


def carry_over(old: Any, new: Any) -> None:
    """Take over what an optimiser has learnt of the variables that both have."""
    values = {variable.path: variable for variable in old.variables}
    for variable in new.variables:
        if variable.path in values:
            variable.assign(values[variable.path])
