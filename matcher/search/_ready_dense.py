"""Dense vectors that lie ready in the layout in which the processor multiplies."""

from __future__ import annotations

from contextlib import suppress
from threading import local
from typing import Any, cast

import numpy as np

from matcher.machine_code import once
from matcher.search._candidates import FLOAT64_UNIT, choose, even_blocks, places, rounding_slack
from matcher.search._join import Limits, Pairs, Plan
from matcher.search._products import NORMS, Products, bfloat16_residual, constant_network
from matcher.search.exact import ExactIndex, float64_products
from matcher.types import Embeddings, Encoded, Float32, Int64

FEW = 64  # queries; more multiply as fast without
LEAST_NUMBERS = 2**21  # held; fewer are multiplied in half a millisecond


class ReadyExactIndex(ExactIndex):
    """An exact index that answers few queries at a time two to four times faster.

    Where OpenVINO is installed (the extra ``fast``) and the processor has bfloat16, the vectors
    are held in it once more, which is half as much to read. What may belong in the answer is
    scored anew, so the answers are the same.

    Args:
        embeddings: Rows to search in.
    """

    def __init__(self, embeddings: Embeddings) -> None:
        super().__init__(embeddings)
        self._ready = once(self._make_ready)

    def warm(self) -> None:
        """Make ready what few queries use."""
        self._ready()

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        left: Float32 = cast(Embeddings, queries).vectors
        ready = self._ready() if len(left) <= FEW else None
        if ready is None:
            return super()._plan(queries, limits, within)
        right = self._right
        slack = ready.slack(left)
        error = rounding_slack(left.shape[1], FLOAT64_UNIT)

        def precisely(rows: Int64) -> Any:
            return float64_products(left[rows], right)

        def propose(block: slice) -> Pairs:
            scores = ready(left[block])
            chosen = choose(scores, limits.k, limits.floor, slack, precisely, error)
            return places(chosen, block)

        return Plan(even_blocks(len(left), FEW), propose)

    @property
    def _right(self) -> Float32:
        return cast(Float32, cast(Embeddings, self._held.encoded).vectors)

    def _make_ready(self) -> ReadyProducts | None:
        """What multiplies, or None where that would be no faster."""
        if self._held.n_different and self._right.size >= LEAST_NUMBERS:
            with suppress(ImportError, RuntimeError):
                return ReadyProducts(self._right)
        return None


class ReadyProducts:
    """Products with rows that are held in bfloat16, see ``OpenvinoProducts``; threads may share it.

    Raises:
        ImportError: If OpenVINO is not installed.
        RuntimeError: If the processor lacks bfloat16, or does not compute what is taken for
            granted.
    """

    def __init__(self, right: Float32) -> None:
        self._network = constant_network(right)
        self._residual = bfloat16_residual(right)
        self._own = local()
        tried = right[:: max(1, len(right) // FEW)][:FEW]
        off = np.abs(self(tried) - tried @ right.T).max()
        if off > self.slack(tried):
            raise RuntimeError(f"OpenVINO's matrix products are less precise than assumed: {off}.")

    def slack(self, left: Float32) -> float:
        """Largest error of a product with these rows."""
        exact = Products(left, left).error
        return exact + NORMS * (self._residual + bfloat16_residual(left))

    def __call__(self, left: Float32) -> Float32:
        """All products, shape ``(q, n)``, in memory that this thread's next call uses again."""
        from openvino import Tensor

        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._network.create_infer_request()
        rows = np.require(left, requirements=["C", "W"])
        request.set_input_tensor(0, Tensor(rows, shared_memory=True))
        request.infer()
        products: Float32 = request.get_output_tensor(0).data
        return products
