"""Running a Keras model on arrays as fast as its backend allows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from matcher.errors import BackendError
from matcher.runtime.networks import (
    Network,
    Precision,
    check_precision,
    compile_network,
    convert_model,
    has_openvino,
    say_why,
    without_advice,
)
from matcher.runtime.runner import Batch, Runner
from matcher.types import Float32

log = logging.getLogger(__name__)


def compile_model(
    model: Any,
    precision: Precision = "auto",
    probe: tuple[Batch, ...] = (),
    rows: int | None = None,
    fixed: bool = True,
    keep: Callable[[Network], None] | None = None,
) -> Runner:
    """Turn a Keras model into a function of NumPy arrays, for inference.

    With TensorFlow as the backend, OpenVINO runs the model where it is installed (the extra
    ``fast``); what it makes of ``probe`` is compared with what Keras makes of it.

    Args:
        model: Keras model; its weights may be frozen into the function.
        precision: ``bfloat16`` is 1.6 to 2 times as fast as ``float32`` on processors that have
            it; ``auto`` takes it there, unless the model loses too much by it.
        probe: Inputs like those to come; without any nothing is compared.
        rows: Rows that go through the model at once, as a rule; None where that is not known.
        fixed: Whether all batches have one shape but for the number of their rows.
        keep: Called with what ``compile_network`` needs to make the same runner again, without
            Keras.

    Returns:
        A runner that takes one array for each input of the model and gives its output.

    Raises:
        BackendError: If ``bfloat16`` is asked for, and cannot be had or is too imprecise.
    """
    import keras

    check_precision(precision)
    backend = str(keras.backend.backend())
    if backend != "tensorflow":
        if precision == "bfloat16":
            raise BackendError(
                f"precision: bfloat16 needs Keras on TensorFlow. Received: {backend}. "
                "Unset KERAS_BACKEND, or set precision: auto."
            )
        return _wrap(model, rows, backend)
    if not has_openvino():
        return _compile_tensorflow(model)
    try:
        return _compile_openvino(model, precision, probe, rows if fixed else None, keep)
    except BackendError as error:
        if precision == "bfloat16":
            raise
        log.warning("%s; TensorFlow runs the model instead", without_advice(error))
        return _compile_tensorflow(model)


def _compile_openvino(
    model: Any,
    precision: Precision,
    probe: tuple[Batch, ...],
    rows: int | None,
    keep: Callable[[Network], None] | None,
) -> Runner:
    try:
        network = convert_model(model, probe)
    except Exception as error:  # OpenVINO raises many types on what it does not know
        raise BackendError(
            f"OpenVINO cannot convert the model: {say_why(error)}. Set precision: auto."
        ) from error
    if keep is not None:
        keep(network)
    return compile_network(network, precision, probe, rows)


def _wrap(model: Any, rows: int | None, backend: str) -> Runner:
    """Leave a model to Keras, with as few shapes as can be: some backends compile each.

    The backend is told beside the precision, since vectors differ a little between them.
    """

    def predict(*arrays: Any) -> Float32:
        return np.asarray(model.predict_on_batch(_as_inputs(arrays)), np.float32)

    return Runner(predict, f"float32 ({backend})", rows)


def _compile_tensorflow(model: Any) -> Runner:
    import tensorflow as tf

    signature = [tf.TensorSpec(i.shape, i.dtype) for i in model.inputs]

    def call(*tensors: Any) -> Any:
        return model(_as_inputs(tensors), training=False)

    # XLA would make these networks 6 to 14 times slower on a CPU.
    forward = tf.function(call, input_signature=signature, jit_compile=False, autograph=False)

    def run(*arrays: Any) -> Float32:
        pairs = zip(arrays, signature, strict=True)
        output = forward(*(tf.cast(array, spec.dtype) for array, spec in pairs))
        return np.asarray(output.numpy(), np.float32)

    return Runner(run)


def _as_inputs(values: tuple[Any, ...]) -> Any:
    """Keras takes a single input bare."""
    return values[0] if len(values) == 1 else list(values)
