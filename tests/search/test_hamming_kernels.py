"""Compiled loops over hashes, each against a plain loop."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.search import _hamming_kernels as kernels
from matcher.search import hamming

CODES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 2**20), max_size=20)
NOBODY = np.iinfo(np.int64).max


def as_codes(numbers):
    return np.array(numbers, np.uint64)


def segment_of(code, segment):
    return code >> 16 * segment & 0xFFFF


@settings(deadline=None)
@given(CODES, st.integers(0, 3))
def test_hashes_are_sorted_by_a_segment(codes, segment):
    starts, order, ordered = kernels.sort_by_segment(as_codes(codes), segment)
    expected = sorted(range(len(codes)), key=lambda row: segment_of(codes[row], segment))
    assert order.tolist() == expected
    assert ordered.tolist() == [codes[row] for row in expected]
    values = [segment_of(code, segment) for code in codes]
    for value in {*values, 0, 2**16 - 1}:
        assert starts[value] == sum(v < value for v in values)
        assert starts[value + 1] == sum(v <= value for v in values)


def test_flips_by_hand():
    # Segment 0 is dear, segment 1 is free up to one flip; radius 2 needs t + 1 to sum to 3.
    costs = np.empty((4, 2**16, 2), np.int64)
    costs[0], costs[1], costs[2], costs[3] = [100, 200], [0, 0], [5, 90], [7, 90]
    assert kernels.allot_flips(as_codes([0]), costs, 2, 1000).tolist() == [[-1, 1, 0, -1]]
    assert kernels.allot_flips(as_codes([0]), costs, 3, 1000).tolist() == [[-1, 1, 0, 0]]
    assert kernels.allot_flips(as_codes([0]), costs, 2, 5).tolist() == [[-1] * 4]
    assert kernels.allot_flips(as_codes([0]), costs, 8, 1000).tolist() == [[-1] * 4]  # 4 * 2 < 9


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=4, max_size=4),
    st.integers(0, 12),
)
def test_flips_cost_least_and_miss_nothing(table, radius):
    costs = np.zeros((4, 2**16, 3), np.int64)
    table = np.sort(np.array(table), axis=1)
    costs[:, 9] = table
    code = sum(9 << 16 * s for s in range(4))
    chosen = kernels.allot_flips(as_codes([code]), costs, radius, 10**6)[0].tolist()
    sets = [
        (sum(table[s, t] for s, t in enumerate(flips) if t >= 0), flips)
        for flips in product((-1, 0, 1, 2), repeat=4)
        if sum(t + 1 for t in flips) == radius + 1
    ]
    if not sets:
        assert chosen == [-1] * 4
    else:
        assert sum(t + 1 for t in chosen) == radius + 1
        assert sum(table[s, t] for s, t in enumerate(chosen) if t >= 0) == min(sets)[0]


def look_up(codes, held, radius, segment, t, first=0, most=NOBODY):
    flips = np.concatenate([hamming._numbers_with(n) for n in range(t + 1)])
    rows = np.arange(len(codes))
    rows, cols = kernels.look_up(
        as_codes(codes),
        rows,
        np.full(len(codes), first),
        radius,
        segment,
        np.full(len(codes), len(flips)),
        flips,
        *kernels.sort_by_segment(as_codes(held), segment),
        most,
    )
    return sorted(zip(rows.tolist(), cols.tolist(), strict=True))


@settings(deadline=None)
@given(CODES, CODES, st.integers(0, 20), st.integers(0, 3), st.integers(0, 2), st.integers(0, 3))
def test_look_up_agrees_with_a_plain_loop(codes, held, radius, segment, t, first):
    held = held + [code ^ bits for code, bits in product(codes[:4], (0, 1, 0x10001, 3 << 15))]
    assert look_up(codes, held, radius, segment, t, first) == [
        (row, col)
        for (row, code), (col, other) in product(enumerate(codes), enumerate(held))
        if (code ^ other).bit_count() <= radius
        and segment_of(code ^ other, segment).bit_count() <= t
        and col >= first
    ]


def test_look_up_stops_once_too_many_are_found():
    found = look_up([0] * 100, [0] * 40, 0, 0, 0, most=100)
    assert len(found) == 120  # three hashes found 40 each


@settings(deadline=None)
@given(CODES, CODES, st.integers(0, 64), st.integers(1, 9))
def test_the_kth_nearest_agrees_with_a_plain_loop(codes, held, radius, k):
    asking = np.arange(len(codes))
    bits, n_ties = kernels.kth_fewest(as_codes(codes), asking, as_codes(held), radius, k)
    for code, farthest, ties in zip(codes, bits.tolist(), n_ties.tolist(), strict=True):
        distances = sorted((code ^ other).bit_count() for other in held)
        near = [d for d in distances if d <= radius][:k]
        kept = [d for d in distances if d < farthest]
        kept += [d for d in distances if d == farthest][:ties]
        assert kept == near


@pytest.mark.parametrize("n", [255, 256, 257, 1000])
def test_comparing_takes_the_first_of_those_that_tie(n):
    held = as_codes([0b111] * n)
    ask, none = np.array([0]), np.array([0])
    bits, ties = kernels.kth_fewest(as_codes([0]), ask, held, 64, 3)
    assert (bits.tolist(), ties.tolist()) == ([3], [3])
    rows, cols = kernels.compare(as_codes([0]), ask, none, held, bits, ties)
    assert (rows.tolist(), cols.tolist()) == ([0, 0, 0], [0, 1, 2])
    _, cols = kernels.compare(as_codes([0]), ask, np.array([n - 2]), held, bits, ties)
    assert cols.tolist() == [n - 2, n - 1]


@settings(deadline=None)
@given(CODES, CODES, st.integers(0, 40), st.integers(0, 9))
def test_comparing_agrees_with_a_plain_loop(codes, held, radius, n_farthest):
    asking = np.arange(len(codes))[::2]
    first = np.arange(len(codes)) // 3
    limits = np.full(len(asking), radius), np.full(len(asking), n_farthest)
    found = kernels.compare(as_codes(codes), asking, first, as_codes(held), *limits)
    expected = []
    for row in asking.tolist():
        distances = [(codes[row] ^ other).bit_count() for other in held]
        later = range(first[row], len(held))
        ties = [col for col in later if distances[col] == radius][:n_farthest]
        near = [col for col in later if distances[col] < radius or col in ties]
        expected += [(row, col) for col in near]
    assert list(zip(*(side.tolist() for side in found), strict=True)) == expected


def test_no_distance_within_the_radius_slips_between_the_segments():
    held = [0]
    for radius in range(7):
        codes = [sum(1 << 9 * bit % 64 for bit in bits) for bits in combinations(range(7), radius)]
        costs = hamming._Tables.of(as_codes(held)).costs
        chosen = kernels.allot_flips(as_codes(codes), costs, radius, 10**6)
        for code, flips in zip(codes, chosen.tolist(), strict=True):
            parts = [segment_of(code, s).bit_count() for s in range(4)]
            assert any(t >= 0 and part <= t for part, t in zip(parts, flips, strict=True))
