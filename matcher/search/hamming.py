"""Exact search among 64-bit hashes."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple, Self, cast

import numpy as np

from matcher.search._candidates import even_blocks, places, shortlist, weighed_blocks
from matcher.search._join import JoinIndex, Limits, Pairs, Plan, ragged
from matcher.search._scores import count_bits
from matcher.types import Encoded, Hashes, Int64, UInt64

BLOCK_BYTES = 2**23  # what stays in a cache goes three times faster
N_BITS = 64
N_SEGMENTS = 4
SEGMENT_BITS = 16
MOST_FLIPS = 2  # beyond, a segment's 697 and more neighbours cost more than they save
COMPARED_BYTES = 11  # arrays that one compared pair passes through
LOOKED_UP_BYTES = 48  # arrays that one looked-up candidate passes through
LOOKED_UP_QUERIES = 1000  # fewer are compared before the tables are made
LOOKED_UP_COST = 16  # time of one looked-up candidate, in compared pairs


class HammingIndex(JoinIndex):
    """Find hashes that differ in few bits; the score is ``1 - h / 32``.

    With a ``min_score`` that allows a radius of up to 11 bits, hashes are looked up by
    their four 16-bit segments: if all of them differ too much, so do the hashes. Otherwise,
    and where fewer steps result, every different hash is compared with every other. Memory
    beside hashes and answer is a block of pairs per thread, 8 MiB or those of one query.

    Args:
        hashes: Hashes to search in.

    Source:
        Norouzi, Punjani, Fleet: Fast search in Hamming space with multi-index hashing,
        CVPR 2012, arXiv:1307.2982, section 3.

    Example:
        >>> codes = np.array([0b0000, 0b0011, 0b1111], dtype=np.uint64)
        >>> index = HammingIndex(Hashes(codes, np.ones(3, bool)))
        >>> graph = index.search_within(min_score=1 - 2 / 32)
        >>> graph.indices, graph.scores
        (array([1, 0, 2, 1]), array([0.9375, 0.9375, 0.9375, 0.9375], dtype=float32))
    """

    kinds = ("hashes",)

    def _plan(self, queries: Encoded, limits: Limits) -> Plan:
        codes, held = cast(Hashes, queries).codes, cast(Hashes, self._held.encoded).codes
        scores = 1 - np.arange(N_BITS + 1, dtype=np.float32) / 32
        radius = int(np.count_nonzero(scores >= limits.floor)) - 1
        most_flips = _most_flips(radius)
        if max(most_flips) <= MOST_FLIPS and len(codes) >= LOOKED_UP_QUERIES:
            tables = [_Table.of(held, i, most) for i, most in enumerate(most_flips) if most >= 0]
            n_compared = len(codes) * len(held)
            if LOOKED_UP_COST * int(_n_steps(codes, tables).sum()) < n_compared:
                return _plan_lookup(codes, held, radius, tables)
        return _plan_comparison(codes, held, radius, limits.k)


def _plan_comparison(codes: UInt64, held: UInt64, radius: int, k: int | None) -> Plan:
    """Compare all pairs, block by block."""

    def propose(block: slice) -> Pairs:
        equal_bits = np.uint8(N_BITS) - count_bits(codes[block, None] ^ held)
        return places(shortlist(equal_bits, k, N_BITS - radius, 0), block)

    return Plan(even_blocks(len(codes), BLOCK_BYTES // (COMPARED_BYTES * len(held))), propose)


class _Table(NamedTuple):
    """Hashes found by one 16-bit segment.

    Attributes:
        segment: Which 16 bits.
        flips: Bits to flip in a segment to reach all those looked up, shape ``(f,)``.
        order: Hashes by the value of their segment, shape ``(n,)``.
        starts: Where in ``order`` each value begins, shape ``(65537,)``.
    """

    segment: int
    flips: Int64
    order: Int64
    starts: Int64

    @classmethod
    def of(cls, held: UInt64, segment: int, most_flips: int) -> Self:
        keys = _segment_of(held, segment)
        starts = np.append(0, np.cumsum(np.bincount(keys, minlength=2**SEGMENT_BITS)))
        return cls(segment, _flips(most_flips), np.argsort(keys, kind="stable"), starts)

    def n_found(self, codes: UInt64) -> Int64:
        """How many hashes a look-up of each code finds, shape ``(q,)``."""
        sizes, values = np.diff(self.starts), np.arange(2**SEGMENT_BITS)
        within_flips = sum(sizes[values ^ flip] for flip in self.flips.tolist())
        return np.asarray(within_flips)[_segment_of(codes, self.segment)]

    def find(self, codes: UInt64) -> Pairs:
        """Look up codes: positions in ``codes`` and the hashes found."""
        values = _segment_of(codes, self.segment)[:, None] ^ self.flips
        sizes = self.starts[values + 1] - self.starts[values]
        cols = self.order[ragged(self.starts[values].ravel(), sizes.ravel())]
        return np.repeat(np.arange(len(codes)), sizes.sum(axis=1)), cols


def _plan_lookup(codes: UInt64, held: UInt64, radius: int, tables: list[_Table]) -> Plan:
    """Look up each code in every table and compare with what is found."""

    def propose(block: slice) -> Pairs:
        found = []
        for table in tables:
            rows, cols = table.find(codes[block])
            near = count_bits(codes[block][rows] ^ held[cols]) <= radius
            found.append(rows[near] * len(held) + cols[near])
        rows, cols = np.divmod(np.unique(np.concatenate(found)), len(held))
        return rows + block.start, cols

    return Plan(weighed_blocks(LOOKED_UP_BYTES * _n_steps(codes, tables), BLOCK_BYTES), propose)


def _n_steps(codes: UInt64, tables: list[_Table]) -> Int64:
    """Look-ups and comparisons that each code costs, shape ``(q,)``."""
    return np.asarray(sum(table.n_found(codes) + len(table.flips) for table in tables))


def _most_flips(radius: int) -> list[int]:
    """Bits that may differ in each segment so that no pair within ``radius`` is missed.

    If segment ``i`` of a pair differs in more than ``r_i`` bits for every ``i``, the pair
    differs in ``sum(r_i + 1)`` bits or more; here that sum is ``radius + 1``.

    Example:
        >>> _most_flips(6), _most_flips(1)
        ([1, 1, 1, 0], [0, 0, -1, -1])
    """
    return [(radius + N_SEGMENTS - segment) // N_SEGMENTS - 1 for segment in range(N_SEGMENTS)]


def _flips(most: int) -> Int64:
    """All 16-bit numbers with at most ``most`` bits set, shape ``(f,)``."""
    chosen = (bits for n in range(most + 1) for bits in combinations(range(SEGMENT_BITS), n))
    return np.array([sum(1 << bit for bit in bits) for bits in chosen], np.int64)


def _segment_of(codes: UInt64, segment: int) -> Int64:
    """The 16 bits of a segment as numbers, shape ``(q,)``."""
    shifted = codes >> np.uint64(SEGMENT_BITS * segment)
    return (shifted & np.uint64(2**SEGMENT_BITS - 1)).astype(np.int64)
