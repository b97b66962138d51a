"""A network that is ready to run: batch by batch, or as a stream of batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from matcher.types import Float32

K = TypeVar("K")

Batch: TypeAlias = tuple[NDArray[Any], ...]


class Runner:
    """Runs a network on arrays, one for each of its inputs, row by row the same.

    What a row comes out as depends neither on the other rows of its batch nor on their number,
    beyond the rounding of float32; it may depend on the further shape of the batch (to how many
    tokens a title is padded), by more in bfloat16.

    Several threads may use one side by side.

    Args:
        run: From the arrays of a batch to the output of the network.
        precision: ``float32`` or ``bfloat16``: what the network computes in; where that is not
            TensorFlow or OpenVINO, also on what: ``float32 (jax)``.
        rows: Number of rows that ``run`` is given, always; None if any number is fine.
    """

    def __init__(
        self, run: Callable[..., Float32], precision: str = "float32", rows: int | None = None
    ) -> None:
        self._run, self.precision, self._rows = run, precision, rows

    def __call__(self, *arrays: NDArray[Any]) -> Float32:
        """Run one batch of any number of rows.

        Returns:
            float32, shape ``(rows, width)``, in memory of its own.
        """
        return next(self.stream([arrays]))

    def stream(self, batches: Iterable[Batch]) -> Generator[Float32, None, None]:
        """Run batch after batch, in the order given.

        Several may be on their way at a time: a batch is taken when there is room for it, and
        before the results of some earlier ones are out. Its arrays may be written to again as
        soon as the next is asked for. What ``batches`` raises is raised here at once, and
        batches still on their way are dropped.

        Args:
            batches: Each as for a call.

        Yields:
            For each batch what a call would return.
        """
        counts: deque[int] = deque()  # parts of each batch on its way
        with closing(self._results(self._parts(batches, counts))) as results:
            for first in results:
                parts = [first, *islice(results, counts.popleft() - 1)]
                yield np.concatenate(parts) if len(parts) > 1 else first

    def stream_keyed(
        self, batches: Iterable[tuple[K, Batch]]
    ) -> Generator[tuple[K, Float32], None, None]:
        """As ``stream``, with something beside each batch that comes out with its result."""
        keys: deque[K] = deque()

        def arrays() -> Generator[Batch, None, None]:
            for key, batch in batches:
                keys.append(key)
                yield batch

        with closing(arrays()) as taken, closing(self.stream(taken)) as results:
            for result in results:
                yield keys.popleft(), result

    def _parts(self, batches: Iterable[Batch], counts: deque[int]) -> Iterator[Batch]:
        """Cut batches into what goes through the network at once; none is empty of parts."""
        for arrays in batches:
            n = len(arrays[0])
            step = self._rows or max(n, 1)
            starts = range(0, max(n, 1), step)
            counts.append(len(starts))
            for start in starts:
                yield tuple(array[start : start + step] for array in arrays)

    def _results(self, parts: Iterator[Batch]) -> Generator[Float32, None, None]:
        """What the network makes of each part, in order."""
        for arrays in parts:
            n = len(arrays[0])
            yield self._run(*(_fill(array, self._rows or max(n, 1)) for array in arrays))[:n]


def _fill(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """Add rows of zeros up to a number of rows."""
    lacking = rows - len(array)
    if not lacking:
        return array
    return np.concatenate([array, np.zeros((lacking, *array.shape[1:]), array.dtype)])
