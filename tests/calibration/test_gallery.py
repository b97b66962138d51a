"""Impostors in a catalogue of another size."""

import numpy as np
import pytest

from matcher.calibration import Gallery, GalleryJudge, PairJudge, impostor_bounds
from matcher.errors import ConfigError
from matcher.types import ScoredPairs


def logistic(values):
    return (1 / (1 + np.exp(-values))).astype(np.float32)


def test_an_exponential_tail_moves_by_its_rate():
    rng = np.random.default_rng(0)
    fused = logistic(rng.exponential(0.5, 20000) - 3)
    moved = Gallery(np.arange(20000), 12.0)(fused)
    for score in (-1.5, -1.0, -0.5):
        before, after = (fused >= logistic(score)).sum(), (moved >= logistic(score)).sum()
        assert after == pytest.approx(12 * before, rel=0.3)


def test_back_and_forth_a_smaller_gallery_has_fewer():
    rng = np.random.default_rng(0)
    fused = logistic(rng.exponential(0.5, 20000) - 3)
    fewer = Gallery(np.arange(20000), 0.25)(fused)
    assert (fewer <= fused + 1e-6).all()
    bound = logistic(-2.5)
    assert (fewer >= bound).sum() == pytest.approx((fused >= bound).sum() / 4, rel=0.2)


def test_partners_and_tied_impostors_stay_and_order_is_kept():
    rng = np.random.default_rng(1)
    left, right = np.triu_indices(40, 1)
    pairs = ScoredPairs(left, right, {}, 40, 40)
    groups, tied = np.arange(40) // 2, np.arange(40) // 4
    gallery = Gallery.of(pairs, groups >= 0, tied, 5.0)
    fused = rng.random(len(pairs)).astype(np.float32)
    moved = gallery(fused)
    chance = tied[left] != tied[right]
    np.testing.assert_array_equal(moved[~chance], fused[~chance])
    assert (moved[chance] >= fused[chance] - 1e-6).all()
    order = np.argsort(fused[chance])
    assert (np.diff(moved[chance][order]) >= -1e-6).all()


def test_two_large_groups_that_look_alike_met_once():
    """2,500 high pairs of one encounter change the tail as little as one pair does."""
    rng = np.random.default_rng(2)
    fused = logistic(rng.exponential(0.3, 1000) - 3)
    crowd = np.full(2500, logistic(1.0))
    one = Gallery(np.arange(1001), 10.0)(np.append(fused, logistic(1.0)))
    many = Gallery(np.r_[np.arange(1000), np.full(2500, 1000)], 10.0)(np.r_[fused, crowd])
    np.testing.assert_allclose(many[:1000], one[:1000], atol=1e-6)


@pytest.mark.parametrize("fused", [[], [0.0, 0.0], [0.7], [0.5] * 10000])
def test_few_none_or_equal_scores(fused):
    fused = np.float32(fused)
    moved = Gallery(np.arange(len(fused)), 3.0)(fused)
    assert moved.shape == fused.shape
    np.testing.assert_allclose(moved, fused, atol=1e-6)


@pytest.mark.parametrize("ratio", [0, -1, float("nan"), float("inf")])
def test_a_gallery_has_a_positive_size(ratio):
    with pytest.raises(ConfigError, match="positive size"):
        Gallery(np.arange(3), ratio)


def test_judging_in_a_larger_gallery_is_harsher():
    left, right = np.triu_indices(20, 1)
    groups = np.arange(20) // 2
    rng = np.random.default_rng(0)
    same = groups[left] == groups[right]
    pairs = ScoredPairs(left, right, {}, 20, 20)
    fused = np.where(same, 0.8, rng.uniform(0.1, 0.52, len(left))).astype(np.float32)
    judge = PairJudge(pairs, groups, np.ones(20, bool))
    larger = GalleryJudge(judge, Gallery.of(pairs, groups >= 0, groups, 20.0))
    assert larger.pairs is pairs
    assert larger(fused) < judge(fused)


def test_the_bound_of_far_neighbours():
    n = 60
    left, right = np.triu_indices(n, 1)
    scores = np.full(len(left), 0.3, np.float32)
    scores[left // 2 == right // 2] = 0.9  # one partner each, never among the far ones
    few = np.full(len(left), np.nan, np.float32)
    pairs = ScoredPairs(left, right, {"title": scores, "image": few}, n, n)
    assert impostor_bounds(pairs) == {"title": pytest.approx(0.3)}
    empty = np.empty(0, np.int64)
    assert impostor_bounds(ScoredPairs(empty, empty, {"t": np.empty(0, np.float32)}, n, n)) == {}
