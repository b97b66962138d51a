"""What a store refuses before it touches anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from matcher.errors import StoreError
from matcher.store.records import Edges, KeptEncoder, ListingColumns, Values
from matcher.types import Float32, Int64

# An index of PostgreSQL holds no key of more than 2,704 bytes.
MAX_ID_BYTES = 2000


def as_rows(rows: Any, what: str = "rows") -> Int64:
    """Whole numbers as int64 of shape ``(n,)``.

    Raises:
        StoreError: If they are something else.
    """
    array = np.asarray(rows)
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise StoreError(
            f"{what} must be whole numbers of shape (n,). "
            f"Received: dtype={array.dtype}, shape={array.shape}."
        )
    return array.astype(np.int64)


def check_lengths(lengths: dict[str, int]) -> None:
    """Refuse columns that differ in length."""
    if len(set(lengths.values())) > 1:
        raise StoreError(f"Columns must have one length. Received: {lengths}.")


def check_once(values: Sequence[Any], what: str) -> None:
    """Refuse a value that comes twice."""
    if len(set(values)) < len(values):
        seen: set[Any] = set()
        twice = next(v for v in values if v in seen or seen.add(v))  # type: ignore[func-returns-value]
        raise StoreError(f"{what} {twice!r} comes more than once. Leave the others out.")


def storable(text: str) -> bool:
    """Whether UTF-8 can hold it, which has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_texts(texts: Sequence[str | None], what: str) -> None:
    """Refuse texts that UTF-8 cannot hold."""
    if storable("".join(text for text in texts if text)):
        return
    bad = next(text for text in texts if text and not storable(text))
    raise StoreError(
        f"A store keeps Unicode text; {what} {bad[:80]!r} holds a lone surrogate. "
        'Replace it first: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").'
    )


def check_listings(listings: ListingColumns) -> None:
    """Refuse columns of different lengths, ids twice or too long, and what is no text."""
    texts = {"id": listings.ids, "title": listings.titles, "digest": listings.digests}
    if listings.images is not None:
        texts["image"] = listings.images  # type: ignore[assignment]
    if listings.extra is not None:
        texts["extra"] = listings.extra
    lengths = {name: len(column) for name, column in texts.items()}
    if listings.phashes is not None:
        lengths["phash"] = len(listings.phashes)
    if listings.boxes is not None:
        lengths["box"] = len(listings.boxes)
        if listings.boxes.ndim != 2 or listings.boxes.shape[1] != 4:
            raise StoreError(f"boxes must have shape (n, 4). Received: {listings.boxes.shape}.")
    check_lengths(lengths)
    for name, column in texts.items():
        check_texts(column, name)
    check_once(listings.ids, "Listing id")
    long = next((id for id in listings.ids if len(id.encode()) > MAX_ID_BYTES), None)
    if long is not None:
        raise StoreError(
            f"A listing id has at most {MAX_ID_BYTES:,} bytes. Received {len(long.encode()):,}: "
            f"{long[:80]!r}..."
        )


def check_encoder(encoder: KeptEncoder, fingerprint: str) -> None:
    """Refuse vectors that another encoder made."""
    if fingerprint != encoder.fingerprint:
        raise StoreError(
            f"Vectors of different encoders are never mixed. The store has {encoder.name!r} "
            f"with the fingerprint {encoder.fingerprint}. Received: {fingerprint}. Use the "
            "encoder that the store was made with, or make a new store."
        )


def check_values(encoder: KeptEncoder, n: int, values: Values) -> Values:
    """Vectors as the encoder gives them; sparse rows come out sorted, without zeros.

    Raises:
        StoreError: If kind, width, precision or number is another, or a value is no number.
    """
    expected = {"dense": encoder.precision, "sparse": "float32", "hash": "uint64"}[encoder.kind]
    shape = (n,) if encoder.kind == "hash" else (n, encoder.width)
    kind = "sparse" if issparse(values) else "dense"
    wanted = "sparse" if encoder.kind == "sparse" else "dense"
    if kind != wanted or values.dtype != expected or values.shape != shape:
        raise StoreError(
            f"Vectors of {encoder.name!r} are {wanted}, {expected}, of shape {shape}. "
            f"Received: {kind}, {values.dtype}, of shape {values.shape}."
        )
    if isinstance(values, np.ndarray):
        if encoder.kind == "dense":
            _check_finite(values, f"vectors of {encoder.name!r}")
        return np.ascontiguousarray(values)
    return _canonical(values, encoder.name)


def _canonical(vectors: csr_array, name: str) -> csr_array:
    """A copy, each entry once, in order, none 0."""
    _check_finite(vectors.data, f"vectors of {name!r}")
    if (
        vectors.indices.size
        and not 0 <= vectors.indices.min() <= vectors.indices.max() < (vectors.shape[1])
    ):
        raise StoreError(f"Vectors of {name!r} have {vectors.shape[1]} dimensions; one has more.")
    ordered = csr_array(vectors, copy=True)
    ordered.sum_duplicates()
    ordered.eliminate_zeros()
    return ordered


def _check_finite(values: NDArray[Any], what: str) -> None:
    if not np.isfinite(values).all():
        place = int(np.argwhere(~np.isfinite(values))[0][0])
        raise StoreError(f"{what} must be finite numbers; number {place} holds NaN or infinity.")


def check_edges(edges: Edges) -> Edges:
    """Pairs as int64, int64 and float32.

    Raises:
        StoreError: If left is not below right, or a score is no number.
    """
    left, right = as_rows(edges.left, "left"), as_rows(edges.right, "right")
    scores: Float32 = np.asarray(edges.scores, np.float32)
    check_lengths({"left": len(left), "right": len(right), "scores": len(scores)})
    wrong = np.flatnonzero(left >= right)
    if wrong.size:
        raise StoreError(
            "An edge leads from a lower row to a higher one. "
            f"Received: {left[wrong[0]]} and {right[wrong[0]]}."
        )
    _check_finite(scores, "scores of edges")
    return Edges(left, right, scores)
