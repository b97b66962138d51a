"""Coming close to a teacher's maps: values by hand, and maps of two sizes."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.losses._hints import Hints  # noqa: E402


def hints(*matrices):
    made = Hints([len(m) for m in matrices], [len(m[0]) for m in matrices])
    for variable, matrix in zip(made.matrices, matrices, strict=True):
        variable.assign(np.asarray(matrix, np.float32))
    return made


def loss_of(layer, maps, targets):
    return float(np.asarray(layer([np.float32(m) for m in maps], [np.float32(t) for t in targets])))


def test_mean_cosine_distance_over_places_and_stages():
    layer = hints(np.eye(2), [[1, 0, 0]])
    first = [[[[1, 0], [0, 2]], [[3, 4], [1, 1]]]]  # (1, 2, 2, 2)
    wanted = [[[[5, 0], [1, 0]], [[4, 3], [1, 1]]]]
    # cosines 1, 0, 0.96 and 1
    second, other = [[[[2]]]], [[[[0, 1, 0]]]]  # cosine 0
    distance = 1 - (1 + 0 + 0.96 + 1) / 4
    assert loss_of(layer, [first, second], [wanted, other]) == pytest.approx((distance + 1) / 2)


def test_a_teachers_map_of_another_size_is_brought_to_the_networks(rng):
    layer = hints(np.eye(3))
    small = rng.normal(size=(2, 2, 2, 3))
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    assert loss_of(layer, [small], [large]) == pytest.approx(0, abs=1e-5)


def test_places_without_a_direction_count_as_far(rng):
    layer = hints(np.eye(2))
    assert loss_of(layer, [np.zeros((1, 2, 2, 2))], [np.ones((1, 2, 2, 2))]) == 1
