"""Running a Keras model on arrays as fast as its backend allows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from matcher.types import Float32

Run = Callable[..., Float32]


def compile_model(model: Any) -> Run:
    """Turn a Keras model into a function of NumPy arrays, for inference.

    Args:
        model: Keras model; its weights may be frozen into the function.

    Returns:
        A function that takes one array for each input of the model, with any number of rows,
        and gives its output as float32. With TensorFlow as the backend, OpenVINO runs the model
        where it is installed (the extra ``fast``).
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        return _compile_openvino(model) if find_spec("openvino") else _compile_tensorflow(model)

    def predict(*arrays: Any) -> Float32:
        return np.asarray(model.predict_on_batch(_as_inputs(arrays)), np.float32)

    return predict


def _compile_openvino(model: Any) -> Run:
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls the model with a list of one input
        # shared weights would be overwritten once Keras lets go of the model
        converted = openvino.convert_model(model, share_weights=False)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}  # so that vectors are those of TensorFlow
    compiled = openvino.Core().compile_model(converted, "CPU", settings)
    types = [i.get_element_type().to_dtype() for i in compiled.inputs]

    def run(*arrays: Any) -> Float32:
        inputs = [np.asarray(array, dtype) for array, dtype in zip(arrays, types, strict=True)]
        return np.array(compiled(inputs)[0], np.float32)  # a copy: its buffer is used again

    return run


def _compile_tensorflow(model: Any) -> Run:
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

    return run


def _as_inputs(values: tuple[Any, ...]) -> Any:
    """Keras takes a single input bare."""
    return values[0] if len(values) == 1 else list(values)
