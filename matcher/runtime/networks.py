"""Networks for OpenVINO: made of a Keras model, kept as bytes, compiled for the processor.

What comes out is compared with what Keras computed in float32, each time one is compiled: a
low precision that a network does not bear, or a processor that is served badly, is found out
before any vector is made.
"""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matcher.errors import BackendError
from matcher.runtime.runner import Batch, Runner
from matcher.types import Float32

log = logging.getLogger(__name__)

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]

# Least cosine between a row and the same row in float32 by Keras.
LEAST_COSINE = 0.995
# Rows that one stream runs at once where the number is fixed: few keep its buffers in the caches
# of the processor.
AT_ONCE = 4

_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class UnfitError(BackendError):
    """OpenVINO cannot run a network here."""


class ImpreciseError(UnfitError):
    """A network gives other vectors than Keras does."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network that needs neither Keras nor TensorFlow any more.

    Attributes:
        graph: OpenVINO's description of it, XML.
        weights: Its weights, in the order that ``graph`` names; uint8, shape ``(n_bytes,)``.
        expected: What Keras makes of a probe, in float32, shape ``(rows, width)``.
    """

    graph: bytes
    weights: NDArray[np.uint8]
    expected: Float32


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


def check_precision(precision: Precision) -> None:
    """Find out before long work whether a precision can be had on this machine.

    Raises:
        BackendError: If not.
    """
    if precision != "bfloat16":
        return
    if not has_openvino():
        raise BackendError(
            "precision: bfloat16 needs OpenVINO, which is not installed. Install the extra "
            "'fast' (pip install 'matcher[fast]'), or set precision: auto."
        )
    if not _can_bfloat16():
        raise BackendError(
            "precision: bfloat16 cannot be had: this processor does not have it. "
            "Set precision: auto or float32."
        )


def convert_model(model: Any, probe: tuple[Batch, ...]) -> Network:
    """Make a network of a Keras model.

    Args:
        model: Keras model on TensorFlow.
        probe: Batches for which Keras' own output is noted.
    """
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls the model with a list of one input
        # shared weights would be overwritten once Keras lets go of the model
        converted = openvino.convert_model(model, share_weights=False)
    expected = [
        np.asarray(model(a[0] if len(a) == 1 else list(a), training=False), np.float32)
        for a in probe
    ]
    with TemporaryDirectory(prefix="matcher-") as folder:
        path = Path(folder, "network.xml")
        openvino.save_model(converted, path, compress_to_fp16=False)
        graph, weights = path.read_bytes(), np.fromfile(path.with_suffix(".bin"), np.uint8)
    width = int(model.output_shape[-1])
    return Network(graph, weights, np.concatenate([np.zeros((0, width), np.float32), *expected]))


def compile_network(
    network: Network,
    precision: Precision = "auto",
    probe: tuple[Batch, ...] = (),
    rows: int | None = None,
) -> Runner:
    """Make a network ready to run on this processor.

    Args:
        network: What ``convert_model`` gave for the same ``probe``.
        precision: As for ``compile_model``.
        probe: Batches to compare on.
        rows: As for ``compile_model``.

    Raises:
        BackendError: If the processor lacks ``bfloat16`` and it is asked for.
        ImpreciseError: If a row of the probe has a cosine below ``LEAST_COSINE`` to what Keras
            gives, in each precision that may be used.
        UnfitError: If OpenVINO cannot run it at all.
    """
    check_precision(precision)
    if precision != "auto":
        return _try_network(network, precision, probe, rows)
    if _is_fast_bfloat16():
        try:
            return _try_network(network, "bfloat16", probe, rows)
        except UnfitError as error:
            log.warning("%s; float32 is used", without_advice(error))
    return _try_network(network, "float32", probe, rows)


def without_advice(error: BackendError) -> str:
    """What went wrong, where something else is done instead."""
    return str(error).partition(". Set precision: ")[0]


def say_why(error: Exception) -> str:
    """What OpenVINO says, on one line, without a full stop."""
    return " ".join(str(error).split())[:200].rstrip(". ") or type(error).__name__


def _try_network(
    network: Network, precision: str, probe: tuple[Batch, ...], rows: int | None
) -> Runner:
    """Compile a network in one precision, and see that it does what it should."""
    advice = "float32, or auto" if precision == "bfloat16" else "auto, or remove openvino"
    try:
        runner = _OpenvinoRunner(network, precision, rows)
        cosine = _least_cosine(runner, network, probe)
    except (RuntimeError, TypeError, ValueError) as error:  # it raises all of these
        raise UnfitError(
            f"OpenVINO cannot run the network in {precision}: {say_why(error)}. "
            f"Set precision: {advice}."
        ) from error
    if cosine < LEAST_COSINE:
        raise ImpreciseError(
            f"in {precision} the network's vectors have a cosine of {cosine:.4f} to those of "
            f"Keras, less than {LEAST_COSINE}. Set precision: {advice}."
        )
    return runner


def _least_cosine(runner: Runner, network: Network, probe: tuple[Batch, ...]) -> float:
    """Smallest cosine of a row of the probe to what was expected; 1 where both are 0."""
    if not probe:
        return 1.0
    found = np.concatenate(list(runner.stream(probe))).astype(np.float64)
    expected = network.expected.astype(np.float64)
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    alike = np.einsum("ij,ij->i", found, expected) / np.where(norms == 0, 1, norms)
    alike[(found == expected).all(axis=1)] = 1
    return float(np.nan_to_num(alike, nan=-1).min())


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def _can_bfloat16() -> bool:
    try:
        return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except RuntimeError:  # it does not run here at all
        return False


@cache
def _is_fast_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; OpenVINO also lists it where it imitates it."""
    import openvino
    from openvino import opset13 as operations

    if not _can_bfloat16():
        return False
    given = operations.parameter([1], np.float32)
    try:
        compiled = _core().compile_model(openvino.Model([operations.relu(given)], [given]), "CPU")
    except RuntimeError:
        return False
    try:
        return "bfloat16" in str(compiled.get_property("RUNTIME_REQUIREMENTS"))
    except RuntimeError:  # older versions do not tell
        return True


class _OpenvinoRunner(Runner):
    """Runs several parts at a time, each on few cores: that wastes least of them."""

    def __init__(self, network: Network, precision: str, rows: int | None) -> None:
        import openvino

        self.precision = precision
        self._rows = rows and min(rows, AT_ONCE)
        weights = openvino.Tensor(network.weights, shared_memory=False)
        model = _core().read_model(network.graph, weights)
        if self._rows:
            fixed = [(i, [self._rows, *list(i.get_partial_shape())[1:]]) for i in model.inputs]
            model.reshape(dict(fixed))
        settings = {"INFERENCE_PRECISION_HINT": _HINTS[precision], "PERFORMANCE_HINT": "THROUGHPUT"}
        self._compiled = _core().compile_model(model, "CPU", settings)
        # One more than run at a time, so that the next is there when one ends.
        self._n_requests = 1 + self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")

    def _results(self, parts: Iterator[Batch]) -> Generator[Float32, None, None]:
        idle = [self._compiled.create_infer_request() for _ in range(self._n_requests)]
        busy: deque[tuple[Any, int]] = deque()
        try:
            while True:
                if not idle:
                    yield _finish(busy, idle)
                arrays = next(parts, None)
                if arrays is None:
                    break
                _fill_in(idle[-1], arrays, self._rows)
                idle[-1].start_async()
                busy.append((idle.pop(), len(arrays[0])))
            while busy:
                yield _finish(busy, idle)
        finally:
            for request, _ in busy:
                request.wait()


def _fill_in(request: Any, arrays: Batch, rows: int | None) -> None:
    """Copy a part into the memory of a request; rows that it lacks keep what was there."""
    for i, array in enumerate(arrays):
        tensor = request.get_input_tensor(i)
        if not rows:
            tensor.shape = (max(len(array), 1), *array.shape[1:])
        np.copyto(tensor.data[: len(array)], array, casting="same_kind")


def _finish(busy: deque[tuple[Any, int]], idle: list[Any]) -> Float32:
    """Wait for the oldest request and copy its result, since its memory is used again."""
    request, n = busy[0]
    request.wait()
    result = np.array(request.get_output_tensor(0).data[:n], np.float32)
    idle.append(busy.popleft()[0])
    return result
