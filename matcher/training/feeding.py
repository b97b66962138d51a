"""Batches that are read while the network is busy with those before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matcher.errors import DataError
from matcher.io.images import ImageError, count_cores
from matcher.types import Int64

# Batches that are read ahead of the one in use.
AHEAD = 3

Inputs: TypeAlias = Mapping[str, NDArray[Any]]


class Reader(Protocol):
    """Reads what the network takes of a row.

    Attributes:
        lengths: How much there is to a row, shape ``(n,)``: rows of about equal length make the
            cheapest batch. None where all are the same.
    """

    @property
    def lengths(self) -> Int64 | None: ...

    def read(self, row: int) -> Any:
        """Read one row; called in threads.

        Raises:
            ImageError: If it cannot be read.
        """
        ...

    def stack(self, items: Sequence[Any]) -> Inputs:
        """Put rows together: inputs of the network by name, the first axis the row."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    Attributes:
        rows: Rows that stand in it, shape ``(b,)``.
        inputs: What the network takes of them, by name.
        unread: Rows that could not be read; others stand in their place, or none.
    """

    rows: Int64
    inputs: Inputs
    unread: tuple[int, ...] = ()


def feed(
    batches: Iterable[Int64],
    reader: Reader,
    replace: bool = True,
    ahead: int = AHEAD,
    workers: int | None = None,
) -> Iterator[Batch]:
    """Read batches in threads, in their order and bounded memory.

    Args:
        batches: Rows of each batch, shape ``(b,)``.
        reader: Reads a row.
        replace: Where a row cannot be read, take another one of the batch in its place, so that
            every batch has its size: the next one of the same batch that can be read, with its
            own label. Else the row is left out.
        ahead: Batches begun and not yet asked for.
        workers: Threads; one per core when None.

    Raises:
        DataError: If no row of a batch can be read, and ``replace`` is set.
    """
    todo = iter(batches)
    pool = ThreadPoolExecutor(workers or count_cores(), thread_name_prefix="feed")

    def begin(rows: Int64) -> tuple[Int64, list[Future[Any]]]:
        # A row that stands in a batch several times is read once.
        tasks = {row: pool.submit(_read, reader, row) for row in dict.fromkeys(rows.tolist())}
        return rows, [tasks[row] for row in rows.tolist()]

    try:
        begun = deque(begin(rows) for rows in islice(todo, ahead))
        while begun:
            rows, tasks = begun.popleft()
            items = [task.result() for task in tasks]
            begun.extend(begin(rows) for rows in islice(todo, 1))
            yield _assemble(rows, items, reader, replace)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(reader: Reader, row: int) -> Any:
    try:
        return reader.read(row)
    except ImageError as error:
        return error


def _assemble(rows: Int64, items: list[Any], reader: Reader, replace: bool) -> Batch:
    bad = [i for i, item in enumerate(items) if isinstance(item, ImageError)]
    if not bad:
        return Batch(rows, reader.stack(items))
    good = [i for i in range(len(items)) if i not in set(bad)]
    unread = tuple(dict.fromkeys(rows[bad].tolist()))
    if replace:
        if not good:
            raise DataError(f"No picture of a batch can be read; the first: {items[0]}")
        places = np.arange(len(items))
        next_good = np.searchsorted(good, places) % len(good)
        keep = np.asarray(good)[next_good]
    else:
        keep = np.asarray(good, np.int64)
    inputs = reader.stack([items[i] for i in keep.tolist()]) if len(keep) else {}
    return Batch(rows[keep], inputs, unread)
