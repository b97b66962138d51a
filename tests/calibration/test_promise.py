"""What can be promised of matches on products not seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration import (
    MatchCounts,
    Promise,
    choose_cut,
    closest_cut,
    count_labelled_pairs,
    count_matches,
    count_pair_matches,
    cross_choose,
    cuts_keeping,
    pair_blocks,
)
from matcher.errors import ConfigError, DataError
from matcher.metrics import pair_counts
from matcher.types import ScoredPairs


def blocks(right, wrong):
    return MatchCounts(np.atleast_2d(np.float64(right)), np.atleast_2d(np.float64(wrong)))


def scored(left, right, n):
    left, right = np.array(left, np.int64), np.array(right, np.int64)
    return ScoredPairs(left, right, {"title": np.ones(len(left), np.float32)}, n, n)


def test_matches_by_hand():
    groups = np.array([0, 0, 1, 2, 2, 3])
    # {0, 1, 2}: 0-1 right, 0-2 and 1-2 wrong; {3, 4}: right; {5} alone
    found = count_matches([np.array([0, 0, 0, 1, 1, 2])], groups, groups, np.ones(6, bool))
    by_block = sorted(zip(found.right[0].tolist(), found.wrong[0].tolist(), strict=True))
    assert by_block == [(0, 0), (1, 0), (1, 2)]
    assert found.interval().estimate == 0.5


def test_half_the_listings_stand_for_the_impostors_of_all():
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    rows = groups < 2
    # 0 and 2 are wrongly together, as are 1 and 4; 4 is not among the rows
    found = count_matches([np.array([0, 1, 0, 2, 1, 3, 4, 4])], groups, groups, rows)
    assert found.wrong.sum() == 2  # 0-2, for itself and for one that was left out
    assert found.right.sum() == 0
    # tied listings are all here or none is: such an error stands for itself
    tied = np.array([0, 0, 0, 0, 2, 2, 3, 3])
    found = count_matches([np.array([0, 1, 0, 2, 1, 3, 4, 4])], groups, tied, rows)
    assert found.wrong.sum() == 1


@given(st.integers(0, 2**31 - 1))
def test_all_rows_give_the_pairwise_counts(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    labels, groups = rng.integers(0, 6, n), rng.integers(0, 6, n)
    found = count_matches([labels, np.arange(n)], groups, groups, np.ones(n, bool))
    counts = pair_counts(labels, groups)
    assert found.right[0].sum() == counts.correct
    assert (found.right + found.wrong)[0].sum() == counts.predicted
    assert (found.right + found.wrong)[1].sum() == 0


@given(st.integers(0, 2**31 - 1))
def test_accepted_pairs_are_counted_as_brute_force_does(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 20))
    left, right = np.triu_indices(n, 1)
    kept = rng.random(len(left)) < 0.3
    kept[0] = True
    pairs = scored(left[kept], right[kept], n)
    groups, fused = rng.integers(-1, 4, n), rng.random(len(pairs)).astype(np.float32)
    groups[0] = 0
    tied = np.where(groups < 0, np.arange(n) + 10, groups)
    rows = np.isin(tied, rng.permutation(tied)[: n // 2 + 1]) | (groups == 0)
    found = count_pair_matches(fused, pairs, [0.2, 0.7], groups, tied, rows)
    use = rows & (groups >= 0)
    weight = (groups >= 0).sum() / use.sum()
    for i, cut in enumerate((0.2, 0.7)):
        both = use[pairs.left] & use[pairs.right] & (fused >= np.float32(cut))
        same = groups[pairs.left] == groups[pairs.right]
        assert found.right[i].sum() == (both & same).sum()
        assert found.wrong[i].sum() == pytest.approx((both & ~same).sum() * weight)


def test_blocks_hold_what_any_cut_ties():
    groups = np.array([0, 1, 2, 3])
    loose, strict = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])
    found = count_matches([loose, strict], groups, groups, np.ones(4, bool))
    assert found.wrong.shape == (2, 2)
    assert sorted(found.wrong[1].tolist()) == [0, 1]


def test_no_labels_among_the_rows():
    with pytest.raises(DataError, match="needs labelled listings"):
        count_matches([np.zeros(3, int)], np.full(3, -1), np.arange(3), np.ones(3, bool))


def test_one_block_of_all_and_singletons_only():
    one = count_matches([np.zeros(5, int)], np.zeros(5, int), np.zeros(5, int), np.ones(5, bool))
    assert one.right.tolist() == [[10]]
    alone = count_matches([np.arange(5)], np.arange(5), np.arange(5), np.ones(5, bool))
    assert alone.interval().low == 0  # nothing matched, nothing known
    assert alone.sure(0, 0.5) == 0


def test_without_an_error_about_one_minus_three_in_n():
    found = blocks(np.ones(300), np.zeros(300)).interval()
    assert found.estimate == 1
    assert 1 - 5 / 300 < found.low < 1 - 1.5 / 300


def test_one_large_bad_cluster_widens_the_interval():
    right = np.ones(400)
    spread = blocks(right, np.r_[np.ones(20), np.zeros(380)]).interval()
    lumped = blocks(right, np.r_[20.0, np.zeros(399)]).interval()
    assert spread.estimate == lumped.estimate
    assert lumped.high - lumped.low > 1.5 * (spread.high - spread.low)


def test_the_interval_holds_on_as_much_again():
    """Blocks with heavy tails, half of them seen: 95 % intervals hold in nearly all of 100."""
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(100):
        size = np.minimum(1 + rng.pareto(1.5, 2000), 50).astype(int)
        wrong = rng.binomial(size, 0.05)
        found = blocks((size - wrong)[:1000], wrong[:1000]).interval(seed=seed)
        inside += found.low <= 1 - wrong[1000:].sum() / size[1000:].sum() <= found.high
    assert inside >= 90


def test_the_loosest_cut_that_can_be_promised():
    right = np.ones((3, 2000))
    wrong = np.zeros((3, 2000))
    wrong[0, :400] = 1
    wrong[1, :20] = 1
    counts = MatchCounts(right, wrong)
    assert choose_cut(counts, Promise(0.7)) == 0
    assert choose_cut(counts, Promise(0.97)) == 1
    assert choose_cut(counts, Promise(0.995)) == 2
    assert choose_cut(counts, Promise(0.99, confidence=0.5)) == 1


def test_too_little_to_promise_anything():
    counts = blocks(np.ones(30), np.zeros(30))
    with pytest.raises(DataError, match=r"0\.98 cannot be promised .* 30 independent .* about 150"):
        choose_cut(counts, Promise(0.98))
    assert closest_cut(counts, Promise(0.98)) == (0, False)
    with pytest.raises(DataError, match="at least 20 independent sets"):
        cross_choose(blocks(np.ones(5), np.zeros(5)), Promise(0.5))


def test_cross_choice_measures_every_block_with_a_cut_it_did_not_choose():
    right = np.ones((2, 400))
    wrong = np.stack([np.ones(400), np.zeros(400)])
    measured = cross_choose(MatchCounts(right, wrong), Promise(0.9))
    assert measured.right.tolist() == [[1.0] * 400]
    assert measured.wrong.tolist() == [[0.0] * 400]


@pytest.mark.parametrize("wrong", [(0.0, 0.95), (1.0, 0.95), (0.9, 0.4), (0.9, 1.0)])
def test_a_promise_is_a_share(wrong):
    with pytest.raises(ConfigError, match=r"in \(0, 1\)"):
        Promise(*wrong)


def test_cuts_keep_numbers_of_pairs():
    fused = np.float32([0.9, 0.5, 0.7, 0.7])
    assert cuts_keeping(fused, np.array([4, 2, 1])) == pytest.approx((0.5, 0.7, 0.9))
    assert cuts_keeping(np.empty(0, np.float32), np.array([4])) == (1.0,)


def test_pairs_that_share_a_listing_are_one_block():
    pairs = scored([0, 1, 3], [1, 2, 4], 5)
    assert pair_blocks(pairs).tolist() == [0, 0, 1]
    truth = np.array([True, False, True])
    found = count_labelled_pairs(np.float32([0.9, 0.6, 0.4]), truth, pairs, [0.5, 0.3])
    assert found.right.tolist() == [[1, 0], [1, 1]]
    assert found.wrong.tolist() == [[1, 0], [1, 0]]
