import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.search import HammingIndex, _scores, hamming
from matcher.types import Hashes

CODES = st.lists(st.integers(0, 2**64 - 1), max_size=4)


def hashes(codes):
    return Hashes(np.array(codes, np.uint64), np.ones(len(codes), bool))


@st.composite
def near_codes(draw):
    """Codes around few centres, with up to twelve bits flipped."""
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3))
    flips = st.lists(st.integers(0, 63), max_size=12)
    made = draw(st.lists(st.tuples(st.sampled_from(centres), flips), max_size=25))
    return hashes([code ^ sum(1 << bit for bit in set(bits)) for code, bits in made])


@contextmanager
def looked_up(wanted):
    """Force the look-up, or rule it out; in tiny blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "LOOKED_UP_QUERIES", 0 if wanted else 10**9)
        patch.setattr(hamming, "LOOKED_UP_COST", 0)
        patch.setattr(hamming, "BLOCK_BYTES", 2000)
        yield


def test_by_hand():
    # distances: 0-1 two bits, 1-2 two bits, 0-2 four bits; scores 1 - 2/32 and 1 - 4/32
    index = HammingIndex(hashes([0b0000, 0b0011, 0b1111]))
    graph = index.search_within(k=2)
    assert graph.indices.tolist() == [1, 2, 0, 2, 1, 0]
    assert graph.scores.tolist() == [0.9375, 0.875, 0.9375, 0.9375, 0.9375, 0.875]
    assert index.search_within(min_score=0.9375).indices.tolist() == [1, 0, 2, 1]


def test_opposites_score_minus_one():
    graph = HammingIndex(hashes([0, 2**64 - 1])).search_within(k=1)
    assert graph.scores.tolist() == [-1, -1]


@pytest.mark.parametrize("lookup", [True, False])
@settings(max_examples=30, deadline=None)
@given(near_codes(), near_codes(), st.integers(0, 11), st.none() | st.integers(1, 5))
def test_both_ways_agree_with_brute_force(reference, lookup, held, queries, radius, k):
    min_score = 1 - radius / 32
    with looked_up(lookup):
        index = HammingIndex(held)
        within, found = index.search_within(k, min_score), index.search(queries, k, min_score)
    assert reference.by_row(within) == reference.search_within(held, k, min_score)
    assert reference.by_row(found) == reference.search(held, queries, k, min_score)


def test_the_look_up_is_taken_where_it_saves_steps(rng, monkeypatch):
    calls = []
    plan = hamming._plan_lookup
    monkeypatch.setattr(hamming, "_plan_lookup", lambda *args: calls.append(1) or plan(*args))
    index = HammingIndex(hashes(rng.integers(0, 2**64, 3000, np.uint64)))
    index.search_within(min_score=1 - 6 / 32)
    assert calls == [1]
    index.search_within(min_score=0.1)  # up to 28 bits: not worth it
    index.search(hashes([1, 2, 3]), min_score=1 - 6 / 32)  # nor for three queries
    assert calls == [1]


@given(st.integers(0, 64))
def test_no_distance_within_the_radius_slips_between_the_segments(radius):
    most = hamming._most_flips(radius)
    assert sum(n + 1 for n in most) == radius + 1  # one bit more in each segment is too far
    assert max(most) - min(most) <= 1


@pytest.mark.parametrize(("most", "n"), [(0, 1), (1, 1 + 16), (2, 1 + 16 + 120)])
def test_flips_are_all_different_and_small(most, n):
    flips = hamming._flips(most).tolist()
    assert len(set(flips)) == n
    assert max(flip.bit_count() for flip in flips) == most


def test_thousands_of_blank_pictures_cost_little():
    index = HammingIndex(hashes([7] * 30_000 + [8]))
    tracemalloc.start()
    graph = index.search_within(k=4, min_score=0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.indices[:4].tolist() == [1, 2, 3, 4]
    assert graph.indices[-4:].tolist() == [0, 1, 2, 3]
    assert graph.scores[-4:].tolist() == [1 - 4 / 32] * 4
    assert peak < 30e6


def test_comparing_all_holds_no_square_in_memory(rng):
    index = HammingIndex(hashes(rng.integers(0, 2**64, 6000, np.uint64)))
    tracemalloc.start()
    index.search_within(k=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6000**2 * 8 / 3


@given(CODES)
def test_bits_are_counted_with_and_without_numpy_2(codes):
    array = np.array(codes, np.uint64)
    expected = [code.bit_count() for code in codes]
    assert _scores.count_bits(array).tolist() == expected
    assert _scores._count_bits_by_table(array).tolist() == expected
    assert _scores._count_bits_by_table(array[:, None]).tolist() == [[n] for n in expected]
