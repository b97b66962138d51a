import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.search import HammingIndex, _scores, hamming
from matcher.types import Hashes

CODES = st.lists(st.integers(0, 2**64 - 1), max_size=4)
WAYS = ["plain", "compared", "looked up"]
LOW_SEGMENT = np.uint64(0xFFFF)


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
def forced(way):
    """Force one way to find pairs, in tiny blocks, with hardly any room for pairs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "COMPILED_PAIRS", 10**18 if way == "plain" else 0)
        patch.setattr(hamming, "LOOKED_UP_PAIRS", 0 if way == "looked up" else 10**18)
        patch.setattr(hamming, "PROBE_COST", 0)
        patch.setattr(hamming, "BLOCK_BYTES", 2000)
        patch.setattr(hamming, "COMPARED_PAIRS", 200)
        patch.setattr(hamming, "BLOCK_QUERIES", 7)
        patch.setattr(hamming, "MOST_PAIRS", 5)
        yield


def near_families(rng, n, n_families):
    """Hashes with two bits or fewer flipped from one of some centres."""
    codes = rng.integers(0, 2**64, n_families, np.uint64)[rng.integers(0, n_families, n)]
    for _ in range(2):
        codes ^= np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64)
    return codes


def pairs_by_brute_force(codes, radius):
    near = _scores.count_bits(codes[:, None] ^ codes) <= radius
    np.fill_diagonal(near, False)
    return list(zip(*(side.tolist() for side in np.nonzero(near)), strict=True))


def pairs_of(graph):
    return sorted(zip(graph.rows().tolist(), graph.indices.tolist(), strict=True))


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


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=30, deadline=None)
@given(near_codes(), near_codes(), st.integers(0, 17), st.none() | st.integers(1, 5))
def test_every_way_agrees_with_brute_force(reference, way, held, queries, radius, k):
    min_score = 1 - radius / 32
    with forced(way):
        index = HammingIndex(held)
        within, found = index.search_within(k, min_score), index.search(queries, k, min_score)
    assert reference.by_row(within) == reference.search_within(held, k, min_score)
    assert reference.by_row(found) == reference.search(held, queries, k, min_score)


@pytest.mark.parametrize("way", WAYS[1:])
@settings(max_examples=15, deadline=None)
@given(near_codes(), near_codes(), st.integers(1, 30))
def test_k_alone_agrees_with_brute_force(reference, way, held, queries, k):
    with forced(way):
        within, found = HammingIndex(held).search_within(k), HammingIndex(held).search(queries, k)
    assert reference.by_row(within) == reference.search_within(held, k)
    assert reference.by_row(found) == reference.search(held, queries, k)


@pytest.mark.parametrize("radius", [0, 3, 6, 10, 15])
@pytest.mark.parametrize("k", [None, 1, 8])
@pytest.mark.parametrize("shape", ["random", "families", "one segment", "two segments", "few bits"])
def test_shapes_of_tables(rng, monkeypatch, shape, k, radius):
    codes = {
        "random": rng.integers(0, 2**64, 1000, np.uint64),
        "families": near_families(rng, 1000, 20),
        "one segment": near_families(rng, 1000, 300) & ~LOW_SEGMENT,
        "two segments": near_families(rng, 1000, 300) << np.uint64(32),
        "few bits": rng.integers(0, 2**12, 1000).astype(np.uint64) << np.uint64(11),
    }[shape]
    monkeypatch.setattr(hamming, "COMPILED_PAIRS", 0)
    monkeypatch.setattr(hamming, "LOOKED_UP_PAIRS", 0)
    monkeypatch.setattr(hamming, "BLOCK_QUERIES", 400)
    found = HammingIndex(hashes(codes)).search_within(k, 1 - radius / 32)
    monkeypatch.setattr(hamming, "COMPILED_PAIRS", 10**18)
    expected = HammingIndex(hashes(codes)).search_within(k, 1 - radius / 32)
    assert found.indptr.tolist() == expected.indptr.tolist()
    assert found.indices.tolist() == expected.indices.tolist()
    assert found.scores.tolist() == expected.scores.tolist()


@pytest.mark.parametrize("radius", [0, 1, 6, 7])
def test_half_the_pairs_are_mirrored(rng, monkeypatch, radius):
    monkeypatch.setattr(hamming, "LOOKED_UP_PAIRS", 0)
    codes = near_families(rng, 2100, 300)
    found = HammingIndex(hashes(codes)).search_within(min_score=1 - radius / 32)
    assert pairs_of(found) == pairs_by_brute_force(codes, radius)


def test_the_way_is_chosen_by_size_and_radius(rng, monkeypatch):
    ways = []
    for name in ("_plan_comparison", "_Search.compare", "_Search.look_up"):
        owner, attribute = (hamming._Search, name[8:]) if "." in name else (hamming, name)
        plain = getattr(owner, attribute)
        monkeypatch.setattr(
            owner, attribute, lambda *a, name=name, plain=plain: ways.append(name) or plain(*a)
        )
    monkeypatch.setattr(hamming, "LOOKED_UP_PAIRS", 2**22)

    def ways_of(n, radius, queries=None):
        ways.clear()
        index = HammingIndex(hashes(rng.integers(0, 2**64, n, np.uint64)))
        if queries is None:
            index.search_within(min_score=1 - radius / 32)
        else:
            index.search(hashes(queries), min_score=1 - radius / 32)
        return set(ways)

    assert ways_of(1000, 6) == {"_plan_comparison"}
    assert ways_of(3000, 6) == {"_Search.look_up"}
    assert ways_of(3000, 15) == {"_Search.look_up"}
    assert ways_of(3000, 16) == {"_Search.compare"}
    assert ways_of(3000, 6, queries=[1, 2, 3]) == {"_plan_comparison"}


def test_a_value_shared_by_most_is_not_looked_up(rng):
    codes = rng.integers(0, 2**64, 30_000, np.uint64)
    codes[:20_000] &= ~LOW_SEGMENT
    costs = hamming._Tables.of(codes).costs
    chosen = hamming.allot_flips(codes, costs, 6, len(codes) // 4)
    assert set(chosen[:20_000, 0].tolist()) == {-1}
    cost = costs[np.arange(4), codes[0] >> np.uint64(16) * np.arange(4, dtype=np.uint64) & 0xFFFF]
    assert sum(cost[s, t] for s, t in enumerate(chosen[0]) if t >= 0) < 5000


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=30))
def test_neighbours_of_a_value_are_counted(values):
    sizes = np.bincount(values, minlength=2**16)[None]
    around = hamming._n_around(sizes)[0]
    for value in (values[0], values[0] ^ 0b11, values[0] ^ 0b10111):
        distances = [(value ^ other).bit_count() for other in values]
        assert around[value].tolist() == [sum(d <= t for d in distances) for t in range(4)]


@pytest.mark.parametrize(("n", "n_numbers"), [(0, 1), (1, 16), (2, 120), (3, 560)])
def test_flips_are_all_different(n, n_numbers):
    numbers = hamming._numbers_with(n).tolist()
    assert len(set(numbers)) == n_numbers
    assert {number.bit_count() for number in numbers} == {n}


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


def test_thousands_of_nearly_blank_pictures_fill_no_memory(monkeypatch):
    monkeypatch.setattr(hamming, "LOOKED_UP_PAIRS", 0)
    monkeypatch.setattr(hamming, "MOST_PAIRS", 2**16)
    codes = np.arange(2**12, dtype=np.uint64)  # any two differ in twelve bits or fewer
    index = HammingIndex(hashes(codes))
    index.search_within(k=2, min_score=1 - 12 / 32)  # compiles
    tracemalloc.start()
    graph = index.search_within(k=2, min_score=1 - 12 / 32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.diff(graph.indptr).tolist() == [2] * 2**12
    assert set(graph.scores.tolist()) == {1 - 1 / 32}
    assert peak < 2**24 * 16 / 4


def test_comparing_all_holds_no_square_in_memory(rng):
    index = HammingIndex(hashes(rng.integers(0, 2**64, 6000, np.uint64)))
    index.search_within(k=2)  # compiles
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
