"""Losses that learn a centre a class, at angles worked out by hand and against NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.losses import make_loss

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from matcher.losses._operations import add_angle, root, unit  # noqa: E402

pytestmark = pytest.mark.keras


def at(*degrees):
    """Points of the unit circle, one a row."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def of(*classes):
    """Labels of the rows."""
    return np.int32(classes)


def cos(degrees):
    return math.cos(math.radians(degrees))


def softplus(x):
    """-log of the share of one of two classes whose logits differ by -x."""
    return math.log1p(math.exp(x))


def head_at(name, centers, sizes=None, **settings):
    spec = make_loss(name, **settings)
    n = len(centers) // getattr(spec, "sub_centers", 1)
    head = spec.build(2, sizes or [1] * n)
    head.centers.assign(centers.T)
    return head


def test_arcface_of_two_classes_by_hand():
    head = head_at("arcface", at(0, 90), margin=0.5, scale=30.0)
    loss = float(head(at(30), of(0)))
    # θ_0 = π/6 and θ_1 = π/3: 30 cos(π/6 + 0.5) = 15.607 against 30 cos(π/3) = 15.
    assert loss == pytest.approx(softplus(15 - 30 * math.cos(math.pi / 6 + 0.5)), rel=1e-4)
    assert loss == pytest.approx(0.4353, abs=1e-3)
    # Of the other class: 30 cos(π/3 + 0.5) = 0.708 against 30 cos(π/6) = 25.981.
    assert float(head(at(30), of(1))) == pytest.approx(25.2729, abs=1e-3)
    assert float(head(7 * at(30, 30), of(0, 1))) == pytest.approx((0.4353 + 25.2729) / 2, abs=1e-3)


def test_lengths_of_centers_do_not_count():
    head = head_at("arcface", at(0, 90) * [[5], [0.01]])
    same = head_at("arcface", at(0, 90))
    assert float(head(at(30), of(0))) == pytest.approx(float(same(at(30), of(0))), rel=1e-5)


def test_the_closest_sub_center_counts():
    head = head_at("arcface", at(0, 180, 90, 270), sub_centers=2, margin=0.5, scale=30.0)
    # 10 degrees from the second centre of class 0, 80 from the first of class 1.
    closest = softplus(30 * cos(80) - 30 * math.cos(math.radians(10) + 0.5))
    assert float(head(at(170), of(0))) == pytest.approx(closest, abs=1e-5)
    assert float(head(at(170), of(1))) == pytest.approx(
        softplus(30 * cos(10) - 30 * math.cos(math.radians(80) + 0.5)), rel=1e-5
    )


def test_large_classes_get_a_smaller_margin():
    head = head_at("arcface", at(0, 90), sizes=[1, 32], size_power=0.2, margin=0.5, scale=30.0)
    # 1 ^ -0.2 = 1 and 32 ^ -0.2 = 0.5: margins 0.5 and 0.25.
    small = softplus(30 * cos(60) - 30 * math.cos(math.radians(30) + 0.5))
    large = softplus(30 * cos(60) - 30 * math.cos(math.radians(30) + 0.25))
    assert float(head(at(30), of(0))) == pytest.approx(small, rel=1e-4)
    assert float(head(at(60), of(1))) == pytest.approx(large, abs=2e-6)
    head.margin.assign(1.0)  # a schedule moves both
    moved = softplus(30 * cos(60) - 30 * math.cos(math.radians(30) + 0.5))
    assert float(head(at(60), of(1))) == pytest.approx(moved, rel=1e-4)


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5, 1.0, 1.5])
def test_the_angle_never_turns_back(margin):
    angles = np.linspace(0, np.pi, 2001)
    moved = np.asarray(add_angle(np.cos(angles).astype(np.float32), np.float32(margin)))
    # Where the sine counts as 0, below a thousandth, the value is off by at most that.
    assert (np.diff(moved[1:]) < 1e-6).all()
    assert moved[0] == pytest.approx(math.cos(margin), abs=1e-6)
    assert moved[-1] == pytest.approx(math.cos(margin) - 2, abs=1e-6)
    before = angles + margin < np.pi
    np.testing.assert_allclose(moved[before][1:], np.cos(angles + margin)[before][1:], atol=2e-5)
    # It goes through -1 where the angle and the margin make π.
    assert np.interp(np.pi - margin, angles, moved) == pytest.approx(-1, abs=2e-3)


def test_the_worst_row_is_still_pulled_back():
    head = head_at("arcface", at(0, 270), margin=1.0, scale=1.0)
    losses = [float(head(at(degrees), of(0))) for degrees in (180, 170, 150, 123, 120, 90)]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("theta", [0.01, 0.1, 1.0, 2.0, 2.9, 3.13])
def test_slope_of_the_moved_angle(theta):
    """By the angle: -sin(θ + m) before π, -sin θ beyond; float32 and the root keep it."""
    angle = tf.constant(theta, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(angle)
        moved = add_angle(tf.cos(angle), tf.constant(0.5))
    expected = -math.sin(theta + 0.5) if theta + 0.5 < math.pi else -math.sin(theta)
    assert float(tape.gradient(moved, angle)) == pytest.approx(expected, rel=0.01)


def test_roots_and_lengths_of_nothing_have_no_gradient():
    nothing = tf.constant([-1e-7, 0.0, 1e-9])
    rows = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch([nothing, rows])
        total = tf.reduce_sum(root(nothing)) + tf.reduce_sum(unit(rows))
    assert float(total) == 0
    for gradient in tape.gradient(total, [nothing, rows]):
        np.testing.assert_array_equal(gradient, 0)


def test_cosface_by_hand():
    head = head_at("cosface", at(0, 90), margin=0.35, scale=30.0)
    # 30 (cos 30° - 0.35) = 15.4808 against 30 cos 60° = 15.
    assert float(head(at(30), of(0))) == pytest.approx(softplus(-0.48076), abs=1e-4)
    assert float(head(at(60), of(0))) == pytest.approx(
        softplus(30 * cos(30) - 30 * (0.5 - 0.35)), rel=1e-5
    )


def test_softmax_by_hand():
    head = head_at("softmax", at(0, 90), scale=20.0)
    assert float(head(3 * at(40), of(0))) == pytest.approx(
        softplus(20 * (cos(50) - cos(40))), rel=1e-5
    )


def test_plain_softmax_by_hand():
    head = head_at("softmax", np.float32([[1, 0], [0, 2]]), normalize=False)
    head.bias.assign([0.5, -1.0])
    # Logits 3 * 1 + 0.5 = 3.5 and 1 * 2 - 1 = 1.
    assert float(head(np.float32([[3, 1]]), of(0))) == pytest.approx(softplus(-2.5), rel=1e-5)
    assert float(head(np.float32([[3, 1]]), of(1))) == pytest.approx(softplus(2.5), rel=1e-5)


def test_curricularface_by_hand():
    head = head_at("curricularface", at(0, 90), margin=0.5, scale=30.0, rate=0.01)
    # At 50°: T = cos(50° + 0.5 rad) = 0.1949; class 1, at 40°, is hard: cos 40° = 0.7660.
    target = math.cos(math.radians(50) + 0.5)
    untrained = softplus(30 * cos(40) * (0 + cos(40)) - 30 * target)
    assert float(head(at(50), of(0))) == pytest.approx(untrained, rel=1e-4)
    # In training t is first 0.01 cos 50° = 0.006428.
    first = softplus(30 * cos(40) * (0.006428 + cos(40)) - 30 * target)
    assert float(head(at(50), of(0), training=True)) == pytest.approx(first, rel=1e-4)
    second = 0.01 * cos(10) + 0.99 * 0.006428
    head(at(10), of(0), training=True)
    assert float(head.progress) == pytest.approx(second, rel=1e-4)
    # An easy class keeps its cosine: at 10°, cos 80° < cos(10° + 0.5 rad).
    easy = softplus(30 * cos(80) - 30 * math.cos(math.radians(10) + 0.5))
    assert float(head(at(10), of(0))) == pytest.approx(easy, abs=1e-6)


def test_the_moving_average_of_curricularface_has_no_gradient():
    gradients = []
    for rate, training in ((1.0, True), (0.0, False)):
        head = head_at("curricularface", at(0, 90), rate=rate)
        head.progress.assign(cos(50))  # what a rate of 1 puts there
        row = tf.constant(at(50))
        with tf.GradientTape() as tape:
            tape.watch(row)
            loss = head(row, of(0), training=training)
        gradients.append(tape.gradient(loss, row).numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-5)


@pytest.mark.parametrize("name", ["arcface", "cosface"])
def test_without_margin_it_is_normalised_softmax(name):
    noise = np.random.default_rng(3)
    embeddings, labels = noise.normal(size=(9, 5)).astype("f"), noise.integers(0, 4, 9)
    plain = make_loss("softmax", scale=30.0).build(5, [1] * 4)
    head = make_loss(name, margin=0.0, scale=30.0).build(5, [1] * 4)
    np.testing.assert_array_equal(head.centers, plain.centers)
    assert float(head(embeddings, labels)) == pytest.approx(
        float(plain(embeddings, labels)), rel=1e-5
    )


# The same in NumPy and float64, row by row.


def share(logits, y):
    top = max(logits)
    return -(logits[y] - top - math.log(sum(math.exp(z - top) for z in logits)))


def moved(angle, margin):
    if angle + margin < math.pi:
        return math.cos(angle + margin)
    return math.cos(angle) - 1 + math.cos(margin)


def reference(name, x, centers, y, n, sizes):
    length = np.linalg.norm(x)
    cosines = centers.T @ x / np.linalg.norm(centers, axis=0) / length
    cosines = cosines.reshape(n, -1).max(axis=1)
    angle = math.acos(min(1, max(-1, cosines[y])))
    logits = cosines.copy()
    if name == "arcface":
        logits[y] = moved(angle, 0.6 * sizes[y] ** -0.3)
    elif name == "cosface":
        logits[y] -= 0.6
    elif name == "curricularface":
        target = moved(angle, 0.6)
        logits = np.where(cosines > target, cosines * (0.25 + cosines), cosines)
        logits[y] = target
    return share(list(12 * logits), y)


SPECS = {
    "arcface": {"margin": 0.6, "sub_centers": 3, "size_power": 0.3},
    "cosface": {"margin": 0.6},
    "curricularface": {"margin": 0.6},
    "softmax": {},
}


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 6), n=st.integers(1, 7))
def test_loss_and_gradient_are_those_of_numpy(name, seed, rows, n):
    noise = np.random.default_rng(seed)
    width, sizes = 3, noise.integers(1, 50, n)
    head = make_loss(name, scale=12.0, **SPECS[name]).build(width, sizes.tolist(), seed=seed)
    if name == "curricularface":
        head.progress.assign(0.25)
    centers = np.float64(head.centers)
    x, labels = noise.normal(size=(rows, width)), noise.integers(0, n, rows)

    def mean_loss(x):
        every = zip(x, labels, strict=True)
        return np.mean([reference(name, row, centers, y, n, sizes) for row, y in every])

    embeddings = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        loss = head(embeddings, labels)
    assert float(loss) == pytest.approx(mean_loss(x), rel=1e-4, abs=1e-5)
    gradient = np.float64(tape.gradient(loss, embeddings))
    step = 1e-6 * noise.normal(size=x.shape)
    slope = (mean_loss(x + step) - mean_loss(x - step)) / 2
    size = np.linalg.norm(step) * np.linalg.norm(gradient)
    assert np.sum(gradient * step) == pytest.approx(slope, abs=2e-3 * size + 1e-11)
