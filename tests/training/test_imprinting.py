"""Class centres that start where the network has their rows."""

import numpy as np
import pytest

from matcher.errors import ConfigError
from matcher.io.images import ImageError
from matcher.training.imprinting import class_means, imprint

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

VECTORS = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 5.0], [4.0, 4.0]], np.float32)


class Vectors:
    """Hands out vectors; one that is missing cannot be read."""

    lengths = None

    def __init__(self, missing=()):
        self.missing = missing

    def read(self, row):
        if row in self.missing:
            raise ImageError("a.jpg", "it is no picture")
        return VECTORS[row]

    def stack(self, items):
        return {"vector": np.stack(items)}


class Head(keras.layers.Layer):
    def __init__(self, n_centers):
        super().__init__()
        self.centers = self.add_weight((2, n_centers), "ones")


class Learner:
    def __init__(self, n_centers, neck=False):
        vector = keras.Input((2,), name="vector")
        out = keras.layers.Identity()(vector)
        if neck:
            out = keras.layers.BatchNormalization(epsilon=1e-5, name="neck")(out)
        self.embedder = keras.Model(vector, out)
        self.head = Head(n_centers)


def centers(learner):
    return np.asarray(learner.head.centers)


def test_a_class_is_the_mean_direction_of_its_rows():
    # (3, 0) and (0, 1) count alike: their mean points between them
    means, found = class_means(VECTORS, np.array([0, 0, 2, 2]), 3)
    eighth = np.pi / 8  # between 90 and 45 degrees lie 67.5
    expected = [[0.5**0.5, 0.5**0.5], [0, 0], [np.sin(eighth), np.cos(eighth)]]
    np.testing.assert_allclose(means, expected, atol=1e-6)
    assert found.tolist() == [True, False, True]


def test_centers_are_set_and_those_beside_them_are_left():
    learner = Learner(n_centers=4)
    imprint(learner, Vectors(), np.array([0, 1, 1, 0]), batch=3)
    eighth = np.pi / 8
    np.testing.assert_allclose(centers(learner)[:, 0], [np.cos(eighth), np.sin(eighth)], atol=1e-5)
    np.testing.assert_allclose(centers(learner)[:, 2], [0, 1], atol=1e-5)
    np.testing.assert_array_equal(centers(learner)[:, [1, 3]], 1)


def test_a_class_without_a_picture_that_can_be_read_keeps_its_center():
    learner = Learner(n_centers=2)
    imprint(learner, Vectors(missing={0, 3}), np.array([0, 1, 1, 0]), batch=2)
    np.testing.assert_array_equal(centers(learner)[:, 0], 1)
    np.testing.assert_allclose(centers(learner)[:, 1], [0, 1], atol=1e-5)


def test_a_neck_that_has_seen_nothing_normalises_the_rows():
    learner = Learner(n_centers=2, neck=True)
    imprint(learner, Vectors(), np.array([0, 0, 1, 1]), batch=4)
    out = np.asarray(learner.embedder(VECTORS, training=False))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=0), 1, atol=1e-4)
    means, _ = class_means(out, np.array([0, 0, 1, 1]), 2)
    np.testing.assert_allclose(centers(learner).T, means, atol=1e-5)


def test_a_neck_that_was_trained_stays_as_it_is():
    learner = Learner(n_centers=2, neck=True)
    neck = learner.embedder.get_layer("neck")
    neck.moving_mean.assign([1.0, 2.0])
    imprint(learner, Vectors(), np.array([0, 0, 1, 1]), batch=4)
    np.testing.assert_array_equal(np.asarray(neck.moving_mean), [1, 2])
    out = np.asarray(learner.embedder(VECTORS, training=False))
    means, _ = class_means(out, np.array([0, 0, 1, 1]), 2)
    np.testing.assert_allclose(centers(learner).T, means, atol=1e-5)


def test_a_loss_without_centers_is_refused():
    learner = Learner(n_centers=2)
    learner.head.centers = None
    with pytest.raises(ConfigError, match="Leave it out"):
        imprint(learner, Vectors(), np.array([0, 0, 1, 1]), batch=4)
