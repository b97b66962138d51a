"""The weights of a Keras model as arrays under names that stay the same from run to run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError

Tensors = Mapping[str, NDArray[Any]]


def export_weights(model: Any) -> dict[str, NDArray[Any]]:
    """Copy the weights out of a Keras model.

    Returns:
        Arrays by name, e.g. ``"stem_conv/kernel"``.
    """
    return {name: np.asarray(v).copy() for name, v in name_weights(model).items()}


def import_weights(model: Any, tensors: Tensors, where: str) -> None:
    """Copy arrays named as by ``export_weights`` into a model of the same architecture.

    Args:
        model: Keras model.
        tensors: One array for each weight of the model, and no other.
        where: What to call the arrays in messages, e.g. the file they come from.

    Raises:
        StoreError: If an array is missing, left over or of another shape.
    """
    variables = name_weights(model)
    unknown = sorted(tensors.keys() - variables.keys())
    if unknown:
        raise StoreError(
            f"{where} holds weights of another model: {unknown[0]!r} and "
            f"{len(unknown) - 1} more are not part of this one."
        )
    assign(variables, tensors, where)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # Normalization works with copies of its weights
            layer.finalize_state()


def assign(variables: Mapping[str, Any], tensors: Tensors, where: str) -> None:
    """Set Keras variables, all or none; arrays that no variable asks for are passed over.

    Raises:
        StoreError: If an array is missing or of another shape.
    """
    missing = [name for name in variables if name not in tensors]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise StoreError(f"{where} lacks the weights {missing[0]!r}{more}.")
    for name, variable in variables.items():
        if tuple(variable.shape) != tensors[name].shape:
            raise StoreError(
                f"{where} holds weights of another model: {name!r} must have shape "
                f"{tuple(variable.shape)}. Received: {tensors[name].shape}."
            )
    for name, variable in variables.items():
        variable.assign(tensors[name])


def name_weights(model: Any) -> dict[str, Any]:
    """Keras variables of a model by name.

    Keras numbers unnamed layers by how many the process has made so far (``rescaling_7``).
    Here they are numbered within the model.
    """
    variables: dict[str, Any] = {}
    made: Counter[str] = Counter()
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        name = layer.name
        if re.fullmatch(rf"{kind}(_\d+)?", name):
            name = f"{kind}_{made[kind]}"
            made[kind] += 1
        for variable in layer.weights:
            # Before the layer's own name come those of the models that it was built in.
            inner = f"/{variable.path}".rpartition(f"/{layer.name}/")[2]
            if re.fullmatch(r"variable(_\d+)?", inner):  # ConvNeXt gives one no name
                inner = f"variable_{len(variables)}"
            variables[f"{name}/{inner}"] = variable
    return variables


def _snake_case(name: str) -> str:
    """As Keras names an unnamed layer: ``ZeroPadding2D`` becomes ``zero_padding2d``."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
