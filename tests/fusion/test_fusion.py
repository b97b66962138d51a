"""Fusions by hand, and what every one of them promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError
from matcher.fusion import PairModel, Trees, available_fusions, make_fusion
from matcher.types import ScoredPairs

SETTINGS = {
    "union": {"thresholds": {"title": 0.6, "image": 0.8}},
    "boundary": {"thresholds": {"title": 0.6, "image": 0.8}},
    "weighted": {"weights": {"title": 1, "image": 2}, "threshold": 0.6},
    "ranks": {"weights": {"title": 1, "image": 2}, "rank": 2},
    "pairs": {"scores": ["title", "image"], "ranks": [], "terms": []},
}
# These judge a pair by itself; the others by where it stands among all candidates.
ALONE = ("union", "boundary", "weighted")


def pairs(title, image, **more) -> ScoredPairs:
    scores = {"title": title, "image": image, **more}
    m = len(title)
    columns = {name: np.float32(values) for name, values in scores.items()}
    return ScoredPairs(np.zeros(m, np.int64), np.arange(1, m + 1), columns, m + 1, m + 1)


def trained(fusion):
    """A pair model of one tree by hand: log-odds of 3 where the title's score is above 0.6."""
    nothing = pairs([], [])
    names, _ = fusion.bind(nothing, {}).features(nothing)
    nodes = [
        [names.index("title"), 0, 0],
        [0.6, 0, 0],
        [False] * 3,
        [1, 1, 2],
        [2, 1, 2],
        [0, -3, 3],
    ]
    tree = Trees(*map(np.array, nodes), roots=np.array([0]), n_features=len(names))
    return fusion.with_model(PairModel(tree, names, slope=1.0, offset=0.0))


@pytest.fixture(params=available_fusions())
def fusion(request):
    made = make_fusion(request.param, **SETTINGS[request.param])
    return trained(made) if request.param == "pairs" else made


def judge(fusion, candidates):
    return fusion.bind(candidates, {})(candidates)


def test_one_score_a_pair_in_0_to_1(fusion):
    fused = judge(fusion, pairs([-1, 0, 1, np.nan], [1, np.nan, 1, np.nan]))
    assert fused.dtype == np.float32
    assert fused.shape == (4,)
    assert ((fused >= 0) & (fused <= 1)).all()


def test_nothing_known_is_no_match(fusion):
    assert judge(fusion, pairs([np.nan], [np.nan]))[0] == 0


def test_no_pairs(fusion):
    assert judge(fusion, pairs([], [])).shape == (0,)


def test_a_modality_that_did_not_run_counts_for_nothing(fusion):
    whole = pairs([0.9, 0.5], [np.nan, np.nan])
    part = ScoredPairs(whole.left, whole.right, {"title": whole.scores["title"]}, 3, 3)
    np.testing.assert_array_equal(judge(fusion, whole), judge(fusion, part))


def test_veto_refuses_and_missing_does_not_veto(fusion):
    vetoing = fusion.model_copy(update={"vetoes": {"size": 0.1}})
    fused = judge(vetoing, pairs([1, 1, 1], [1, 1, 1], size=[0.0, 0.1, np.nan]))
    assert fused[0] == 0
    assert (fused[1:] > 0.5).all()


def test_copies_are_one_product_unless_nothing_is_known_or_a_veto_holds(fusion):
    vetoing = fusion.model_copy(update={"vetoes": {"size": 0.1}})
    copies = pairs([1, np.nan, 1], [np.nan, np.nan, 1], size=[1, np.nan, 0])
    assert vetoing.same_product(copies).tolist() == [True, False, False]


@pytest.mark.parametrize("name", sorted(set(available_fusions()) - set(ALONE)))
def test_those_that_judge_among_others_must_be_bound(name):
    fusion = make_fusion(name, **SETTINGS[name])
    fusion = trained(fusion) if name == "pairs" else fusion
    with pytest.raises(ConfigError, match="bind"):
        fusion(pairs([1], [1]))


def test_an_untrained_pair_model_says_how_to_train_it():
    fusion = make_fusion("pairs", **SETTINGS["pairs"])
    with pytest.raises(ConfigError, match="matcher tune"):
        judge(fusion, pairs([1], [1]))


def test_ranks_by_hand():
    # Titles: pair 0-1 is first for both (place 1); pair 0-2 second for 0, first for 2:
    # (1/61 + 1/62) / 2 -> place 60.4959 - 60. Fused: rank / (rank + place), rank = 2 -> 2/3.
    fusion = make_fusion("ranks", weights={"title": 1}, rank=2)
    middle = 2 / (1 / 61 + 1 / 62) - 60
    fused = judge(fusion, pairs([0.9, 0.5], [np.nan, np.nan]))
    np.testing.assert_allclose(fused, [2 / 3, 2 / (2 + middle)], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1, 1, width=32), st.floats(-1, 1, width=32), st.floats(0, 1, width=32),
    st.sampled_from(ALONE),
)  # fmt: skip
def test_more_likeness_never_lowers_the_score(title, image, step, name):
    fusion = make_fusion(name, **SETTINGS[name])
    more = np.float32(min(1, title + step))
    fused = fusion(pairs([title, more], [image, image]))
    assert fused[1] >= fused[0]


def test_union_accepts_at_each_threshold_the_bound_included():
    fused = make_fusion("union", **SETTINGS["union"])(pairs([0.6, 0.59, 0.1], [0.1, 0.79, 0.8]))
    np.testing.assert_array_equal(fused >= 0.5, [True, False, True])


def test_boundary_by_hand():
    # (0.3/0.6)^2 + (0.4/0.8)^2 = 0.5; its root 0.7071 -> 0.7071 / 1.7071 = 0.4142
    # (0.48/0.6)^2 + (0.48/0.8)^2 = 0.64 + 0.36 = 1 -> 0.5
    fused = make_fusion("boundary", **SETTINGS["boundary"])(pairs([0.3, 0.48], [0.4, 0.48]))
    np.testing.assert_allclose(fused, [0.41421356, 0.5], atol=1e-6)


def test_boundary_tends_to_the_union():
    rng = np.random.default_rng(0)
    many = pairs(rng.random(200), rng.random(200))
    steep = make_fusion("boundary", power=64, **SETTINGS["boundary"])(many)
    union = make_fusion("union", **SETTINGS["union"])(many)
    np.testing.assert_allclose(steep, union, atol=0.01)


def test_weighted_by_hand():
    # (1 * 0.9 + 2 * 0.45) / 3 = 0.6 -> on the threshold; alone, a title counts in full
    fused = make_fusion("weighted", **SETTINGS["weighted"])(pairs([0.9, 0.6], [0.45, np.nan]))
    np.testing.assert_allclose(fused, [0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("union", {"thresholds": {}}, "thresholds"),
        ("union", {"thresholds": {"title": 0}}, "thresholds.title"),
        ("boundary", {"thresholds": {"title": 1}, "power": 0.5}, "power"),
        ("weighted", {"weights": {"title": 1}}, "'threshold' is required"),
        ("union", {"threshold": {"title": 1}}, "Did you mean 'thresholds'"),
        ("pairs", {"scores": ["title"], "ranks": ["titel"]}, "Did you mean 'title'"),
        ("ranks", {"weights": {"title": 1}, "rank": 0.5}, "rank"),
        ("onion", {}, "Did you mean 'union'"),
    ],
)
def test_wrong_settings_are_named(name, wrong, message):
    with pytest.raises(ConfigError, match=message):
        make_fusion(name, **wrong)
