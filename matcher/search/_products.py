"""Blocks of dot products, as fast as the processor multiplies, with a bound on their error."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cache
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.search._candidates import FLOAT32_UNIT, even_blocks, rounding_slack
from matcher.search._threads import n_threads
from matcher.types import Float32, Int64

WORTH_LOADING = 5e10  # multiplications that take NumPy longer than it takes to load OpenVINO
RESIDUAL_BLOCK = 2**17  # numbers rounded at once
TRIED_WIDTH = 64
NORMS = 1.01  # what the norms of vectors and rounded vectors are at most


class Products:
    """Dot products of rows of two tables, by NumPy in float32.

    Safe to use from several threads, each of which holds one block.

    Args:
        left: Vectors of norm 1, within 1e-3, shape ``(q, d)``.
        right: The same, shape ``(n, d)``.

    Attributes:
        error: Largest error of a product.
    """

    def __init__(self, left: Float32, right: Float32) -> None:
        self.left, self.right = left, right
        self.error = rounding_slack(left.shape[1], FLOAT32_UNIT)
        self._own = local()

    def block(self, rows: slice, cols: slice) -> Float32:
        """Return the products of a block, shape ``(b, c)``; this thread's next call reuses it."""
        left, right = self.left[rows], self.right[cols]
        out = self._buffer("scores", np.float32, len(left), len(right))
        return np.matmul(left, right.T, out=out)

    def reaching(self, rows: slice, cols: slice, lowest: Any) -> tuple[Float32, Int64]:
        """Return a block, and the flat positions of the products that reach ``lowest``.

        Args:
            rows: Rows of ``left``.
            cols: Rows of ``right``.
            lowest: One bound, or one per row of shape ``(b, 1)``; float32.
        """
        scores = self.block(rows, cols)
        reached = self._buffer("reached", np.bool_, *scores.shape)
        # A comparison by NumPy is bound by memory: loops that skip ahead are no faster.
        return scores, np.flatnonzero(np.greater_equal(scores, lowest, out=reached))

    def _buffer(self, name: str, dtype: Any, n_rows: int, n_cols: int) -> NDArray[Any]:
        """Memory of this thread, used again so that it need not be mapped anew."""
        held = getattr(self._own, name, None)
        if held is None or held.size < n_rows * n_cols:
            held = np.empty(n_rows * n_cols, dtype)
            setattr(self._own, name, held)
        return held[: n_rows * n_cols].reshape(n_rows, n_cols)


class OpenvinoProducts(Products):
    """The same by OpenVINO: in bfloat16 where the processor has it, else in float32.

    Sums are float32 either way. In bfloat16 a row ``x`` becomes ``x + e``; with ``|e|``
    measured, the largest of each table, Cauchy and Schwarz bound what that does to a product
    by ``|e| |y| + |x + e| |f|``. The numbers themselves are off by 2^-8 of their size at
    most, half of that on average.

    Args:
        left: As for ``Products``.
        right: As for ``Products``.

    Raises:
        ImportError: If OpenVINO is not installed.
        RuntimeError: If it does not compute what this bound takes for granted.
    """

    def __init__(self, left: Float32, right: Float32) -> None:
        super().__init__(left, right)
        self._network, low_precision = _network(left.shape[1])
        if low_precision:
            rounded = bfloat16_residual(left)
            others = rounded if right is left else bfloat16_residual(right)
            self.error += NORMS * (rounded + others)

    def block(self, rows: slice, cols: slice) -> Float32:
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._network.create_infer_request()
        return _multiply(request, self.left[rows], self.right[cols])


def make_products(left: Float32, right: Float32, n_products: float) -> Products:
    """Choose how to multiply.

    Args:
        left: As for ``Products``.
        right: As for ``Products``.
        n_products: How many will be asked for.
    """
    if n_products * left.shape[1] >= WORTH_LOADING:
        with suppress(ImportError, RuntimeError):
            return OpenvinoProducts(left, right)
    return Products(left, right)


def runs_in_bfloat16() -> bool:
    """Whether large products are computed in bfloat16 here, three times faster than by NumPy."""
    with suppress(ImportError, RuntimeError):
        return _network(TRIED_WIDTH)[1]
    return False


def as_bfloat16(vectors: Float32) -> Float32:
    """Round to the nearest bfloat16, ties to even; still stored as float32.

    Example:
        >>> as_bfloat16(np.array([1 + 2**-8, 1 + 3 * 2**-8, 0.1], np.float32))
        array([1.        , 1.015625  , 0.10009766], dtype=float32)
    """
    bits = vectors.view(np.uint32)
    halfway = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return ((bits + halfway) & np.uint32(0xFFFF0000)).view(np.float32)


def bfloat16_residual(vectors: Float32) -> float:
    """Largest distance of a row from its bfloat16 rounding."""
    largest = 0.0
    for block in even_blocks(len(vectors), RESIDUAL_BLOCK // max(1, vectors.shape[1])):
        rows = np.ascontiguousarray(vectors[block])
        off = rows - as_bfloat16(rows)
        largest = max(largest, float(np.einsum("ij,ij->i", off, off).max()))
    return math.sqrt(largest)


@cache
def _network(width: int) -> tuple[Any, bool]:
    """A network that multiplies, and whether it rounds to bfloat16 first.

    Raises:
        RuntimeError: If its products are not what they should be.
    """
    import openvino
    from openvino import opset13 as operations

    core = openvino.Core()
    low_precision = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    left, right = (operations.parameter([-1, width], np.float32) for _ in "lr")
    model = openvino.Model([operations.matmul(left, right, False, True)], [left, right])
    network = _compile(model, low_precision)
    _check(network.create_infer_request(), width, as_bfloat16 if low_precision else np.array)
    return network, low_precision


def _compile(model: Any, low_precision: bool) -> Any:
    """A network of which every thread may have a request."""
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if low_precision else "f32",
        "INFERENCE_NUM_THREADS": n_threads(),  # one for each request
        "NUM_STREAMS": n_threads(),
    }
    return openvino.Core().compile_model(model, "CPU", settings)


def constant_network(right: Float32) -> Any:
    """A network that multiplies rows with those of ``right``, held in bfloat16.

    Raises:
        ImportError: If OpenVINO is not installed.
        RuntimeError: If the processor has no bfloat16.
    """
    if not _network(right.shape[1])[1]:
        raise RuntimeError("The processor has no bfloat16.")
    import openvino
    from openvino import opset13 as operations

    left = operations.parameter([-1, right.shape[1]], np.float32)
    product = operations.matmul(left, operations.constant(right), False, True)
    return _compile(openvino.Model([product], [left]), low_precision=True)


def _check(request: Any, width: int, rounded: Any) -> None:
    """Raise RuntimeError unless inputs round to nearest and sums stay in float32."""
    rng = np.random.default_rng(0)
    fractions = rng.uniform(-1, 1, (64, width)).astype(np.float32)
    picks = np.eye(min(width, 64), width, dtype=np.float32)
    whole = rng.integers(-8, 9, (64, width)).astype(np.float32)  # exact in bfloat16
    expected = rounded(fractions) @ picks.T, whole @ whole.T
    for left, right, exact in zip((fractions, whole), (picks, whole), expected, strict=True):
        if not np.array_equal(_multiply(request, left, right), exact):
            raise RuntimeError("OpenVINO's matrix products are less precise than assumed.")


def _multiply(request: Any, left: Float32, right: Float32) -> Float32:
    """Products of two blocks, in memory of the request."""
    from openvino import Tensor

    # It takes no strides, and nothing that it must not write to.
    arrays = [np.require(array, requirements=["C", "W"]) for array in (left, right)]
    tensors = [Tensor(array, shared_memory=True) for array in arrays]
    for i, tensor in enumerate(tensors):
        request.set_input_tensor(i, tensor)
    request.infer()
    products: Float32 = request.get_output_tensor(0).data
    return products
