"""What every loss promises. A new file in matcher/losses is tested here unasked."""

import re
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from matcher.errors import ConfigError, DataError
from matcher.losses import available_losses, make_loss

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.keras
WIDTH = 4
SIZES = (5, 1, 2, 9)
PARENTS = ((0, 0, 1, 1),)  # of the four classes, for losses of levels
NAMES = available_losses()
WITH_CLASSES = [name for name in NAMES if make_loss(name).has_centers]


def make(name, seed=0):
    spec = make_loss(name, **getattr(import_module(f"matcher.losses.{name}"), "TINY", {}))
    parents = PARENTS if spec.labels == "levels" else ()
    return spec.build(WIDTH, SIZES if spec.has_centers else (), seed=seed, parents=parents)


def labels_for(head, classes):
    """The labels of rows of these classes, in the shape that the loss takes."""
    classes = np.int32(classes)
    if head.settings.labels == "levels":
        return np.stack([np.int32(PARENTS[0])[classes], classes], axis=1)
    return classes


def batch(head, seed=0, rows=8):
    noise = np.random.default_rng(seed)
    embeddings = noise.normal(size=(rows, WIDTH)).astype(np.float32)
    return embeddings, labels_for(head, np.arange(rows) % len(SIZES))


def loss_and_gradients(head, embeddings, labels, training=True):
    embeddings = tf.convert_to_tensor(embeddings)
    weights = [weight.value for weight in head.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        loss = head(embeddings, labels, training=training)
    gradients = tape.gradient(loss, [embeddings, *weights], unconnected_gradients="zero")
    return float(loss), [np.asarray(tf.convert_to_tensor(g), np.float32) for g in gradients]


def state(head):
    return [np.copy(weight.numpy()) for weight in head.weights]


@pytest.fixture(params=NAMES)
def head(request):
    return make(request.param)


def test_settings_load_no_backend():
    code = (
        "import sys; from matcher.losses import available_losses, make_loss\n"
        "for name in available_losses(): make_loss(name)\n"
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_tells_equation_and_source(name):
    document = import_module(f"matcher.losses.{name}").__doc__
    assert re.search(r"^    loss\w* = ", document, re.MULTILINE)
    assert re.search(r"^Source: .+", document, re.MULTILINE)


def test_a_scalar_in_float32_that_is_not_negative(head):
    loss = head(*batch(head))
    assert tuple(loss.shape) == ()
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) > 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_are_read_as_float32(head, dtype):
    embeddings, labels = batch(head)
    rounded = keras.ops.cast(embeddings, dtype)
    loss = head(rounded, labels.astype(np.int64))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == float(head(keras.ops.cast(rounded, "float32"), labels))


def test_mixed_precision_leaves_the_head_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        heads = [make(name) for name in NAMES]
        types = {w.dtype for head in heads for w in head.weights}
        losses = [head(*batch(head)) for head in heads]
    finally:
        keras.config.set_dtype_policy(before)
    assert types == {"float32", "int32"}
    assert {keras.backend.standardize_dtype(loss.dtype) for loss in losses} == {"float32"}


HOSTILE = {
    "one row": ([[1, 2, 3, 4]], [0]),
    "zero vectors": (np.zeros((4, 4)), [0, 0, 1, 2]),
    "a zero vector among others": ([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]], [0, 0, 1]),
    "identical rows": (np.ones((4, 4)), [0, 0, 1, 1]),
    "opposite rows": ([[1, 2, 3, 4], [-1, -2, -3, -4]], [0, 0]),
    "opposite rows of two classes": ([[1, 2, 3, 4], [-1, -2, -3, -4]], [0, 1]),
    "labels all alike": (np.eye(4), [2, 2, 2, 2]),
    "labels all different": (np.eye(4), [0, 1, 2, 3]),
    "long vectors": (1e4 * np.eye(4), [0, 0, 1, 1]),
    "short vectors": (1e-7 * np.eye(4), [0, 0, 1, 1]),
    "near the shortest that has a direction": (1.1e-6 * np.eye(4), [0, 0, 1, 1]),
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("training", [True, False])
def test_finite_with_finite_gradients(head, case, training):
    embeddings, classes = HOSTILE[case]
    labels = labels_for(head, classes)
    for _ in range(2):  # the second time state of the first is there
        loss, gradients = loss_and_gradients(head, np.float32(embeddings), labels, training)
        assert np.isfinite(loss)
        assert loss >= 0
        assert all(np.isfinite(g).all() for g in gradients)
    assert all(np.isfinite(weight).all() for weight in state(head))


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_finite_gradients_at_the_centers_and_opposite_to_them(name):
    head = make(name)
    if head.centers is None:  # a loss of levels has no centres but weights in its levels
        return
    centers = head.centers.numpy().T[: len(SIZES)]
    for embeddings in (centers, -centers, 3 * centers[::-1]):
        _, gradients = loss_and_gradients(head, embeddings, np.arange(len(SIZES)))
        assert all(np.isfinite(g).all() for g in gradients)
        assert max(np.abs(g).max() for g in gradients) < 1e3


def test_one_class_is_no_loss():
    for name in NAMES:
        spec = make_loss(name)
        if spec.labels == "classes" and spec.has_centers:
            head = spec.build(WIDTH, [3])
            loss, gradients = loss_and_gradients(head, np.eye(4, dtype="f"), np.zeros(4, int))
            assert loss == pytest.approx(0, abs=1e-5)
            assert all(np.allclose(g, 0, atol=1e-5) for g in gradients)


def test_the_order_of_the_rows_changes_nothing(head):
    embeddings, labels = batch(head)
    turned = np.random.default_rng(1).permutation(len(embeddings))
    loss = float(head(embeddings, labels))
    assert float(head(embeddings[turned], labels[turned])) == pytest.approx(loss, rel=1e-5)


def test_same_seed_same_weights(head):
    again, other = make(head.name), make(head.name, seed=1)
    paths = [weight.path for weight in head.weights]
    assert paths == [weight.path for weight in again.weights]
    assert len(set(paths)) == len(paths)
    for mine, same in zip(state(head), state(again), strict=True):
        np.testing.assert_array_equal(mine, same)
    drawn = [
        (a.numpy(), b.numpy())
        for a, b in zip(head.trainable_weights, other.trainable_weights, strict=True)
        if np.any(a.numpy())
    ]
    assert all((a != b).all() for a, b in drawn)
    assert bool(drawn) == head.settings.has_centers


def test_the_margin_is_a_variable_that_the_next_batch_sees(head):
    if head.margin is None:
        assert "margin" not in type(head.settings).model_fields
        return
    inputs = batch(head)
    run = tf.function(lambda: head(*inputs))
    losses = []
    for margin in (0.1, 0.4, 0.8):
        head.margin.assign(margin)
        losses.append(float(run()))
        assert float(head(*inputs)) == pytest.approx(losses[-1], rel=1e-5)
    assert losses == sorted(set(losses))
    assert not head.margin.trainable
    assert head.margin.shape == ()


def test_validation_changes_no_weight_and_reads_no_state(head):
    fresh = float(head(*batch(head, 1), training=False))
    before = state(head)
    head(*batch(head, 2), training=False)
    for old, new in zip(before, state(head), strict=True):
        np.testing.assert_array_equal(old, new)
    if head.centers is None:  # nothing but the batch counts
        head(*batch(head, 2), training=True)
        assert float(head(*batch(head, 1), training=False)) == fresh


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_a_label_that_is_no_class_cannot_be_missed(name):
    head = make(name)
    embeddings, labels = batch(head)
    for wrong in (-1, len(SIZES)):
        spoilt = labels.copy()
        spoilt[3, ...] = wrong
        assert np.isnan(float(head(embeddings, spoilt)))


def test_wrong_shapes_are_refused(head):
    embeddings, labels = batch(head)
    with pytest.raises(DataError, match=r"takes embeddings of shape \(rows, 4\)\. Received"):
        head(embeddings[:, :3], labels)
    with pytest.raises(DataError, match="takes labels of shape"):
        head(embeddings, labels[:-1])
    with pytest.raises(DataError, match="takes labels of shape"):
        head(embeddings, labels[..., None])


@pytest.mark.parametrize("name", NAMES)
def test_what_no_head_can_be_built_of(name):
    spec = make_loss(name)
    parents = PARENTS if spec.labels == "levels" else ()
    with pytest.raises(ConfigError, match=r"width must be 1 or more. Received: 0"):
        spec.build(0, SIZES, parents=parents)
    if spec.has_centers:
        with pytest.raises(ConfigError, match="Received: 0 classes"):
            spec.build(4, [], parents=parents)
        with pytest.raises(ConfigError, match="Received: 2 classes, the smallest of 0 rows"):
            spec.build(4, [3, 0], parents=parents)
    if not parents:
        with pytest.raises(ConfigError, match="knows no levels"):
            spec.build(4, SIZES, parents=PARENTS)


def test_names_and_settings_that_do_not_exist():
    with pytest.raises(ConfigError, match=r"Unknown loss 'arcfase'. Did you mean 'arcface'"):
        make_loss("arcfase")
    with pytest.raises(ConfigError, match=r"unknown setting 'margn'. Did you mean 'margin'"):
        make_loss("arcface", margn=0.5)


@pytest.mark.parametrize("margin", [28.6, -0.1, 1.5708, float("nan")])
@pytest.mark.parametrize("name", ["arcface", "curricularface"])
def test_a_margin_in_degrees_is_refused(name, margin):
    with pytest.raises(ConfigError, match=r"angle in radians in \[0, pi/2\)\. Received: "):
        make_loss(name, margin=margin)
