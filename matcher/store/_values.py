"""Vectors as they are kept: bytes of sparse rows, hashes as signed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from matcher.errors import StoreError
from matcher.types import Int64, UInt64

# Little-endian wherever it was written, so that a store may move between machines.
_ENTRY = np.dtype([("index", "<i4"), ("value", "<f4")])


def rows_to_bytes(vectors: csr_array) -> list[bytes]:
    """Column and value of each entry, one bytes object per row."""
    entries = np.empty(len(vectors.indices), _ENTRY)
    entries["index"], entries["value"] = vectors.indices, vectors.data
    whole, ends = entries.tobytes(), (vectors.indptr * _ENTRY.itemsize).tolist()
    return [whole[start:end] for start, end in pairwise(ends)]


def bytes_to_rows(kept: Sequence[bytes], width: int) -> csr_array:
    """What ``rows_to_bytes`` was given.

    Raises:
        StoreError: If the bytes are none of its.
    """
    sizes = np.array([len(row) for row in kept], np.int64)
    if (sizes % _ENTRY.itemsize).any():
        raise StoreError("The store is damaged: a sparse vector has half an entry.")
    entries = np.frombuffer(b"".join(kept), _ENTRY)
    indices = entries["index"].astype(np.int32)
    if indices.size and not 0 <= indices.min() <= indices.max() < width:
        raise StoreError("The store is damaged: a sparse vector has a dimension too many.")
    indptr = np.concatenate([[0], np.cumsum(sizes // _ENTRY.itemsize)])
    small = indptr.astype(np.int32) if indptr[-1] < 2**31 else indptr
    return csr_array((entries["value"].astype(np.float32), indices, small), (len(kept), width))


def to_signed(values: NDArray[Any]) -> NDArray[Any]:
    """The same 64 bits as signed numbers, which are all that databases know; floats as they are."""
    return values.view(np.int64) if values.dtype == np.uint64 else values


def to_codes(signed: Int64) -> UInt64:
    """Back from ``to_signed``."""
    return signed.view(np.uint64)
