"""Blocks of work side by side: NumPy and SciPy let go of the interpreter lock inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MAX_THREADS = 8  # each holds blocks of its own, so this bounds the memory


def n_threads() -> int:
    """Cores this process may use, at most ``MAX_THREADS``."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(allowed or 1, MAX_THREADS))


def in_order(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Yield ``function(item)`` in the order of ``items``, computed by several threads.

    Meanwhile a matrix product takes one thread: products side by side that take all cores
    each wait for one another.
    """
    threads = min(n_threads(), len(items))
    if threads < 2:
        yield from map(function, items)
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, items)
