"""Compiled loops over 64-bit hashes: by their segments, and one by one.

A hash has four segments of 16 bits. Differing bits are counted in parallel, within ever larger
parts of a number (Warren, Hacker's Delight, 2nd ed., figure 5-2); the compiler knows the
pattern and puts the processor's own instruction in its place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.machine_code import compiled
from matcher.types import Int64, UInt64

Int8 = NDArray[np.int8]


@compiled()
def sort_by_segment(codes: UInt64, segment: int) -> tuple[Int64, Int64, UInt64]:
    """Sort hashes by the value of one segment; equal ones stay in order.

    Args:
        codes: Shape ``(n,)``.
        segment: In 0 to 3.

    Returns:
        Where each value begins among the sorted, shape ``(65537,)``; which hash stands at each
        place, shape ``(n,)``; the hashes sorted, shape ``(n,)``.
    """
    shift, mask = np.uint64(16 * segment), np.uint64(0xFFFF)
    starts = np.zeros(65537, np.int64)
    for code in codes:
        starts[np.int64((code >> shift) & mask) + 1] += 1
    starts = np.cumsum(starts)
    following = starts.copy()
    order, ordered = np.empty(len(codes), np.int64), np.empty(len(codes), np.uint64)
    for row, code in enumerate(codes):
        place = following[np.int64((code >> shift) & mask)]
        order[place], ordered[place] = row, code
        following[np.int64((code >> shift) & mask)] = place + 1
    return starts, order, ordered


@compiled()
def allot_flips(codes: UInt64, costs: Int64, radius: int, most: int) -> Int8:
    """Choose for each hash the cheapest complete set of look-ups, or none.

    If segment ``s`` of a pair differs in more than ``t_s`` bits for every ``s``, the pair
    differs in ``sum(t_s + 1)`` bits or more. Where that sum is ``radius + 1``, looking up
    segment ``s`` with up to ``t_s`` bits flipped misses nothing. The cheapest ``t`` is found
    segment by segment for every sum.

    Args:
        codes: Shape ``(q,)``.
        costs: Of looking up each value of each segment with ``t`` flips and fewer, shape
            ``(4, 65536, T)``.
        radius: Most differing bits.
        most: Cost from which none is chosen.

    Returns:
        ``t`` of each segment, shape ``(q, 4)``: -1 where a segment is not looked up, and in
        every segment where nothing is chosen.

    Source:
        Qin et al., GPH: similarity search in Hamming space, ICDE 2018, sections 4 and 5.
    """
    chosen = np.full((len(codes), 4), -1, np.int8)
    taken = np.zeros((4, radius + 2), np.int64)
    least = np.empty(radius + 2, np.int64)
    for row, code in enumerate(codes):
        least[:], least[0] = most, 0
        for s in range(4):
            cost = costs[s, np.int64((code >> np.uint64(16 * s)) & np.uint64(0xFFFF))]
            for total in range(radius + 1, -1, -1):  # from the top: lower sums are still without s
                taken[s, total] = 0
                for t in range(min(total, len(cost))):
                    if least[total - t - 1] + cost[t] < least[total]:
                        least[total], taken[s, total] = least[total - t - 1] + cost[t], t + 1
        if least[radius + 1] < most:
            total = radius + 1
            for s in range(3, -1, -1):
                chosen[row, s] = taken[s, total] - 1
                total -= taken[s, total]
    return chosen


@compiled()
def look_up(
    codes: UInt64,
    asking: Int64,
    first: Int64,
    radius: int,
    segment: int,
    n_probes: Int64,
    flips: UInt64,
    starts: Int64,
    order: Int64,
    ordered: UInt64,
    most: int,
) -> tuple[Int64, Int64]:
    """Find hashes within a radius among those with about the same value of one segment.

    Args:
        codes: Shape ``(q,)``.
        asking: Which of them to look up; by ascending value, what they find stays in a cache.
        first: Hashes before this place are passed over, shape ``(q,)``.
        radius: Most differing bits.
        segment: In 0 to 3.
        n_probes: How many of the flips to try for each code, shape ``(q,)``.
        flips: Numbers of 16 bits that turn one value into another.
        starts: From ``sort_by_segment``, as are ``order`` and ``ordered``.
        order: Shape ``(n,)``.
        ordered: Shape ``(n,)``.
        most: Pairs after which to stop.

    Returns:
        Places in ``codes`` and of the hashes found; ``most`` or more pairs if it was stopped.
    """

    def count(x: np.uint64) -> np.uint64:
        x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        low = np.uint64(0x3333333333333333)
        x = (x & low) + ((x >> np.uint64(2)) & low)
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)

    bound = np.uint64(radius)
    rows, cols, n, asked = np.empty(1024, np.int64), np.empty(1024, np.int64), 0, 0
    while asked < len(asking) and n < most:
        row = asking[asked]
        code, least = codes[row], first[row]
        value = (code >> np.uint64(16 * segment)) & np.uint64(0xFFFF)
        for flip in flips[: n_probes[row]]:
            start, end = starts[np.int64(value ^ flip)], starts[np.int64(value ^ flip) + 1]
            n_near = np.int64(0)
            for place in range(start, end):  # mostly none is near, and this is fast
                n_near += count(code ^ ordered[place]) <= bound
            if n + n_near > len(rows):
                rows = np.concatenate((rows, np.empty(n + n_near, np.int64)))
                cols = np.concatenate((cols, np.empty(n + n_near, np.int64)))
            for place in range(start, end if n_near else start):
                if count(code ^ ordered[place]) <= bound and order[place] >= least:
                    rows[n], cols[n], n = row, order[place], n + 1
        asked += 1
    return rows[:n], cols[:n]


@compiled()
def kth_fewest(
    codes: UInt64, asking: Int64, held: UInt64, radius: int, k: int
) -> tuple[Int64, Int64]:
    """Find out in how many bits the ``k``-th nearest hash differs.

    The radius shrinks to what a hash further on still has to beat.

    Args:
        codes: Shape ``(q,)``.
        asking: Which of them, shape ``(a,)``.
        held: Hashes to find, shape ``(n,)``.
        radius: Most differing bits.
        k: At least 1.

    Returns:
        Bits, shape ``(a,)``: ``radius`` where fewer than ``k`` hashes are that near; how many
        hashes at just that distance are among the ``k`` best, shape ``(a,)``.
    """

    def count(x: np.uint64) -> np.uint64:
        x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        low = np.uint64(0x3333333333333333)
        x = (x & low) + ((x >> np.uint64(2)) & low)
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)

    farthest, n_farthest = np.empty(len(asking), np.int64), np.empty(len(asking), np.int64)
    for i, row in enumerate(asking):
        code, bound, n_found = codes[row], radius, np.int64(0)
        sizes = np.zeros(65, np.int64)
        for start in range(0, len(held), 128):
            end, n_near = min(start + 128, len(held)), np.int64(0)
            for place in range(start, end):  # mostly none is near, and this is fast
                n_near += np.int64(count(code ^ held[place])) <= bound
            for place in range(start, end if n_near else start):
                differing = np.int64(count(code ^ held[place]))
                if differing <= bound:
                    sizes[differing] += 1
                    n_found += 1
                while n_found >= k:
                    n_found -= sizes[bound]
                    bound -= 1
        farthest[i] = min(bound + 1, radius)
        n_farthest[i] = k - n_found if bound < radius else k
    return farthest, n_farthest


@compiled()
def compare(
    codes: UInt64,
    asking: Int64,
    first: Int64,
    held: UInt64,
    farthest: Int64,
    n_farthest: Int64,
) -> tuple[Int64, Int64]:
    """Find hashes within a radius by comparing all.

    Args:
        codes: Shape ``(q,)``.
        asking: Which of them to compare, shape ``(a,)``.
        first: Hashes before this place are passed over, shape ``(q,)``.
        held: Hashes to find, shape ``(n,)``.
        farthest: Most differing bits, shape ``(a,)``.
        n_farthest: How many hashes that differ in so many bits to find, shape ``(a,)``.

    Returns:
        Places in ``codes`` and in ``held``, ascending.
    """

    def count(x: np.uint64) -> np.uint64:
        x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        low = np.uint64(0x3333333333333333)
        x = (x & low) + ((x >> np.uint64(2)) & low)
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)

    rows, cols, n = np.empty(1024, np.int64), np.empty(1024, np.int64), 0
    for i, row in enumerate(asking):
        code, bound, left = codes[row], np.uint64(farthest[i]), n_farthest[i]
        for start in range(first[row], len(held), 128):
            end, n_near = min(start + 128, len(held)), np.int64(0)
            for place in range(start, end):  # mostly none is near, and this is fast
                n_near += count(code ^ held[place]) <= bound
            if n + n_near > len(rows):
                rows = np.concatenate((rows, np.empty(n + n_near, np.int64)))
                cols = np.concatenate((cols, np.empty(n + n_near, np.int64)))
            for place in range(start, end if n_near else start):
                differing = count(code ^ held[place])
                if differing < bound or (differing == bound and left > 0):
                    rows[n], cols[n], n = row, place, n + 1
                    left -= differing == bound
    return rows[:n], cols[:n]
