"""Learning a teacher's maps: a teacher of the same make can be copied, stage by stage."""

import numpy as np
import pytest

from matcher.errors import ConfigError

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.stages import watch_stages  # noqa: E402
from matcher.training.stage_by_stage import StageByStage  # noqa: E402

SIDE = 16


def network(seed, widths=(4, 6)):
    """Two stages and an average."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    x = pixels = keras.Input((SIDE, SIDE, 3))
    for width in widths:
        x = layers.Conv2D(width, 3, 2, "same", activation="relu")(x)
        x = layers.Add()([x, layers.Conv2D(width, 1)(x)])
    return keras.Model(pixels, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture
def batch():
    return np.random.default_rng(0).normal(size=(8, SIDE, SIDE, 3)).astype(np.float32)


def test_without_forcing_it_is_the_network(batch):
    embedder = network(0)
    teacher, shapes = watch_stages(network(1))
    layer = StageByStage(embedder, shapes, steps=0)
    embeddings, distance = layer(batch, teacher(batch)[:-1])
    np.testing.assert_allclose(embeddings, embedder(batch), atol=1e-5)
    assert float(np.asarray(distance)) > 0


def test_at_first_each_stage_is_given_the_teachers_map_and_at_last_its_own(batch):
    embedder = network(0)
    teacher, shapes = watch_stages(network(1))
    maps = teacher(batch)[:-1]
    layer = StageByStage(embedder, shapes, steps=4)
    last = layer.parts[-1]
    forced = last(layer.hints.lift(maps, layer.sides)[-1])
    found = [np.asarray(layer(batch, maps)[0]) for _ in range(5)]
    np.testing.assert_allclose(found[0], forced, atol=1e-5)
    np.testing.assert_allclose(found[4], embedder(batch), atol=1e-5)
    assert int(np.asarray(layer.seen)) == 4
    # between the two, some pictures are forced and some are not
    kept = [np.isclose(found[2], forced, atol=1e-5).all(axis=1).sum()]
    assert 0 < kept[0] < 8


@pytest.mark.parametrize(
    ("widths", "message"),
    [((4, 6, 7), "the network has 2, the teacher 3"), ((4, 7), "stage 2 has 6 channels")],
)
def test_a_teacher_of_another_make_is_refused(widths, message):
    shapes = watch_stages(network(1, widths))[1]
    with pytest.raises(ConfigError, match=message):
        StageByStage(network(0), shapes, steps=4)
