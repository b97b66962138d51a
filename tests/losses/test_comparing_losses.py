"""Losses that compare rows with one another, by hand and against NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError
from matcher.losses import make_loss

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.keras


def at(*degrees):
    """Points of the unit circle, one a row."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def of(*classes):
    """Labels of the rows."""
    return np.int32(classes)


def chord(degrees):
    """Distance of two points of the unit circle."""
    return 2 * math.sin(math.radians(degrees) / 2)


def build(name, width=2, **settings):
    return make_loss(name, **settings).build(width, ())


LABELS = np.int32([0, 0, 1, 1])


def test_hard_triplets_by_hand():
    head = build("triplet", margin=0.2, mining="hard")
    # Rows at 0°, 60° | 90°, 180°. Farthest mate and nearest other, in degrees:
    pairs = [(60, 90), (60, 30), (90, 30), (90, 120)]
    losses = [max(chord(p) - chord(n) + 0.2, 0) for p, n in pairs]
    assert losses[0] == losses[3] == 0
    assert float(head(4 * at(0, 60, 90, 180), LABELS)) == pytest.approx(sum(losses) / 4, rel=1e-5)


def test_semi_hard_triplets_by_hand():
    head = build("triplet", margin=0.2, mining="semi_hard")
    # For each pair the nearest other row beyond the mate. The third has none: from 90° the mate
    # is 110° off and the others 90° and 30°, so the farthest counts.
    pairs = [(60, 90), (60, 120), (110, 90), (110, 140)]
    losses = [max(chord(p) - chord(n) + 0.2, 0) for p, n in pairs]
    assert sum(losses) == losses[2] == pytest.approx(0.42409, abs=1e-4)
    assert float(head(at(0, 60, 90, 200), LABELS)) == pytest.approx(losses[2] / 4, rel=1e-4)


def test_all_triplets_by_hand():
    head = build("triplet", margin=0.2, mining="all")
    triplets = [(60, 90), (60, 180), (60, 30), (60, 120), (90, 90), (90, 30), (90, 180), (90, 120)]
    losses = [max(chord(p) - chord(n) + 0.2, 0) for p, n in triplets]
    assert float(head(at(0, 60, 90, 180), LABELS)) == pytest.approx(sum(losses) / 8, rel=1e-5)


@pytest.mark.parametrize("name", ["triplet", "contrastive", "simclr"])
def test_without_mates_there_is_no_loss(name):
    head = build(name)
    assert float(head(at(0, 60, 90), of(0, 1, 2))) == 0
    assert float(head(at(0), of(0))) == 0


@pytest.mark.parametrize("mining", ["hard", "semi_hard", "all"])
def test_without_other_classes_no_triplet(mining):
    assert float(build("triplet", mining=mining)(at(0, 60, 90), of(1, 1, 1))) == 0


def test_contrastive_by_hand():
    head = build("contrastive", temperature=0.5)
    # Rows at 0°, 60° | 90°; each compared with both others. The third has no mate.
    first = math.log1p(math.exp(2 * (0 - 0.5)))  # mate at cos 60° = 0.5, other at cos 90° = 0
    second = math.log1p(math.exp(2 * (math.cos(math.pi / 6) - 0.5)))  # other at cos 30°
    assert float(head(9 * at(0, 60, 90), of(0, 0, 1))) == pytest.approx((first + second) / 2)


def test_several_mates_are_averaged_outside_the_logarithm():
    head = build("contrastive", temperature=1.0)
    # Of three alike rows at 0°, 60°, 120°: the first has cosines 0.5 and -0.5.
    total = math.log(math.exp(0.5) + math.exp(-0.5))
    outer = total - (0.5 - 0.5) / 2
    middle = math.log(2 * math.exp(0.5)) - 0.5
    expected = (outer + middle + outer) / 3
    assert float(head(at(0, 60, 120), of(5, 5, 5))) == pytest.approx(expected, rel=1e-5)


def test_simclr_by_hand():
    head = build("simclr", temperature=0.5)
    # Views at 0°, 60° of one picture and 90°, 180° of another; cosines over 0.5:
    against = {0: (1, [1, 0, -2]), 1: (1, [1, 2 * math.cos(math.pi / 6), -1])}
    against |= {2: (0, [0, 2 * math.cos(math.pi / 6), 0]), 3: (0, [0, -2, -1])}
    losses = [math.log(sum(map(math.exp, all_))) - mate for mate, all_ in against.values()]
    assert float(head(at(0, 60, 90, 180), LABELS)) == pytest.approx(sum(losses) / 4, rel=1e-5)


def test_a_temperature_of_zero_is_refused():
    for name in ("contrastive", "simclr"):
        with pytest.raises(ConfigError, match=r"'temperature'.*greater than 0"):
            build(name, temperature=0)


# The memory.


def contents(head):
    return np.asarray(head.memory), np.asarray(head.memory_labels).tolist(), int(head.cursor)


def test_the_memory_fills_and_wraps_around():
    head = build("contrastive", memory=5)
    assert contents(head)[1:] == ([-1] * 5, 0)
    head(2 * at(0, 10), of(0, 1), training=True)
    assert contents(head)[1:] == ([0, 1, -1, -1, -1], 2)
    np.testing.assert_allclose(contents(head)[0][:2], at(0, 10), atol=1e-6)  # of length 1
    head(at(20, 30), of(2, 3), training=True)
    head(at(40, 50), of(4, 5), training=True)
    vectors, labels, cursor = contents(head)
    assert (labels, cursor) == ([5, 1, 2, 3, 4], 1)
    np.testing.assert_allclose(vectors, at(50, 10, 20, 30, 40), atol=1e-6)


@pytest.mark.parametrize(("memory", "kept"), [(3, [2, 3, 4]), (5, [0, 1, 2, 3, 4]), (1, [4])])
def test_a_batch_as_large_as_the_memory_or_larger_leaves_its_end(memory, kept):
    head = build("contrastive", memory=memory)
    head(at(0, 10, 20, 30, 40), of(0, 1, 2, 3, 4), training=True)
    vectors, labels, _ = contents(head)
    order = np.argsort(labels)
    assert np.take(labels, order).tolist() == kept
    np.testing.assert_allclose(vectors[order], at(*[10 * k for k in kept]), atol=1e-6)


def test_a_row_never_meets_itself():
    embeddings, labels = at(0, 60, 90), of(0, 0, 1)
    with_memory, without = build("contrastive", memory=8), build("contrastive")
    first = with_memory(embeddings, labels, training=True)
    assert float(first) == float(without(embeddings, labels, training=True))


def test_earlier_batches_count_as_more_rows():
    head = build("contrastive", memory=8, temperature=0.5)
    head(at(90, 20), of(1, 2), training=True)
    # 0° alone in its batch; in the memory a mate at 20° and another at 90°.
    loss = float(head(at(0), of(2), training=True))
    mate = 2 * math.cos(math.radians(20))
    assert loss == pytest.approx(math.log1p(math.exp(0 - mate)), rel=1e-5)
    # The next finds all three.
    again = float(head(at(0), of(2), training=True))
    total = sum(map(math.exp, (0, mate, 2)))
    assert again == pytest.approx(math.log(total) - (mate + 2) / 2, rel=1e-5)


def test_the_memory_waits_for_the_warm_up():
    head = build("contrastive", memory=8, warm_up=2)
    assert float(head(at(0), of(0), training=True)) == 0
    assert float(head(at(20), of(0), training=True)) == 0
    assert contents(head)[2] == 2  # it filled all the same
    # A mate each at 0° and 20°, and nothing else to compare with.
    loss = float(head(at(40), of(0), training=True))
    cosines = [10 * math.cos(math.radians(40)), 10 * math.cos(math.radians(20))]
    total = math.log(sum(map(math.exp, cosines)))
    assert loss == pytest.approx(total - sum(cosines) / 2, rel=1e-4)


def test_no_gradient_goes_into_the_memory():
    head = build("contrastive", memory=4)
    head(at(90, 20), of(1, 2), training=True)
    assert not any(weight.trainable for weight in head.weights)
    embeddings = tf.constant(at(0))
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        loss = head(embeddings, of(2), training=True)
    assert np.abs(tape.gradient(loss, embeddings)).max() > 0


# Against NumPy and float64, row by row.


def lengths_one(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def log_share_reference(x, labels, temperature, kept=(), kept_labels=()):
    z = lengths_one(x)
    columns = np.concatenate([z, np.reshape(kept, (-1, z.shape[1]))])
    names = [*labels, *kept_labels]
    losses = []
    for i in range(len(z)):
        logits = {j: z[i] @ columns[j] / temperature for j in range(len(names)) if j != i}
        mates = [j for j in logits if names[j] == labels[i]]
        if mates:
            total = math.log(sum(math.exp(value) for value in logits.values()))
            losses.append(total - np.mean([logits[j] for j in mates]))
    return np.mean(losses) if losses else 0.0


def triplet_reference(x, labels, mining, margin=0.3):
    z = lengths_one(x)
    d = np.sqrt(((z[:, None] - z[None, :]) ** 2).sum(axis=2))
    rows, found = range(len(z)), []
    for a in rows:
        mates = [d[a, p] for p in rows if p != a and labels[p] == labels[a]]
        others = [d[a, n] for n in rows if labels[n] != labels[a]]
        if not mates or not others:
            continue
        if mining == "hard":
            found.append(max(mates) - min(others))
        elif mining == "semi_hard":
            beyond = ([n for n in others if n > p] or [max(others)] for p in mates)
            found += [p - min(ns) for p, ns in zip(mates, beyond, strict=True)]
        else:
            found += [p - n for p in mates for n in others]
    return np.mean([max(value + margin, 0) for value in found]) if found else 0.0


def check(head, x, labels, expected, noise, training=False):
    """The loss, and its slope in one direction."""
    embeddings = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        loss = head(embeddings, labels, training=training)
    gradient = tape.gradient(loss, embeddings, unconnected_gradients="zero")
    assert float(loss) == pytest.approx(expected(x), rel=1e-4, abs=1e-5)
    step = 1e-6 * noise.normal(size=x.shape)
    slope = (expected(x + step) - expected(x - step)) / 2
    size = np.linalg.norm(step) * np.linalg.norm(gradient)
    assert np.sum(np.float64(gradient) * step) == pytest.approx(slope, abs=2e-3 * size + 1e-11)


SHAPES = {"seed": st.integers(0, 2**31), "rows": st.integers(1, 7), "n": st.integers(1, 4)}


@pytest.mark.parametrize("mining", ["hard", "semi_hard", "all"])
@settings(max_examples=25)
@given(**SHAPES)
def test_triplets_are_those_of_numpy(mining, seed, rows, n):
    noise = np.random.default_rng(seed)
    x, labels = noise.normal(size=(rows, 3)), noise.integers(0, n, rows)
    head = build("triplet", 3, mining=mining, margin=0.3)
    check(head, x, labels, lambda x: triplet_reference(x, labels, mining), noise)


@settings(max_examples=25)
@given(**SHAPES, earlier=st.integers(0, 9))
def test_contrastive_with_memory_is_that_of_numpy(seed, rows, n, earlier):
    noise = np.random.default_rng(seed)
    x, labels = noise.normal(size=(rows, 3)), noise.integers(0, n, rows)
    head = build("contrastive", 3, memory=4, temperature=0.5)
    kept, kept_labels = noise.normal(size=(earlier, 3)), noise.integers(0, n, earlier)
    for row, label in zip(kept, kept_labels, strict=True):
        head(np.float32(row)[None], of(label), training=True)
    last = lengths_one(kept)[-4:], kept_labels[-4:]
    check(head, x, labels, lambda x: log_share_reference(x, labels, 0.5, *last), noise, True)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), pictures=st.integers(1, 4))
def test_simclr_is_that_of_numpy(seed, pictures):
    noise = np.random.default_rng(seed)
    labels = noise.permutation(np.repeat(np.arange(pictures), 2))
    x = noise.normal(size=(len(labels), 3))
    head = build("simclr", 3, temperature=0.5)
    check(head, x, labels, lambda x: log_share_reference(x, labels, 0.5), noise)
