"""A pair model as plain values and tensors, and back; what is none is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import DataError
from matcher.fusion import PairModel, Trees
from matcher.fusion._reliability import Reliability

NAN = float("nan")
# One tree: -2 where the first feature is at most 0.5, else 3.
TREES = Trees(
    feature=np.array([0, 0, 0]),
    threshold=np.array([0.5, 0, 0]),
    missing_left=np.array([True, False, False]),
    left=np.array([1, 1, 2]),
    right=np.array([2, 1, 2]),
    value=np.array([0.0, -2, 3]),
    roots=np.array([0]),
    n_features=2,
)


def reliability(**changes):
    given = {
        "predicted": np.array([0.25, NAN]),
        "observed": np.array([0.5, NAN]),
        "weight": np.array([8.0, 0]),
        "n_pairs": np.array([4, 0]),
        "brier": 0.3125,
        "error": 0.25,
    }
    return Reliability(**(given | changes))


def model(told=None):
    return PairModel(TREES, ("title", "image"), 1.5, -0.5, told)


def through_json(plain):
    return json.loads(json.dumps(plain, allow_nan=False))


def test_a_model_comes_back_with_its_reliability():
    again = PairModel.of(through_json(model(reliability()).plain()), TREES.tensors())
    assert again.features == ("title", "image")
    assert (again.slope, again.offset) == (1.5, -0.5)
    rows = np.float32([[0.5, 0], [0.6, 0], [NAN, 0]])
    np.testing.assert_array_equal(again.trees(rows), [-2, 3, -2])
    told = again.reliability
    np.testing.assert_array_equal(told.predicted, [0.25, NAN])
    np.testing.assert_array_equal(told.observed, [0.5, NAN])
    np.testing.assert_array_equal(told.weight, [8, 0])
    np.testing.assert_array_equal(told.n_pairs, [4, 0])
    assert (told.brier, told.error) == (0.3125, 0.25)


def test_a_model_without_reliability_comes_back_without():
    plain = through_json(model().plain())
    assert PairModel.of(plain, TREES.tensors()).reliability is None
    del plain["reliability"]  # as written before there was any
    assert PairModel.of(plain, TREES.tensors()).reliability is None


def test_nan_is_stored_as_null():
    assert reliability().plain()["predicted"] == [0.25, None]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**9)), min_size=1))
def test_any_reliability_comes_back_exactly(bins):
    predicted, observed, n_pairs = (np.array(column) for column in zip(*bins, strict=True))
    empty = n_pairs == 0
    told = Reliability(
        np.where(empty, NAN, predicted), np.where(empty, NAN, observed), n_pairs * 2.0, n_pairs,
        0.25, 0.5,
    )  # fmt: skip
    again = Reliability.of(through_json(told.plain()))
    for name in ("predicted", "observed", "weight", "n_pairs"):
        np.testing.assert_array_equal(getattr(again, name), getattr(told, name))


@pytest.mark.parametrize(
    "changes",
    [
        {"predicted": np.array([0.25])},  # one bin here, two there
        {"predicted": np.array([NAN, NAN])},  # pairs without a probability
        {"observed": np.array([1.5, NAN])},
        {"weight": np.array([-1.0, 0])},
        {"weight": np.array([np.inf, 0])},
        {"n_pairs": np.array([-4, 0])},
        {"brier": NAN},
        {"error": 2.0},
    ],
)
def test_reliability_that_makes_no_sense(changes):
    with pytest.raises(DataError, match=r"Reliability has .* Received"):
        reliability(**changes)


@pytest.mark.parametrize(
    "changes", [{"predicted": "much"}, {"brier": None}, {"n_pairs": [[1], [2, 3]]}]
)
def test_stored_reliability_that_is_none(changes):
    with pytest.raises(DataError, match="Reliability is stored as"):
        Reliability.of({**reliability().plain(), **changes})
    with pytest.raises(DataError, match="Reliability is stored as"):
        Reliability.of({})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": "title"}, "names its features in a list. Received: 'title'"),
        ({"features": [1, 2]}, "names its features in a list"),
        ({"features": ["title", "image", "size"], "slope": None}, "slope and offset"),
        ({"slope": 0.0}, "slope above 0"),
        ({"slope": NAN}, "slope above 0"),
        ({"offset": float("inf")}, "finite offset"),
        ({"offset": "x"}, "slope and offset. Received: 1.5 and 'x'"),
        ({"reliability": {"brier": 0.1}}, "Reliability is stored as"),
        ({"reliability": 3}, "Reliability is stored as"),
        ({"features": []}, "known features"),
    ],
)
def test_plain_values_that_are_no_pair_model(changes, message):
    with pytest.raises(DataError, match=message):
        PairModel.of({**model(reliability()).plain(), **changes}, TREES.tensors())


def test_names_that_do_not_fit_the_trees():
    with pytest.raises(DataError, match="1 names for 2 features"):
        PairModel(TREES, ("title",), 1.0, 0.0)
