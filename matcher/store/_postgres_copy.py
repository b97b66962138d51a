"""PostgreSQL's binary COPY of rows of fixed size, straight from and into NumPy arrays.

Source:
    PostgreSQL documentation, COPY, "Binary Format"; pgvector, ``vector_send``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError
from matcher.store._session import Table

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_BYTES_AT_ONCE = 1 << 22


def packed(types: Mapping[str, np.dtype[Any]]) -> np.dtype[Any]:
    """How a row lies in the stream: field count, then length and content of each field.

    Args:
        types: Of each column; those with a shape are vectors of pgvector.
    """
    fields: list[tuple[str, Any]] = [("n_fields", ">i2")]
    for name, kind in types.items():
        number = kind.base.newbyteorder(">")
        content: Any = number
        if kind.shape:
            content = [("width", ">i2"), ("unused", ">i2"), ("numbers", number, kind.shape)]
        fields += [(f"{name}:bytes", ">i4"), (name, content)]
    return np.dtype(fields)


def to_stream(columns: Mapping[str, NDArray[Any]]) -> Iterator[bytes]:
    """The stream of columns of int64, float32, or vectors of shape ``(n, width)``."""
    types = {name: np.dtype((c.dtype, c.shape[1:])) for name, c in columns.items()}
    form = packed(types)
    n, step = len(next(iter(columns.values()))), max(1, _BYTES_AT_ONCE // form.itemsize)
    yield _HEADER
    for start in range(0, n, step):
        rows = np.zeros(min(step, n - start), form)
        rows["n_fields"] = len(types)
        for name, column in columns.items():
            rows[f"{name}:bytes"] = form[name].itemsize
            values = column[start : start + step]
            if types[name].shape:
                rows[name]["width"] = column.shape[1]
                rows[name]["numbers"] = values
            else:
                rows[name] = values
        yield rows.tobytes()
    yield _TRAILER


def from_stream(blocks: Iterable[Any], types: Mapping[str, np.dtype[Any]]) -> Iterator[Table]:
    """Rows of a stream as they arrive, some thousands at once.

    Raises:
        StoreError: If it is no stream of such rows.
    """
    form, held, size = packed(types), [], 0
    started = False
    for block in blocks:
        held.append(bytes(block))
        size += len(held[-1])
        if size < _BYTES_AT_ONCE:
            continue
        whole, started = _body(b"".join(held), started), True
        n = len(whole) // form.itemsize
        yield _parse(whole[: n * form.itemsize], form, types)
        held = [whole[n * form.itemsize :]]
        size = len(held[0])
    whole = _body(b"".join(held), started)
    if not whole.endswith(_TRAILER) or (len(whole) - len(_TRAILER)) % form.itemsize:
        raise StoreError("The store is damaged: its rows have not the size that they should have.")
    yield _parse(whole[: -len(_TRAILER)], form, types)


def _body(stream: bytes, started: bool) -> bytes:
    if started:
        return stream
    if not stream.startswith(_HEADER):
        raise StoreError("The server sent rows in an unknown form.")
    return stream[len(_HEADER) :]


def _parse(stream: bytes, form: np.dtype[Any], types: Mapping[str, np.dtype[Any]]) -> Table:
    rows = np.frombuffer(stream, form)
    right = rows["n_fields"] == len(types)
    for name in types:
        right &= rows[f"{name}:bytes"] == form[name].itemsize
    if not right.all():
        raise StoreError("The store is damaged: its rows have not the size that they should have.")
    return rows
