"""The same network, run by what people use: on all cores, in the batch that suits each."""

from __future__ import annotations

import logging
import os
import timeit
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from matcher.io.images import count_cores

THREADS = count_cores()
BATCHES = (1, 8, 32)
TRIED = 32  # pictures on which the size of a batch is chosen
Vectors = Any
Encode = Callable[[Any], Vectors]
Batched = Callable[[Any, int], Vectors]


def in_best_batch(run: Batched, pixels: Any) -> tuple[int, Encode]:
    """Choose the size of a batch in which a peer is fastest, and fix it."""
    some = pixels[:TRIED]
    taken = {}
    for batch in BATCHES:
        run(some, batch)  # compiled on first use
        taken[batch] = min(timeit.repeat(partial(run, some, batch), number=1, repeat=2))
    best = min(taken, key=lambda batch: (taken[batch], batch))
    return best, lambda given: run(given, best)


def keras_predict(model: Any) -> Batched:
    """``Model.predict``."""
    return lambda pixels, batch: model.predict(pixels, batch_size=batch, verbose=0)


def onnx_runtime(model: Any, folder: Path) -> Batched:
    """ONNX Runtime in float32.

    ``model.export(format="onnx")`` writes files of these networks that do not run: constants
    become inputs. Frozen first, they do.
    """
    import onnxruntime

    path = folder / "model.onnx"
    with _quiet():
        _write_onnx(model, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels, batch: _joined(
        session.run(None, {name: part.astype(np.float32)})[0] for part in _parts(pixels, batch)
    )


def _write_onnx(model: Any, path: Path) -> None:
    import tensorflow as tf
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signature = [tf.TensorSpec(model.inputs[0].shape, tf.float32)]
    forward = tf.function(lambda x: model(x, training=False), signature, autograph=False)
    frozen = convert_variables_to_constants_v2(forward.get_concrete_function())
    tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=[frozen.inputs[0].name],
        output_names=[frozen.outputs[0].name],
        opset=17,
        output_path=str(path),
    )


def litert(model: Any, folder: Path) -> Batched:
    """LiteRT in float32, with XNNPACK."""
    from ai_edge_litert.interpreter import Interpreter

    path = folder / "model.tflite"
    with _quiet():
        model.export(str(path), format="litert", verbose=False)
    interpreter = Interpreter(str(path), num_threads=THREADS)
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    shapes: list[tuple[int, ...]] = [()]

    def run(part: Any) -> Vectors:
        if shapes[0] != part.shape:
            interpreter.resize_tensor_input(given["index"], part.shape)
            interpreter.allocate_tensors()
            shapes[0] = part.shape
        interpreter.set_tensor(given["index"], part.astype(np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return lambda pixels, batch: _joined(run(part) for part in _parts(pixels, batch))


def tutorial(folder: Path, model: Any, out: Path, size: int = 224) -> Vectors:
    """A folder of pictures to vectors on disk, as tutorials of Keras do it.

    The network is there already; the batch is the default, 32.
    """
    import keras

    pictures = keras.utils.image_dataset_from_directory(
        folder, labels=None, image_size=(size, size), shuffle=False, verbose=False
    )
    vectors = model.predict(pictures, verbose=0)
    np.save(out, vectors)
    return vectors


def available(peers: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Make those peers that are installed; name the others."""
    made = {}
    for name, make in peers.items():
        try:
            made[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}. pip install '.[bench]'", flush=True)
    return made


def _parts(pixels: Any, batch: int) -> Iterator[Any]:
    return (pixels[i : i + batch] for i in range(0, len(pixels), batch))


def _joined(parts: Iterable[Vectors]) -> Vectors:
    return np.concatenate(list(parts))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep converters from talking."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
