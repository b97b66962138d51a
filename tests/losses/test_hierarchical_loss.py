"""Deep hierarchical classification: levels, and a child outside its predicted parent."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError
from matcher.losses import make_loss

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from matcher.losses.hierarchical import level_losses  # noqa: E402

pytestmark = pytest.mark.keras
PARENTS = (np.int32([0, 0, 1, 1]),)  # classes 0 and 1 are of parent 0, 2 and 3 of parent 1


def certain(n, c):
    """Logits of a prediction without doubt."""
    return np.float32([[50 if i == c else -50 for i in range(n)]])


def dependence(parent, child, labels, penalty=3.0):
    logits = [certain(2, parent), certain(4, child)]
    return float(level_losses(logits, np.int32([labels]), PARENTS, penalty)[1][0])


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        (0, 0, 0),  # right and consistent: 3^0 * 3^0 - 1
        (0, 1, 0),  # wrong child of the predicted parent
        (1, 2, 0),  # both wrong, but consistent
        (0, 2, 2),  # outside, child wrong: 3^0 * 3^1 - 1
        (1, 0, 2),  # outside, parent wrong: 3^1 * 3^0 - 1
        (1, 1, 8),  # outside, both wrong: 3^1 * 3^1 - 1
    ],
)
def test_certain_predictions_cost_what_the_paper_says(parent, child, expected):
    assert dependence(parent, child, labels=[0, 0]) == pytest.approx(expected, abs=1e-5)


def test_a_child_outside_its_predicted_parent_costs_more():
    head = make_loss("hierarchical", hidden=4).build(4, [1] * 4, parents=PARENTS)
    (w_0, _, v_0, _), (w_1, _, v_1, _) = head.levels
    w_0.assign(np.eye(4))
    w_1.assign(np.eye(4))
    v_0.assign(np.zeros((4, 2)))
    # Axis k of the embedding speaks for class k; the top level goes by the bias.
    v_1.assign(np.concatenate([np.zeros((4, 4)), np.eye(4)]))
    head.levels[0][3].assign([4.0, 0.0])
    inside, outside = np.float32([[0, 3, 0, 0]]), np.float32([[0, 0, 3, 0]])
    label = np.int32([[0, 0]])
    shared = make_loss("hierarchical", hidden=4, dependence_weight=0).build(
        4, [1] * 4, parents=PARENTS
    )
    shared.set_weights(head.get_weights())
    # As wrong at each level taken by itself; predicting 2, of the other parent, costs more.
    assert float(shared(inside, label)) == pytest.approx(float(shared(outside, label)), rel=1e-5)
    assert float(head(outside, label)) > float(head(inside, label)) + 0.5


def test_layer_losses_by_hand():
    logits = [np.float32([[0, 0]]), np.float32([[math.log(2), 0, 0, 0]])]
    layers, dependences = level_losses(logits, np.int32([[1, 0]]), PARENTS, 3.0)
    assert float(layers[0]) == pytest.approx(math.log(2))
    assert float(layers[1]) == pytest.approx(math.log(5 / 2))  # 2 of 2 + 1 + 1 + 1
    # Half of every child's mass agrees with its parent; i = 1 - 1/2 above and 1 - 2/5 here.
    assert float(dependences[0]) == pytest.approx(3 ** (0.5 * (0.5 + 0.6)) - 1, rel=1e-5)


def test_weights_of_levels_and_of_dependence():
    noise = np.random.default_rng(0)
    x, labels = (
        noise.normal(size=(6, 3)).astype("f"),
        np.int32([[k // 2, k] for k in (0, 1, 2) * 2]),
    )

    def loss(**settings):
        spec = make_loss("hierarchical", hidden=4, **settings)
        return float(spec.build(3, [1] * 4, parents=PARENTS)(x, labels))

    top = loss(layer_weight=(1, 0), dependence_weight=0)
    leaf = loss(layer_weight=(0, 1), dependence_weight=0)
    between = loss(layer_weight=0, dependence_weight=1)
    assert min(top, leaf, between) > 0
    assert loss(layer_weight=(2, 3), dependence_weight=(5,)) == pytest.approx(
        2 * top + 3 * leaf + 5 * between, rel=1e-5
    )
    assert loss(layer_weight=0, dependence_weight=1, penalty=1) == 0


def test_dependence_moves_both_levels():
    logits = [tf.constant([[1.0, 0.5]]), tf.constant([[0.2, 0.1, 0.9, 0.3]])]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = level_losses(logits, tf.constant([[0, 0]]), PARENTS, 3.0)[1][0]
    above, below = (np.asarray(g)[0] for g in tape.gradient(loss, logits))
    assert above[0] < 0 < above[1]
    assert below[:2].max() < 0 < below[2:].min()  # children of the likelier, true parent


def test_three_levels_see_what_is_above():
    parents = [[0, 0, 1], [0, 1, 2, 2, 0]]
    head = make_loss("hierarchical", hidden=3).build(4, [1] * 5, parents=parents)
    shapes = [tuple(map(int, classes.shape)) for _, _, classes, _ in head.levels]
    assert shapes == [(3, 2), (6, 3), (9, 5)]
    assert np.isfinite(float(head(np.ones((2, 4), "f"), np.int32([[0, 1, 4], [1, 2, 3]]))))


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ((), "With one level only, use the loss 'softmax'"),
        ([[0, 0, 1]], "one for each of the 4 lowest classes. Received: \\[3\\]"),
        ([[0, 0, 1, -1]], r"parents\[0\] must name classes of the level above, 0 to 1"),
        ([[0, 0], [0, 1, 2, 0]], r"parents\[1\] must name .*0 to 1. Received: 0 to 2"),
        ([[], [0, 0, 0, 0]], r"parents\[0\]"),
    ],
)
def test_levels_that_are_no_tree_are_refused(parents, message):
    with pytest.raises(ConfigError, match=message):
        make_loss("hierarchical").build(4, [1] * 4, parents=parents)


def test_as_many_weights_as_levels():
    with pytest.raises(ConfigError, match="layer_weight is one number, or 2 for the levels"):
        make_loss("hierarchical", layer_weight=(1, 2, 3)).build(4, [1] * 4, parents=PARENTS)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 5))
def test_losses_are_those_of_numpy(seed, rows):
    noise = np.random.default_rng(seed)
    parents = (noise.integers(0, 3, 4).astype("i"), noise.integers(0, 4, 6).astype("i"))
    logits = [noise.normal(scale=3, size=(rows, n)).astype("f") for n in (3, 4, 6)]
    labels = np.stack([noise.integers(0, n, rows) for n in (3, 4, 6)], axis=1).astype("i")
    layers, dependences = level_losses(logits, labels, parents, 2.5)
    shares = [np.exp(np.float64(z)) for z in logits]
    shares = [p / p.sum(axis=1, keepdims=True) for p in shares]
    right = [p[np.arange(rows), labels[:, k]] for k, p in enumerate(shares)]
    for k in range(3):
        assert float(layers[k]) == pytest.approx(-np.log(right[k]).mean(), rel=1e-4)
    for k in (1, 2):
        costs = []
        for row in range(rows):
            pairs = enumerate(parents[k - 1])
            agree = sum(shares[k][row, c] * shares[k - 1][row, p] for c, p in pairs)
            wrong = (1 - right[k - 1][row]) + (1 - right[k][row])
            costs.append(2.5 ** ((1 - agree) * wrong) - 1)
        assert float(dependences[k - 1]) == pytest.approx(np.mean(costs), rel=1e-4, abs=1e-6)
