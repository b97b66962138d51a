"""Approximate cosine search by the sign bits of random hyperplanes (LSH), tables on disk."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Literal, NamedTuple, cast
from weakref import finalize

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matcher.search._approximate import ApproximateIndex
from matcher.search._candidates import even_blocks, weighed_blocks
from matcher.search._distinct import Distinct
from matcher.search._join import Limits, Pairs, Plan
from matcher.search._scores import count_bits
from matcher.search._tables import SHARD_ROWS, Shard, open_shards, write_shards
from matcher.settings import Settings
from matcher.types import Embeddings, Encoded, Float32, Int64, SimilarityGraph, UInt64

HASHED = 2**13  # rows hashed at once
BLOCK_BYTES = 2**25
FOUND_BYTES = 48  # arrays that one candidate passes through
WORD = 64


class Spec(Settings):
    """Settings of ``LshIndex``.

    Attributes:
        n_bits: Hyperplanes of a table: each more halves its buckets.
        n_tables: Tables; each more is another chance to share a bucket.
        n_probes: Further buckets per table: those across the hyperplanes closest to a query.
        rank: Which candidates are kept where there are more than wanted: those of the
            highest "cosine", or with the fewest of all bits that differ ("hamming").
        cutoff: Largest distance of a candidate: 1 - cosine, or the share of bits that differ.
            None for no bound beside the search's own.
        folder: Where the tables lie, to be used again; None for a temporary folder.
        seed: Of the hyperplanes.
    """

    n_bits: int = Field(20, ge=1, le=32)
    n_tables: int = Field(16, ge=1, le=1024)
    n_probes: int = Field(4, ge=0, le=32)
    rank: Literal["cosine", "hamming"] = "cosine"
    cutoff: float | None = Field(None, ge=0, le=2)
    folder: str | None = None
    seed: int = Field(0, ge=0)


class _Hashed(NamedTuple):
    """Keys of some rows, shape ``(b, n_tables, 1 + n_probes)``, and their bits, packed."""

    keys: NDArray[np.uint32]
    bits: UInt64


class LshIndex(ApproximateIndex):
    """Look up rows that lie on the same side of a table's hyperplanes; score them exactly.

    Two rows at an angle ``a`` share a bucket of ``b`` bits with probability
    ``(1 - a / pi)**b``: near twins nearly always, rows with a cosine of 0.8 in 1 table of 90
    with 20 bits. The tables lie on disk in shards of 262,144 rows and are mapped, not loaded:
    they take ``8 n_tables`` bytes a row there, with ``rank`` "hamming" ``n_bits n_tables / 8``
    more. Memory beside vectors and answer is some 64 MiB while tables are made, and 32 MiB per
    thread or the candidates of one query. Where very many rows are nearly alike, a bucket
    holds them all, and time is the square of its size.

    A folder that is given holds a folder for each set of rows and settings, named by their
    digest; it is checked against checksums and used again. The same seed gives the same tables.

    Args:
        embeddings: Dense vectors to search in.
        spec: Settings.

    Raises:
        StoreError: If the tables can't be written, or are damaged.

    Source:
        Charikar: Similarity estimation techniques from rounding algorithms, STOC 2002; probing
        of near buckets: Lv et al., Multi-probe LSH, VLDB 2007 (single flips, by margin).
    """

    kinds = ("dense vectors",)

    def __init__(self, embeddings: Embeddings, spec: Spec | None = None) -> None:
        super().__init__(embeddings)
        self.spec = spec or Spec()
        self._vectors = cast(Float32, cast(Embeddings, self._held.encoded).vectors)
        shape = self._vectors.shape[1], self.spec.n_tables * self.spec.n_bits
        self._planes = np.random.default_rng(self.spec.seed).standard_normal(shape)
        self._shards = self._stored()

    def _stored(self) -> list[Shard]:
        """The tables, made unless they are there already."""
        n_rows = len(self._vectors)
        root = self.spec.folder
        if root is None:
            root = mkdtemp(prefix="matcher-lsh-")
            finalize(self, rmtree, root, ignore_errors=True)
        folder = Path(root) / self._digest()
        if not folder.exists():
            starts = [block.start for block in even_blocks(n_rows, SHARD_ROWS)]
            write_shards(folder, starts, self._make_shard)
        return open_shards(folder, self.spec.n_tables, n_rows)

    def _digest(self) -> str:
        """Of the rows, and of the settings that the tables depend on."""
        spec = self.spec
        about = (1, self._vectors.shape, spec.n_bits, spec.n_tables, spec.seed, spec.rank)
        digest = blake2b(repr(about).encode(), digest_size=8)
        for block in even_blocks(len(self._vectors), HASHED):
            digest.update(np.ascontiguousarray(self._vectors[block]).tobytes())
        return digest.hexdigest()

    def _make_shard(self, start: int) -> Shard:
        rows = self._vectors[start : start + SHARD_ROWS]
        parts = [self._hash(rows[block], 0) for block in even_blocks(len(rows), HASHED)]
        bits = np.concatenate([part.bits for part in parts])
        keys = np.concatenate([part.keys[:, :, 0] for part in parts])
        return Shard.of(start, keys, bits if self.spec.rank == "hamming" else bits[:, :0])

    def _hash(self, vectors: Float32, n_probes: int) -> _Hashed:
        """Keys and bits; in float64, so that a block's size does not decide a sign."""
        spec = self.spec
        margins = (vectors.astype(np.float64) @ self._planes).reshape(
            -1, spec.n_tables, spec.n_bits
        )
        signs = margins > 0
        powers = np.uint32(1) << np.arange(spec.n_bits, dtype=np.uint32)
        own = (signs * powers).sum(axis=2, dtype=np.uint32)[:, :, None]
        keys = [own]
        if n_probes:
            nearest = np.argsort(np.abs(margins), axis=2, kind="stable")[:, :, :n_probes]
            keys.append(own ^ powers[nearest])
        packed = np.packbits(signs.reshape(len(vectors), -1), axis=1)
        padded = np.zeros((len(vectors), -(-packed.shape[1] * 8 // WORD) * 8), np.uint8)
        padded[:, : packed.shape[1]] = packed
        return _Hashed(np.concatenate(keys, axis=2), padded.view(np.uint64))

    def _join(self, queries: Distinct, limits: Limits, within: bool) -> SimilarityGraph:
        if self.spec.rank == "cosine" and self.spec.cutoff is not None:
            limits = Limits(limits.k, max(limits.floor, 1 - self.spec.cutoff))
        return super()._join(queries, limits, within)

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        vectors = cast(Float32, cast(Embeddings, queries).vectors)
        half = within and limits.k is None and not self.spec.n_probes

        def propose(block: slice) -> Pairs:
            hashed = self._hash(vectors[block], self.spec.n_probes)
            rows, cols = self._look_up(hashed)
            if half:
                above = cols >= rows + block.start
                rows, cols = rows[above], cols[above]
            if self.spec.rank == "hamming":
                rows, cols = self._closest(hashed.bits, rows, cols, limits.k)
            return rows + block.start, cols

        weights = [self._n_found(vectors[block]) for block in even_blocks(len(vectors), HASHED)]
        per_query = 8 * self._planes.shape[1]
        blocks = weighed_blocks(FOUND_BYTES * np.concatenate(weights) + per_query, BLOCK_BYTES)
        return Plan(blocks, propose, half)

    def _buckets(self, keys: NDArray[np.uint32]) -> Iterator[tuple[Shard, int, Int64, Int64]]:
        """For every shard and table: where the buckets of the keys begin, and their sizes."""
        for shard in self._shards:
            for table in range(self.spec.n_tables):
                yield shard, table, *shard.spans(table, keys[:, table].ravel())

    def _n_found(self, vectors: Float32) -> Int64:
        """How many candidates each query has, those found twice counted twice."""
        keys = self._hash(vectors, self.spec.n_probes).keys
        shape = len(vectors), keys.shape[2]
        return np.asarray(sum(s.reshape(shape).sum(axis=1) for *_, s in self._buckets(keys)))

    def _look_up(self, hashed: _Hashed) -> Pairs:
        """Every row that shares a bucket with each query, once."""
        n_queries, _, n_keys = hashed.keys.shape
        asking, found = np.repeat(np.arange(n_queries), n_keys), []
        for shard, table, begins, sizes in self._buckets(hashed.keys):
            cols = shard.rows_at(table, begins, sizes)
            found.append(np.repeat(asking, sizes) * len(self._vectors) + cols)
        rows, cols = np.divmod(np.unique(np.concatenate(found)), len(self._vectors))
        return rows, cols

    def _closest(self, bits: UInt64, rows: Int64, cols: Int64, k: int | None) -> Pairs:
        """Candidates within the cut-off; of each row the ``k`` with the fewest bits off."""
        off = np.zeros(len(rows), np.int64)
        for shard in self._shards:
            inside = np.flatnonzero((cols >= shard.start) & (cols < shard.start + len(shard.bits)))
            theirs = shard.bits[cols[inside] - shard.start]
            off[inside] = count_bits(bits[rows[inside]] ^ theirs).sum(axis=1, dtype=np.int64)
        if self.spec.cutoff is not None:
            near = off <= self.spec.cutoff * self._planes.shape[1]
            rows, cols, off = rows[near], cols[near], off[near]
        if k is None:
            return rows, cols
        order = np.lexsort((cols, off, rows))
        rows, cols = rows[order], cols[order]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
        return rows[rank < k], cols[rank < k]
