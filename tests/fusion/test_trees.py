"""Trees by hand, and trees that are none."""

import numpy as np
import pytest

from matcher.errors import DataError
from matcher.fusion import Trees

# Node 0: x0 <= 0.5 (missing: right) -> 1 | 2;  node 2: x1 <= 2 (missing: left) -> 3 | 4.
# A second tree of one leaf, node 5, adds 10.
COLUMNS = {
    "feature": [0, 0, 1, 0, 0, 0],
    "threshold": [0.5, 0, 2, 0, 0, 0],
    "missing_left": [False, False, True, False, False, False],
    "left": [1, 1, 3, 3, 4, 5],
    "right": [2, 1, 4, 3, 4, 5],
    "value": [0, 1, 0, 2, 4, 10],
    "roots": [0, 5],
}


def test_sum_of_leaves_by_hand():
    trees = Trees.of(COLUMNS, n_features=2)
    rows = np.float32([[0.5, 9], [0.6, 2], [0.6, 3], [np.nan, np.nan], [np.inf, -np.inf]])
    assert trees(rows).tolist() == [11, 12, 14, 12, 12]


def test_stored_and_built_again():
    trees = Trees.of(COLUMNS, n_features=2)
    again = Trees.of(trees.tensors(), n_features=2)
    rows = np.random.default_rng(0).normal(size=(40_000, 2)).astype(np.float32)
    np.testing.assert_array_equal(trees(rows), again(rows))


def test_no_rows():
    assert Trees.of(COLUMNS, n_features=2)(np.empty((0, 2), np.float32)).shape == (0,)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("left", [0, 1, 3, 3, 4, 5]),  # a root that leads to itself on one side
        ("right", [2, 1, 0, 3, 4, 5]),  # a way back: it would never end
        ("right", [2, 1, 99, 3, 4, 5]),  # beyond the nodes
        ("feature", [7, 0, 1, 0, 0, 0]),  # beyond the features
        ("feature", [-1, 0, 1, 0, 0, 0]),
        ("roots", [0, 6]),
        ("value", [0, 1]),
    ],
)
def test_what_is_no_tree_is_refused(column, values):
    with pytest.raises(DataError):
        Trees.of({**COLUMNS, column: values}, n_features=2)


def test_a_missing_array_is_named():
    with pytest.raises(DataError, match="threshold"):
        Trees.of({k: v for k, v in COLUMNS.items() if k != "threshold"}, 2)


def test_another_number_of_features_is_refused():
    with pytest.raises(DataError, match="2 features"):
        Trees.of(COLUMNS, 2)(np.zeros((1, 3), np.float32))
