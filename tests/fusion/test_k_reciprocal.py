"""Re-ranking by hand, and against sets and loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.fusion import available_fusions
from matcher.fusion._k_reciprocal import KReciprocal
from matcher.types import ScoredPairs


def pairs_of(left, right, n):
    return ScoredPairs(np.array(left, np.int64), np.array(right, np.int64), {}, n, n)


def nearest(table, p, k):
    """N(p, k), itself first."""
    others = [g for g in range(len(table)) if g != p and table[p, g] > 0]
    return [p, *sorted(others, key=lambda g: (-table[p, g], g))[:k]]


def reciprocal(table, p, k):
    return {g for g in nearest(table, p, k) if p in nearest(table, g, k)}


def brute_force(pairs, k, expansion, weight, bound):
    """The paper's equations over a dense table of scores; 0 is no candidate."""
    n, table = len(pairs), np.where(pairs >= np.float32(bound), pairs, 0)
    sets = np.zeros((n, n))
    for p in range(n):
        near = reciprocal(table, p, k)
        members = set(near)
        for q in near:
            nearer = reciprocal(table, q, max(1, round(k / 2)))
            if 3 * len(near & nearer) >= 2 * len(nearer):
                members |= nearer
        for g in members:
            sets[p, g] = np.exp(-(1 - (1 if g == p else table[p, g])))
    mean = np.stack([sets[nearest(table, p, expansion - 1)].mean(axis=0) for p in range(n)])
    again = np.zeros((n, n))
    for p in range(n):
        for q in range(n):
            if pairs[p, q] > 0:
                least, most = np.minimum(mean[p], mean[q]), np.maximum(mean[p], mean[q])
                again[p, q] = (1 - weight) * pairs[p, q] + weight * least.sum() / most.sum()
    return again


@settings(max_examples=80, deadline=None)
@given(
    st.integers(2, 14), st.floats(0.1, 1), st.integers(1, 8), st.integers(1, 5), st.floats(0, 1),
    st.integers(0, 2**31), st.booleans(), st.sampled_from([0.0, 0.4]),
)  # fmt: skip
def test_same_as_sets_and_loops(n, density, k, expansion, weight, seed, tied, bound):
    rng = np.random.default_rng(seed)
    scores = rng.random((n, n))
    if tied:
        scores = np.round(scores * 3) / 3  # zeros too: vetoed candidates
    table = np.triu(scores * (rng.random((n, n)) < density), 1).astype(np.float32)
    proposed = np.triu(rng.random((n, n)) < density, 1) | (table > 0)
    left, right = np.nonzero(proposed)
    again = KReciprocal(neighbors=k, expansion=expansion, weight=weight, min_score=bound)
    found = again(pairs_of(left, right, n), table[left, right])
    expected = brute_force(table + table.T, k, expansion, weight, bound)[left, right]
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert found.dtype == np.float32
    assert (found[table[left, right] == 0] == 0).all()


def test_by_hand():
    # With k = 1: N(0) = {0, 1}, N(1) = {1, 0}, N(2) = {2, 0}. 2 is not among those of 0, so
    # R(0) = R(1) = {0, 1}, R(2) = {2}. Weights: itself 1, the other e^-0.2 = 0.8187.
    # Pair (0, 1): 1.6375 / 2 = 0.8187; pair (0, 2): nothing shared.
    again = KReciprocal(neighbors=1, expansion=1, weight=0.5)
    found = again(pairs_of([0, 0], [1, 2], 3), np.float32([0.8, 0.6]))
    np.testing.assert_allclose(found, [(0.8 + np.exp(-0.2)) / 2, 0.3], atol=1e-6)


def test_a_set_two_thirds_within_is_added():
    # R(1, 2) = {1, 2, 3}, of which R(0, 4) = {0, 1, 2} holds two thirds: R*(0) takes in 3,
    # though the two were no candidates: its weight is e^-1. R*(1) = {0, 1, 2, 3}.
    scores = {(1, 2): 0.9, (1, 3): 0.85, (0, 1): 0.7, (0, 2): 0.6}
    left, right = zip(*scores, strict=True)
    again = KReciprocal(neighbors=4, expansion=1, weight=1.0)
    found = again(pairs_of(left, right, 4), np.float32(list(scores.values())))
    of_0, of_1 = np.exp([[0, -0.3, -0.4, -1], [-0.3, 0, -0.1, -0.15]])
    expected = np.minimum(of_0, of_1).sum() / np.maximum(of_0, of_1).sum()
    assert found[2] == pytest.approx(expected, abs=1e-6)


def test_weight_0_leaves_scores_as_they_are():
    scores = np.float32([0.9, 0.2, 0.0])
    found = KReciprocal(weight=0)(pairs_of([0, 0, 1], [1, 2, 2], 3), scores)
    np.testing.assert_array_equal(found, scores)


def test_rows_in_another_order_score_the_same(rng):
    left, right = np.triu_indices(12, 1)
    scores = rng.random(len(left)).astype(np.float32)
    first = KReciprocal(neighbors=4)(pairs_of(left, right, 12), scores)
    moved = rng.permutation(12)
    a, b = np.minimum(moved[left], moved[right]), np.maximum(moved[left], moved[right])
    second = KReciprocal(neighbors=4)(pairs_of(a, b, 12), scores)
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_no_pairs(n):
    assert KReciprocal()(pairs_of([], [], n), np.empty(0, np.float32)).shape == (0,)


def test_all_vetoed():
    found = KReciprocal()(pairs_of([0, 1], [1, 2], 3), np.zeros(2, np.float32))
    np.testing.assert_array_equal(found, [0, 0])


def test_a_crowd_is_bounded():
    n, k = 10_000, 50
    left = np.repeat(np.arange(n), k)
    right = left + np.tile(np.arange(1, k + 1), n)
    inside = right < n
    left, right = left[inside], right[inside]
    found = KReciprocal()(pairs_of(left, right, n), np.full(len(left), 0.8, np.float32))
    assert len(found) == len(left)
    assert np.isfinite(found).all()


def test_two_tables_are_refused():
    two = ScoredPairs(np.array([0]), np.array([1]), {}, 2, 3)
    with pytest.raises(DataError, match="within one table"):
        KReciprocal()(two, np.float32([1]))
    with pytest.raises(DataError, match="one fused score a pair"):
        KReciprocal()(pairs_of([0], [1], 2), np.float32([]))


@pytest.mark.parametrize("wrong", [{"neighbors": 0}, {"expansion": 0}, {"weight": 1.5}])
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        KReciprocal.read(wrong, "reranking")


def test_it_is_no_fusion_of_its_own():
    assert not any("reciprocal" in name for name in available_fusions())
