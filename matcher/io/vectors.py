"""Embeddings and hashes as files for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from matcher.errors import ConfigError, DataError
from matcher.io.atomic import write_atomically
from matcher.io.hashes import format_hash
from matcher.io.outputs import write_parquet
from matcher.types import Encoded, Hashes

ENDINGS = (".parquet", ".npz")


def write_embeddings(
    path: str | Path, ids: Sequence[str], encoded: Encoded, id_name: str = "id"
) -> None:
    """Write the vectors or hashes of all listings.

    ``.parquet`` holds the columns ``id_name`` and ``vector`` (a list of float32); for sparse
    vectors ``indices`` and ``values``; for hashes ``phash``, 16 hexadecimal digits or null.
    Its metadata tell the ``source`` and, for vectors, the number of ``dimensions``.

    ``.npz`` holds ``ids`` (text), ``source`` and ``vectors``; for sparse vectors ``data``,
    ``indices``, ``indptr`` and ``shape`` of a CSR matrix; for hashes ``codes`` and
    ``present``. It needs no pickle to read.

    Args:
        path: A file that ends in .parquet or .npz.
        ids: Id of each listing.
        encoded: Embeddings or hashes of the same listings.
        id_name: Name of the column of ids in Parquet.

    Raises:
        ConfigError: If the file ends otherwise.
        DataError: If there is not one id per row.
        StoreError: If the file cannot be written; what was there before is untouched.
    """
    path = Path(path)
    check_ending(path)
    if len(ids) != len(encoded):
        raise DataError(f"{len(encoded)} listings are encoded. Received: {len(ids)} ids.")
    if path.suffix.lower() == ".parquet":
        columns, about = _columns(encoded)
        table = pa.table({id_name: pa.array(ids, pa.string()), **columns})
        write_parquet(table.replace_schema_metadata({"source": encoded.source} | about), path)
        return
    arrays = {"ids": np.array(ids, np.str_), "source": np.array(encoded.source)} | _arrays(encoded)
    write_atomically(path, lambda aside: np.savez(aside, allow_pickle=False, **arrays))


def check_ending(path: Path) -> None:
    """Raise ConfigError unless a file's name ends in .parquet or .npz."""
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"Embeddings are written to .parquet or .npz. Received: {path.name!r}.")


def _columns(encoded: Encoded) -> tuple[dict[str, pa.Array], dict[str, str]]:
    """Columns of Arrow, and what to say about them."""
    if isinstance(encoded, Hashes):
        codes = zip(encoded.codes.tolist(), encoded.present.tolist(), strict=True)
        digits = [format_hash(code) if present else None for code, present in codes]
        return {"phash": pa.array(digits, pa.string())}, {}
    vectors = encoded.vectors
    about = {"dimensions": str(vectors.shape[1])}
    if isinstance(vectors, csr_array):
        offsets = pa.array(vectors.indptr, pa.int64())
        indices = pa.array(vectors.indices, pa.int32())
        lists = {"indices": indices, "values": pa.array(vectors.data, pa.float32())}
        return {
            name: pa.LargeListArray.from_arrays(offsets, cells) for name, cells in lists.items()
        }, about
    cells = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
    return {"vector": pa.FixedSizeListArray.from_arrays(cells, vectors.shape[1])}, about


def _arrays(encoded: Encoded) -> dict[str, Any]:
    """Arrays of NumPy by name."""
    if isinstance(encoded, Hashes):
        return {"codes": encoded.codes, "present": encoded.present}
    vectors = encoded.vectors
    if isinstance(vectors, csr_array):
        return {
            "data": vectors.data,
            "indices": vectors.indices,
            "indptr": vectors.indptr,
            "shape": np.array(vectors.shape),
        }
    return {"vectors": vectors}
