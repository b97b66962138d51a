"""Poolings by hand, and SCDA's main object against SciPy's flood fill."""

import numpy as np
import pytest
from scipy import ndimage

from matcher.errors import ConfigError

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.pooling import GeM, Scda, _main_object, build_pooling  # noqa: E402


def one_map(values):
    """One picture, one channel."""
    return np.float32(values)[None, :, :, None]


def main_object(sums):
    height, width = np.shape(sums)
    found = _main_object(np.float32(sums).reshape(1, -1), height, width)
    return np.asarray(found).reshape(height, width).astype(int).tolist()


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (1.0, 2.5),  # the mean
        (2.0, 2.738613),  # sqrt((1 + 4 + 9 + 16) / 4)
        (3.0, 2.924018),  # cube root of (1 + 8 + 27 + 64) / 4 = 25
        (80.0, 3.931275),  # nearly the maximum: 4 / 4 ** (1 / 80)
    ],
)
def test_gem_by_hand(power, expected):
    found = GeM(power)(one_map([[1, 2], [3, 4]]))
    np.testing.assert_allclose(np.asarray(found), [[expected]], rtol=1e-5)


def test_gem_takes_what_is_not_positive_for_almost_nothing():
    layer = GeM()
    found = np.asarray(layer(one_map([[-5, 0], [0, 2]])))
    np.testing.assert_allclose(found, [[1.259921]], rtol=1e-5)  # cube root of 8 / 4
    nothing = np.asarray(layer(np.zeros((1, 2, 2, 3), np.float32)))
    np.testing.assert_allclose(nothing, np.full((1, 3), 1e-6), rtol=1e-3)
    with pytest.raises(ConfigError, match=r"above 0\. Received: 0"):
        GeM(0)


def test_the_main_object_is_the_largest_connected_one():
    # the mean is 3 * 5 / 12: two bright places touch by a corner, one is alone
    assert main_object([[5, 0, 0, 0], [0, 5, 0, 0], [0, 0, 0, 5]]) == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]
    # of two alike the first is taken
    assert main_object([[0, 0, 7], [0, 0, 0], [7, 0, 0]]) == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    # the same everywhere: all of it
    assert main_object([[2, 2], [2, 2]]) == [[1, 1], [1, 1]]
    assert main_object([[3]]) == [[1]]


def test_an_object_as_long_as_a_path_can_be():
    path = np.zeros((9, 9))
    path[::2] = 1
    path[1::4, 8] = path[3::4, 0] = 1  # there and back again, row by row
    assert main_object(path) == path.astype(int).tolist()


def test_the_main_object_is_that_of_a_flood_fill(rng):
    for _ in range(60):
        sums = rng.random(rng.integers(1, 9, 2)).astype(np.float32)
        bright = sums > sums.mean()
        labels, n = ndimage.label(bright, np.ones((3, 3)))
        if n == 0:
            continue
        sizes = np.bincount(labels.ravel())[1:]
        expected = labels == 1 + sizes.argmax()  # SciPy numbers from the top left, too
        assert main_object(sums) == expected.astype(int).tolist()


def test_scda_by_hand():
    # channels (1, 0), (3, 4) and, far away, (0, 9); sums 1, 7, 0, 0, 9: those above 3.4 do
    # not touch; the first of two alike is (3, 4)
    maps = np.float32([[1, 0], [3, 4], [0, 0], [0, 0], [0, 9]])[None, :, None]
    found = np.asarray(Scda()(maps))
    np.testing.assert_allclose(found, [[0.6, 0.8, 0.6, 0.8]], rtol=1e-6)
    # mean (1, 2) and maximum (2, 3) of two that touch
    maps = np.float32([[0, 0], [2, 1], [0, 3], [0, 0]])[None, :, None]
    expected = [1 / 5**0.5, 2 / 5**0.5, 2 / 13**0.5, 3 / 13**0.5]
    np.testing.assert_allclose(np.asarray(Scda()(maps)), [expected], rtol=1e-6)


def test_blank_pictures_give_numbers():
    for name in ("average", "gem", "scda"):
        found = np.asarray(build_pooling(name)(np.zeros((2, 3, 3, 4), np.float32)))
        assert found.shape == ((2, 8) if name == "scda" else (2, 4))
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", ["average", "gem", "scda"])
def test_pooling_is_exact_in_low_precision(name, rng):
    maps = (rng.random((2, 7, 7, 5)) * 30).astype(np.float16).astype(np.float32)
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        low = build_pooling(name)(keras.ops.cast(maps, "float16"))
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(low.dtype) == "float32"
    np.testing.assert_allclose(np.asarray(low), np.asarray(build_pooling(name)(maps)), rtol=1e-5)
