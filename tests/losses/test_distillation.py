"""Coming close to a teacher: values by hand, rows that do not count, and errors."""

import math

import numpy as np
import pytest

from matcher.errors import DataError

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.losses._distillation import TEMPERATURE, Distillation  # noqa: E402


def layer(width, teacher_width, relations=0.0, projection=None):
    made = Distillation(width, teacher_width, relations)
    if projection is not None:
        made.projection.assign(np.asarray(projection, np.float32))
    return made


def loss_of(distillation, embeddings, targets):
    found = distillation(np.asarray(embeddings, np.float32), np.asarray(targets, np.float32))
    return float(np.asarray(found))


def relations_by_hand(vectors, targets):
    """Kullback-Leibler divergence of each row's neighbours, row by row."""

    def shares(rows, i):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        weights = {j: math.exp(rows[i] @ rows[j] / TEMPERATURE) for j in range(len(rows)) if j != i}
        return {j: w / sum(weights.values()) for j, w in weights.items()}

    total = 0.0
    for i in range(len(vectors)):
        p, q = shares(targets, i), shares(vectors, i)
        total += sum(p[j] * math.log(p[j] / q[j]) for j in p)
    return total / len(vectors)


def test_cosine_distance_by_hand():
    straight = layer(2, 2)
    # cosines 1, 0 and -0.6: distances 0, 1 and 1.6
    found = loss_of(straight, [[2, 0], [0, 3], [3, 4]], [[5, 0], [1, 0], [-1, 0]])
    assert found == pytest.approx((0 + 1 + 1.6) / 3, abs=1e-6)


def test_the_matrix_turns_embeddings_into_the_teachers_width():
    wide = layer(2, 3, projection=[[0, 0, 1], [1, 0, 0]])
    assert loss_of(wide, [[1, 0], [0, 1]], [[0, 0, 2], [2, 0, 0]]) == pytest.approx(0, abs=1e-6)
    assert loss_of(wide, [[1, 0]], [[0, 1, 0]]) == pytest.approx(1, abs=1e-6)


def test_relations_against_the_formula(rng):
    vectors, targets = rng.normal(size=(7, 4)), rng.normal(size=(7, 4))
    plain = loss_of(layer(4, 4, 0.0), vectors, targets)
    both = loss_of(layer(4, 4, 0.5), vectors, targets)
    assert (both - plain) / 0.5 == pytest.approx(relations_by_hand(vectors, targets), rel=1e-4)


def test_equal_neighbourhoods_cost_nothing(rng):
    vectors = rng.normal(size=(5, 3))
    turned = vectors[:, [2, 0, 1]]  # all cosines stay
    plain = loss_of(layer(3, 3, 0.0), vectors, turned)
    assert loss_of(layer(3, 3, 9.0), vectors, turned) == pytest.approx(plain, abs=1e-5)


def test_rows_that_the_teacher_cannot_read_do_not_count(rng):
    vectors, targets = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    both = layer(3, 3, 1.0)
    targets[4:] = 0
    assert loss_of(both, vectors, targets) == pytest.approx(
        loss_of(both, vectors[:4], targets[:4]), rel=1e-5
    )
    assert loss_of(both, vectors, np.zeros((6, 3))) == 0
    assert loss_of(both, vectors[:1], targets[:1]) < 2.0001  # no other row to compare with


def test_gradients_are_numbers_at_the_edges():
    backend = keras.backend.backend()
    if backend != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow here")
    import tensorflow as tf

    both = layer(2, 2, 1.0)
    vectors = tf.Variable([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    targets = np.float32([[1, 0], [1, 0], [-1, 0], [0, 0]])
    with tf.GradientTape() as tape:
        loss = both(vectors, targets)
    gradient = tape.gradient(loss, vectors).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[0] == 0).all()  # a vector without direction


def test_the_same_seed_gives_the_same_matrix():
    one, same, other = (np.asarray(Distillation(4, 6, 0.0, s).projection) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_wrong_shapes_are_named():
    with pytest.raises(DataError, match=r"\(rows, 3\).*\(rows, 5\).*\(2, 4\)"):
        layer(3, 5)(np.zeros((2, 4), np.float32), np.zeros((2, 5), np.float32))
    with pytest.raises(DataError, match=r"teacher"):
        layer(3, 5)(np.zeros((2, 3), np.float32), np.zeros((2, 4), np.float32))
