"""Coming close to a teacher's maps: values by hand, and maps of two sizes."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.losses._hints import Hints  # noqa: E402


def test_share_of_the_variance_that_is_not_explained():
    layer = Hints([2, 1], [2, 1])
    wanted = np.float32([[[[1, 5], [3, 5]]]])  # (1, 1, 2, 2): variances 1 and 0
    found = wanted + np.float32([1, 0])  # mean square 0.5, mean variance 0.5
    other = np.float32([[[[2], [6]]]])  # variance 4
    half = np.float32([[[[2], [4]]]])  # squares 0 and 4
    loss = float(np.asarray(layer([found, half], [wanted, other])))
    assert loss == pytest.approx((1 + 0.5) / 2, rel=1e-4)


def test_a_teachers_map_is_turned_into_a_wider_space_and_keeps_its_angles(rng):
    layer = Hints([5], [3])
    maps = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
    (lifted,) = (np.asarray(x) for x in layer.lift([maps], [4]))
    assert lifted.shape == (2, 4, 4, 5)
    flat, other = maps.reshape(-1, 3), lifted.reshape(-1, 5)
    np.testing.assert_allclose(other @ other.T, flat @ flat.T, atol=1e-4)
    assert float(np.asarray(layer([lifted], [lifted]))) == 0
    assert not layer.trainable_variables


def test_a_teachers_map_of_another_size_is_brought_to_the_networks(rng):
    layer = Hints([3], [3])
    small = rng.normal(size=(2, 2, 2, 3)).astype(np.float32)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    (found,), (wanted,) = layer.lift([large], [2]), layer.lift([small], [2])
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_map_without_variance_gives_a_number():
    layer = Hints([2], [2])
    ones = np.ones((1, 2, 2, 2), np.float32)
    assert np.isfinite(float(np.asarray(layer([ones * 2], [ones]))))
