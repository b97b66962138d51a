"""Which layers of a network learn."""

from __future__ import annotations

import keras
from keras import layers

from matcher.errors import ConfigError
from matcher.models.embedder import HEAD
from matcher.models.settings import Place
from matcher.settings import suggest


def freeze(model: keras.Model, up_to: Place = 0.0, norms: bool = True) -> int:
    """Freeze the first layers of a backbone, and thaw all others.

    A frozen batch norm uses its running mean and variance, in training too. To be called again
    for each step of a schedule (``Freezing.at``); what was compiled before must be compiled
    again, since the lists of trainable variables differ.

    Args:
        model: As ``build_image_embedder`` or ``build_title_embedder`` makes them.
        up_to: As in ``Freezing``.
        norms: As in ``Freezing``.

    Returns:
        Number of parameters that learn.

    Raises:
        ConfigError: If no layer's name begins like ``up_to``.
    """
    frozen = set(_before(up_to, freezable_layers(model)))
    for layer in model.layers:
        still = norms and layer.name not in HEAD and isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer.name not in frozen and not still
    return sum(int(keras.ops.size(variable)) for variable in model.trainable_variables)


def freezable_layers(model: keras.Model) -> tuple[str, ...]:
    """Names of a backbone's layers that have weights, from the input on."""
    return tuple(layer.name for layer in model.layers if layer.weights and layer.name not in HEAD)


def _before(up_to: Place, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those names that come before a place."""
    if not isinstance(up_to, str):
        return names[: round(up_to * len(names))]
    for i, name in enumerate(names):
        if name.startswith(up_to):
            return names[:i]
    raise ConfigError(
        f"up_to must be a share in [0, 1] or the beginning of a layer's name. Received: {up_to!r}."
        f"{_guess(up_to, names)} The layers are {_some(names)}."
    )


def _guess(up_to: str, names: tuple[str, ...]) -> str:
    """A beginning of a name that may be meant."""
    return suggest(
        up_to, sorted({name[: len(up_to) + extra] for name in names for extra in (0, 1)})
    )


def _some(names: tuple[str, ...]) -> str:
    """A few names, evenly chosen."""
    step = max(len(names) // 12, 1)
    return ", ".join(names[::step])
