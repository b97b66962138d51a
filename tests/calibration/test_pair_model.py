"""The pair model: what it learns, and that it says nothing of a pair it was told about."""

import numpy as np
import pytest

from matcher.calibration import Examples, LabelledPairJudge, PairJudge, reliability
from matcher.calibration._learners import grow
from matcher.calibration._pair_model import OUTSIDE, train_pairs
from matcher.errors import DataError
from matcher.fusion import make_fusion
from matcher.types import ScoredPairs

N = 400


def made_up(seed=0, right=None):
    """Pairs in a table of 400: the title's score tells matches; the image's tells nothing."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, N, (3000, 2))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    truth = rng.random(len(ends)) < 0.4 if right is None else right(ends)
    title = np.clip(rng.normal(np.where(truth, 0.7, 0.4), 0.1), -1, 1)
    image = np.where(rng.random(len(ends)) < 0.3, np.nan, rng.random(len(ends)))
    scores = {"title": title.astype(np.float32), "image": image.astype(np.float32)}
    return ScoredPairs(ends[:, 0], ends[:, 1], scores, N, N), truth


def examples(pairs, truth, n_products=40):
    product = np.arange(N) % n_products
    weight = np.ones(len(pairs), np.int64)
    return Examples(truth, weight, product[pairs.left], product[pairs.right])


def untrained(pairs, **settings):
    made = {"scores": ["title", "image"], "trees": 30, **settings}
    return make_fusion("pairs", **made).bind(pairs, {})


def auc(scores, truth):
    ranks = np.argsort(np.argsort(scores))
    n_right = truth.sum()
    return (ranks[truth].sum() - n_right * (n_right - 1) / 2) / (n_right * (~truth).sum())


def test_it_learns_what_tells_matches_and_holds_elsewhere():
    pairs, truth = made_up()
    trained = train_pairs(untrained(pairs), pairs, examples(pairs, truth))
    assert auc(trained.fused, truth) > 0.95
    others, other_truth = made_up(seed=1)
    fused = trained.fusion.bind(others, {})(others)
    assert auc(fused, other_truth) > 0.95
    assert np.mean((fused >= 0.5) == other_truth) > 0.9


def test_labels_that_mean_nothing_are_not_learnt_by_heart():
    pairs, _ = made_up()
    noise = np.random.default_rng(5).random(len(pairs)) < 0.5
    trained = train_pairs(untrained(pairs), pairs, examples(pairs, noise))
    assert 0.4 < auc(trained.fused, noise) < 0.6  # by models that had not seen the pair
    assert auc(trained.fusion(pairs), noise) > 0.7  # by the one that had


def test_probabilities_mean_what_they_say():
    pairs, truth = made_up()
    told = train_pairs(untrained(pairs), pairs, examples(pairs, truth)).reliability
    assert told.error < 0.05
    assert told.brier < 0.1


def test_the_same_seed_gives_the_same_model_whatever_the_order_of_the_pairs_ends():
    pairs, truth = made_up()
    swapped = ScoredPairs(pairs.right, pairs.left, pairs.scores, N, N)
    first = train_pairs(untrained(pairs), pairs, examples(pairs, truth))
    second = train_pairs(untrained(swapped), swapped, examples(swapped, truth))
    np.testing.assert_array_equal(first.fused, second.fused)


def test_pairs_whose_label_is_unknown_are_predicted_and_not_learnt_from():
    pairs, truth = made_up()
    given = examples(pairs, truth)
    hidden = np.arange(len(pairs)) % 3 == 0
    weight = np.where(hidden, 0, given.weight)
    lied = np.where(hidden, ~truth, truth)
    outside = [np.where(hidden, OUTSIDE, fold) for fold in (given.left, given.right)]
    honest = train_pairs(untrained(pairs), pairs, Examples(truth, weight, *outside))
    other = train_pairs(untrained(pairs), pairs, Examples(lied, weight, *outside))
    np.testing.assert_array_equal(honest.fused, other.fused)
    assert auc(honest.fused[hidden], truth[hidden]) > 0.95


def test_vetoed_pairs_score_0():
    pairs, truth = made_up()
    trained = train_pairs(untrained(pairs, vetoes={"image": 0.5}), pairs, examples(pairs, truth))
    low = pairs.scores["image"] < 0.5
    assert (trained.fused[low] == 0).all()
    assert (trained.fusion(pairs)[low] == 0).all()


def test_a_modality_that_is_gone_is_missing_and_a_new_table_is_no_error():
    pairs, truth = made_up()
    trained = train_pairs(untrained(pairs), pairs, examples(pairs, truth)).fusion
    part = ScoredPairs(pairs.left, pairs.right, {"title": pairs.scores["title"]}, N, N)
    assert auc(trained.bind(part, {})(part), truth) > 0.9


@pytest.mark.parametrize(("n_right", "n_wrong"), [(0, 3000), (19, 100), (100, 19)])
def test_too_few_labels_say_how_many_are_needed(n_right, n_wrong):
    pairs, _ = made_up()
    truth = np.arange(len(pairs)) < n_right
    given = examples(pairs, truth)
    weight = (np.arange(len(pairs)) < n_right + n_wrong).astype(np.int64)
    with pytest.raises(DataError, match="at least 20 candidate pairs"):
        train_pairs(untrained(pairs), pairs, Examples(truth, weight, *folds_of(given)))


def folds_of(given):
    return given.left, given.right


@pytest.mark.parametrize("learner", ["hist_gradient_boosting", "lightgbm"])
@pytest.mark.parametrize("n", [60, 3000])
def test_each_learner_is_read_exactly_missing_values_included(learner, n):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, 5)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[:, 4] = np.nan
    rows[:, 3] = np.where(np.arange(n) % 2, np.inf, 1)
    truth = np.nan_to_num(rows[:, 0]) + 0.3 * rng.normal(size=n) > 0
    fusion = make_fusion("pairs", scores=["title"], learner=learner, trees=20)
    trees = grow(fusion, rows, truth, np.ones(n, np.int64), 0)  # compares, and raises
    assert auc(trees(rows), truth) > 0.9


def test_examples_of_labelled_listings_by_hand():
    # Listings 0 and 1 are one product, 2 another, 3 unlabelled; the labels of 2 may not be used.
    pairs = ScoredPairs(np.array([0, 0, 1, 0]), np.array([1, 2, 2, 3]), {}, 4, 4)
    groups = np.array([7, 7, 8, -1])
    told = PairJudge(pairs, groups, np.array([True, True, False, False])).examples()
    assert told.truth.tolist() == [True, False, False, False]
    assert told.weight.tolist() == [2, 1, 1, 0]  # once for each end that may be used
    assert told.left.tolist() == [7, 7, 7, 7]
    assert told.right.tolist() == [7, -1, -1, -1]


def test_examples_of_labelled_pairs_take_what_matches_connect_as_one_product():
    pairs = ScoredPairs(np.array([0, 1, 2]), np.array([1, 2, 3]), {}, 4, 4)
    truth = np.array([True, True, False])
    within = LabelledPairJudge(pairs, truth, within=True).examples()
    assert within.left.tolist() == [0, 0, 0]
    assert within.right.tolist() == [0, 0, 1]
    between = LabelledPairJudge(pairs, truth).examples()  # 1 and 2 are others on either side
    assert len({between.left[1], between.left[0], between.right[1]}) == 2


def test_too_few_products_for_folds():
    pairs, truth = made_up()
    one = np.zeros(len(pairs), np.int64)
    with pytest.raises(DataError, match="products"):
        train_pairs(
            untrained(pairs), pairs, Examples(truth, np.ones(len(pairs), np.int64), one, one)
        )


def test_reliability_by_hand():
    # 0.05 twice, one right: observed 0.5; 0.95 once with weight 2, right: observed 1.
    told = reliability(
        np.float32([0.05, 0.05, 0.95]), np.array([True, False, True]), np.array([1, 1, 2])
    )
    assert told.observed[0] == 0.5
    assert told.observed[9] == 1
    assert np.isnan(told.observed[1:9]).all()
    np.testing.assert_allclose(told.error, (2 * 0.45 + 2 * 0.05) / 4, atol=1e-6)
    np.testing.assert_allclose(told.brier, (0.9025 + 0.0025 + 2 * 0.0025) / 4, atol=1e-6)
