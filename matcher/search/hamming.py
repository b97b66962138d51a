"""Exact search among 64-bit hashes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Self, cast

import numpy as np

from matcher.search._candidates import even_blocks, places, settle_listed, shortlist
from matcher.search._hamming_kernels import (
    Int8,
    allot_flips,
    compare,
    kth_fewest,
    look_up,
    sort_by_segment,
)
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.search._scores import count_bits
from matcher.types import Bool, Encoded, Hashes, Int64, UInt64

BLOCK_BYTES = 2**23  # what stays in a cache goes three times faster
COMPARED_BYTES = 11  # arrays that one pair passes through without compiled loops
COMPILED_PAIRS = 2**22  # fewer are compared before loops are compiled
COMPARED_PAIRS = 2**24  # in a block
LOOKED_UP_PAIRS = 2**27  # fewer are compared before the tables are made
BLOCK_QUERIES = 2**16  # as many as a segment has values: sorted, they read the tables in order
N_BLOCKS = 16  # at least, for the threads to share
MOST_PAIRS = 2**21  # found at once where only the k best of them are wanted
N_BITS = 64
N_SEGMENTS = 4
SEGMENT_BITS = 16
N_VALUES = 2**SEGMENT_BITS
MOST_FLIPS = 3  # beyond, a segment's 2,517 and more neighbours cost more than they save
PROBE_COST = 4  # of looking up one value, in hashes found
COMPARE_COST = 4  # hashes compared in order while one is found by looking up


class HammingIndex(JoinIndex):
    """Find hashes that differ in few bits; the score is ``1 - h / 32``.

    With a ``min_score`` that allows a radius of up to 15 bits, hashes are looked up by
    their four 16-bit segments: if all of them differ too much, so do the hashes. How many
    bits may differ in which segment is chosen for each hash, by what it would find: a value
    that thousands of different hashes share is not looked up. Where looking up finds too much
    in any case, the hash is compared with every other.

    Memory beside hashes and answer: 64 bytes a hash and 10 MiB for the tables, and for each
    thread 16 bytes a pair found in its block: with ``k``, at most 2**21 pairs, those of one
    query, or ``k`` of each of 65,536 queries; without, pairs of the answer.

    Args:
        hashes: Hashes to search in.

    Source:
        Norouzi, Punjani, Fleet: Fast search in Hamming space with multi-index hashing,
        CVPR 2012, arXiv:1307.2982, section 3; Qin et al., GPH: similarity search in Hamming
        space, ICDE 2018.

    Example:
        >>> codes = np.array([0b0000, 0b0011, 0b1111], dtype=np.uint64)
        >>> index = HammingIndex(Hashes(codes, np.ones(3, bool)))
        >>> graph = index.search_within(min_score=1 - 2 / 32)
        >>> graph.indices, graph.scores
        (array([1, 0, 2, 1]), array([0.9375, 0.9375, 0.9375, 0.9375], dtype=float32))
    """

    kinds = ("hashes",)

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        codes, held = cast(Hashes, queries).codes, cast(Hashes, self._held.encoded).codes
        scores = 1 - np.arange(N_BITS + 1, dtype=np.float32) / 32
        radius = int(np.count_nonzero(scores >= limits.floor)) - 1
        half, n_pairs = within and limits.k is None, len(codes) * len(held)
        if n_pairs < COMPILED_PAIRS:
            return _plan_comparison(codes, held, radius, limits.k)
        search = _Search(codes, held, radius, limits.k, half)
        if n_pairs < LOOKED_UP_PAIRS or radius >= N_SEGMENTS * (MOST_FLIPS + 1):
            return Plan(even_blocks(len(codes), COMPARED_PAIRS // len(held)), search.compare, half)
        tables = _Tables.of(held)
        step = min(BLOCK_QUERIES, len(codes) // N_BLOCKS + 1)
        blocks = even_blocks(len(codes), step)
        return Plan(blocks, lambda block: search.look_up(block, tables), half)


def _plan_comparison(codes: UInt64, held: UInt64, radius: int, k: int | None) -> Plan:
    """Compare all pairs, block by block, without compiled loops."""

    def propose(block: slice) -> Pairs:
        equal_bits = np.uint8(N_BITS) - count_bits(codes[block, None] ^ held)
        return places(shortlist(equal_bits, k, N_BITS - radius, 0), block)

    return Plan(even_blocks(len(codes), BLOCK_BYTES // (COMPARED_BYTES * len(held))), propose)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Hashes sorted by each of their segments.

    Attributes:
        segments: For each, what ``sort_by_segment`` gives.
        flips: 16-bit numbers by the number of bits set, shape ``(f,)``.
        n_flips: How many of them have at most ``t`` bits set, shape ``(T,)``.
        costs: Of looking up a value with at most ``t`` flips, shape ``(4, 65536, T)``.
    """

    segments: list[tuple[Int64, Int64, UInt64]]
    flips: UInt64
    n_flips: Int64
    costs: Int64

    @classmethod
    def of(cls, held: UInt64) -> Self:
        segments = [sort_by_segment(held, s) for s in range(N_SEGMENTS)]
        sizes = np.stack([np.diff(starts) for starts, _, _ in segments])
        flips = [_numbers_with(t) for t in range(MOST_FLIPS + 1)]
        n_flips = np.cumsum([len(numbers) for numbers in flips])
        costs = _n_around(sizes) + PROBE_COST * n_flips
        return cls(segments, np.concatenate(flips), n_flips, costs)


@dataclass(frozen=True, slots=True)
class _Search:
    """What is wanted of which hashes.

    Attributes:
        codes: Hashes to find others for, shape ``(q,)``.
        held: Hashes to find, shape ``(n,)``.
        radius: Most differing bits.
        k: Most hashes found for each, or None for all.
        half: Whether ``codes`` are ``held``, and a pair is wanted from its lower place only.
    """

    codes: UInt64
    held: UInt64
    radius: int
    k: int | None
    half: bool

    def compare(self, block: slice) -> Pairs:
        """Compare a block with all hashes held."""
        codes = self.codes[block]
        rows, cols = self._compare(codes, np.arange(len(codes)), self._first(block))
        return block.start + rows, cols

    def look_up(self, block: slice, tables: _Tables) -> Pairs:
        """Find pairs of a block by what costs least for each of its hashes.

        Where too many are found at once, each half of the block is cut to the ``k`` best.
        """
        found = self._find(block, tables, MOST_PAIRS)
        if found is not None:
            return found
        middle = (block.start + block.stop) // 2
        halves = slice(block.start, middle), slice(middle, block.stop)
        return _joined([self._k_best(*self.look_up(half, tables)) for half in halves])

    def _find(self, block: slice, tables: _Tables, most: int) -> Pairs | None:
        """All pairs of a block, or None if too many for one that can be cut."""
        codes, first = self.codes[block], self._first(block)
        can_cut = self.k is not None and len(codes) > 1
        too_much = max(1, len(self.held) // COMPARE_COST)
        chosen = allot_flips(codes, tables.costs, self.radius, too_much)
        found = []
        for s, table in enumerate(tables.segments):
            n_probes = np.append(tables.n_flips, 0)[chosen[:, s]]
            asking = sort_by_segment(codes, s)[1]
            rows, cols = look_up(
                codes, asking, first, self.radius, s, n_probes, tables.flips, *table,
                most if can_cut else np.iinfo(np.int64).max,
            )  # fmt: skip
            most -= len(rows)
            if can_cut and most <= 0:
                return None
            fresh = _not_found_before(codes[rows] ^ self.held[cols], chosen[rows, :s])
            found.append((rows[fresh], cols[fresh]))
        compared = np.flatnonzero((chosen < 0).all(axis=1))
        rows, cols = _joined([*found, self._compare(codes, compared, first)])
        return block.start + rows, cols

    def _compare(self, codes: UInt64, asking: Int64, first: Int64) -> Pairs:
        """Compare some of the hashes of a block with all that are held."""
        farthest = np.full(len(asking), self.radius)
        n_farthest = np.full(len(asking), len(self.held))
        if self.k is not None:
            farthest, n_farthest = kth_fewest(codes, asking, self.held, self.radius, self.k)
        return compare(codes, asking, first, self.held, farthest, n_farthest)

    def _first(self, block: slice) -> Int64:
        """The lowest place that each hash of a block may find."""
        rows = np.arange(block.start, block.stop)
        return rows if self.half else np.zeros_like(rows)

    def _k_best(self, rows: Int64, cols: Int64) -> Pairs:
        """The ``k`` nearest of what each hash found, by ascending row; ties by lower place."""
        order = np.argsort(rows, kind="stable")
        rows, cols = rows[order], cols[order]
        near = 1 - count_bits(self.codes[rows] ^ self.held[cols]) / 32
        kept = settle_listed(rows, cols, near, cast(int, self.k), 0)
        return rows[kept], cols[kept]


def _joined(found: list[Pairs]) -> Pairs:
    rows, cols = zip(*found, strict=True)
    return np.concatenate(rows), np.concatenate(cols)


def _not_found_before(differing: UInt64, chosen: Int8) -> Bool:
    """Whether the segments looked up before could not find a pair.

    Args:
        differing: Bits in which the two hashes differ, shape ``(m,)``.
        chosen: Bits flipped in each of the segments before, -1 for none, shape ``(m, s)``.
    """
    fresh = np.ones(len(differing), np.bool_)
    for s in range(chosen.shape[1]):
        part = (differing >> np.uint64(SEGMENT_BITS * s)) & np.uint64(N_VALUES - 1)
        fresh &= count_bits(part).astype(np.int8) > chosen[:, s]
    return fresh


def _n_around(sizes: Int64) -> Int64:
    """How many hashes lie within ``t`` flips of each value of a segment.

    How many lie at exactly ``t`` follows from those at ``t - 1`` and ``t - 2``: whoever goes
    one step on from ``t - 1`` comes to ``t``, in ``t`` ways, or back to ``t - 2``, in
    ``16 - t + 2`` ways.

    Args:
        sizes: Hashes with each value, shape ``(s, 65536)``.

    Returns:
        Shape ``(s, 65536, MOST_FLIPS + 1)``.
    """
    at = [sizes]
    for t in range(1, MOST_FLIPS + 1):
        steps = np.zeros_like(sizes)
        for bit in range(SEGMENT_BITS):
            by_bit = (len(sizes), -1, 2, 2**bit)  # whether it is set is the third index
            steps.reshape(by_bit)[...] += at[-1].reshape(by_bit)[:, :, ::-1]
        back = at[-2] * (SEGMENT_BITS - t + 2) if t > 1 else 0
        at.append((steps - back) // t)
    return np.ascontiguousarray(np.cumsum(np.stack(at, axis=2), axis=2))


def _numbers_with(n: int) -> UInt64:
    """All 16-bit numbers with ``n`` bits set."""
    chosen = combinations(range(SEGMENT_BITS), n)
    return np.array([sum(1 << bit for bit in bits) for bits in chosen], np.uint64)
