"""Loops compiled by numba on first use, so that importing this package costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def compiled(*, fastmath: set[str] | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function of arrays and numbers when it is first called.

    The machine code is kept on disk for the next process, and runs without the interpreter
    lock: several threads may call it side by side. It can call NumPy, and nothing else of
    this package.

    Args:
        fastmath: What LLVM may take for granted of floating point, e.g. ``{"reassoc"}``: that
            terms may be summed in any order. Nothing by default.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        def compile_it() -> Any:
            from numba import njit

            return njit(cache=True, nogil=True, fastmath=fastmath or False)(function)

        machine_code = once(compile_it)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            result: R = machine_code()(*args, **kwargs)
            return result

        return call

    return wrap


def once(make: Callable[[], T]) -> Callable[[], T]:
    """Make something when it is first asked for, by one thread; the others wait for it."""
    made: list[T] = []
    making = Lock()

    def get() -> T:
        with making:
            if not made:
                made.append(make())
        return made[0]

    return get
