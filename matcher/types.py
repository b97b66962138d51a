"""The nouns of the package: immutable, checked when built, free of behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from matcher.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Bool: TypeAlias = NDArray[np.bool_]
Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int64: TypeAlias = NDArray[np.int64]
UInt64: TypeAlias = NDArray[np.uint64]

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class ImageRef:
    """Where one picture lies.

    Attributes:
        path: The picture itself, or the zip archive that holds it.
        member: Name inside the archive; empty when ``path`` is the picture.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """File name to show to a person."""
        return self.member or str(self.path)


@dataclass(frozen=True, slots=True)
class Hashes:
    """64-bit perceptual hashes, one per listing.

    The score of two hashes is ``1 - h / 32`` where ``h`` is the number of differing bits:
    the cosine of the two as vectors of -1 and +1.

    Attributes:
        codes: uint64, shape ``(n,)``; the value is meaningless where ``present`` is False.
        present: Whether the listing has a hash at all, shape ``(n,)``.
        source: Fingerprint of the encoder that made them.
        problems: Why a listing has none, by row; rows that simply lack a picture are left out.
    """

    codes: UInt64
    present: Bool
    source: str = "phash"
    problems: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.codes.ndim != 1 or self.codes.dtype != np.uint64:
            raise DataError(
                "Hashes.codes must be uint64 of shape (n,). "
                f"Received: dtype={self.codes.dtype}, shape={self.codes.shape}."
            )
        if self.present.shape != self.codes.shape or self.present.dtype != np.bool_:
            raise DataError(
                f"Hashes.present must be bool of shape {self.codes.shape}. "
                f"Received: dtype={self.present.dtype}, shape={self.present.shape}."
            )

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of length 1, one row per listing, so that a dot product is a cosine.

    Attributes:
        vectors: float32, shape ``(n, d)``, dense or CSR; each row has L2 norm 1, or 0 when
            the listing carries no signal for this encoder (an empty title, no picture).
        source: Fingerprint of the encoder that made them.
        problems: Why a row is 0, by row; rows that simply lack the modality are left out.
        terms: For sparse vectors, the word or n-gram of each dimension; else empty.
    """

    vectors: Float32 | csr_array
    source: str
    problems: Mapping[int, str] = field(default_factory=dict)
    terms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        v = self.vectors
        if v.ndim != 2 or v.dtype != np.float32:
            raise DataError(
                "Embeddings.vectors must be float32 of shape (n, d). "
                f"Received: dtype={v.dtype}, shape={v.shape}."
            )
        norms = row_norms(v)
        bad = np.flatnonzero(~((np.abs(norms - 1) <= 1e-3) | (norms == 0)))
        if bad.size:
            raise DataError(
                f"Embeddings.vectors rows must have norm 1 or 0; row {bad[0]} has "
                f"norm {norms[bad[0]]:.4f}. Call similarity.l2_normalize first."
            )

    def __len__(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def present(self) -> Bool:
        """Whether each listing has a vector, shape ``(n,)``."""
        return row_norms(self.vectors) > 0


Encoded: TypeAlias = Embeddings | Hashes


def row_norms(vectors: Float32 | csr_array) -> Float32:
    """L2 norm of each row, dense or CSR, shape ``(n,)``."""
    if isinstance(vectors, np.ndarray):
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), np.float32)
    n = vectors.shape[0]
    rows = np.repeat(np.arange(n), np.diff(vectors.indptr))
    return np.sqrt(np.bincount(rows, vectors.data**2, minlength=n).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Listings:
    """Product listings, column by column; row ``i`` is one listing everywhere.

    Attributes:
        ids: Unique ids.
        titles: Seller-written titles; empty where there is none, never missing.
        images: The picture of each listing, or None.
        groups: True product of each listing, shape ``(n,)``; ``UNLABELLED`` (-1) where it is
            not known; None when the table has no labels at all.
        phashes: Hashes given in the table; None when it has no such column.
        boxes: The part of the picture that shows the product, as x, y, width, height in
            pixels, shape ``(n, 4)``; NaN rows mean the whole picture; None means all do.
        extra: The columns not named above, kept as they came.
        id_name: Name of the id column in the table, used again in what is written.
        problems: What was wrong with a listing, by row.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    images: tuple[ImageRef | None, ...]
    groups: Int64 | None = None
    phashes: Hashes | None = None
    boxes: Float32 | None = None
    extra: pa.Table | None = None
    id_name: str = "id"
    problems: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = ("ids", "titles", "images", "groups", "phashes", "boxes", "extra")
        given = {name: getattr(self, name) for name in columns}
        lengths = {name: len(c) for name, c in given.items() if c is not None}
        if len(set(lengths.values())) > 1:
            raise DataError(f"Listings columns must have one length. Received: {lengths}.")
        if len(set(self.ids)) != len(self.ids):
            seen: set[str] = set()
            twice = next(i for i in self.ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise DataError(
                f"Listing ids must be unique, but {twice!r} occurs more than once. "
                "Drop repeated rows before building Listings."
            )

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class SimilarityGraph:
    """Scored candidate pairs in CSR layout.

    Row ``q`` holds edges ``indptr[q]:indptr[q + 1]``, best score first and ties by lower
    index. A pair that is absent was not a candidate; it does not score 0. A graph within one
    table holds no self-pairs.

    Attributes:
        indptr: Shape ``(n_rows + 1,)``.
        indices: Column of each edge, shape ``(n_edges,)``.
        scores: Similarity in [-1, 1] of each edge, higher is closer, shape ``(n_edges,)``.
        n_cols: Number of listings that ``indices`` points into.
    """

    indptr: Int64
    indices: Int64
    scores: Float32
    n_cols: int

    def __post_init__(self) -> None:
        if self.indptr[0] != 0 or self.indptr[-1] != len(self.indices):
            raise DataError(
                f"indptr must run from 0 to {len(self.indices)} (the number of edges). "
                f"Received: {self.indptr[0]} to {self.indptr[-1]}."
            )
        if len(self.scores) != len(self.indices):
            raise DataError(
                "A graph needs one score per edge. Received: "
                f"{len(self.scores)} scores for {len(self.indices)} edges."
            )

    @property
    def n_rows(self) -> int:
        """Number of listings that have a row of edges."""
        return len(self.indptr) - 1

    def rows(self) -> Int64:
        """Row of every edge, shape ``(n_edges,)``."""
        return np.repeat(np.arange(self.n_rows), np.diff(self.indptr))


@dataclass(frozen=True, slots=True)
class Matches(SimilarityGraph):
    """Pairs accepted as the same product: as ``SimilarityGraph``, with fused scores."""


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Candidate pairs, each once, with the score of every modality.

    Attributes:
        left: Row of the first listing, shape ``(m,)``. Within one table ``left < right``.
        right: Row of the second listing, shape ``(m,)``.
        scores: By modality, float32 of shape ``(m,)`` in [-1, 1]; NaN where one of the two
            listings lacks the modality, which is not the same as a score of 0.
        n_left: Number of listings that ``left`` points into.
        n_right: Number of listings that ``right`` points into.
    """

    left: Int64
    right: Int64
    scores: Mapping[str, Float32]
    n_left: int
    n_right: int

    def __post_init__(self) -> None:
        lengths = {"left": len(self.left), "right": len(self.right)}
        lengths |= {name: len(values) for name, values in self.scores.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"ScoredPairs columns must have one length. Received: {lengths}.")

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, slots=True)
class Clusters:
    """A partition of the listings.

    Attributes:
        labels: Cluster of each listing in ``0..n_clusters-1``, numbered by first member,
            shape ``(n,)``.
    """

    labels: Int64

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_clusters(self) -> int:
        """Number of clusters, those of one listing included."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0
