"""A teacher that sees the part of each picture that the network sees."""

import numpy as np
import pytest

from matcher.errors import ConfigError
from matcher.training.settings import TrainConfig
from matcher.training.teaching import Teacher

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.training.part_teacher import PartTeacher  # noqa: E402

SIDE = 32
TEACHER = {"encoder": "image", "backbone": "resnet18", "weights": "random", "size": SIDE}


class Pictures:
    lengths = None

    def __init__(self, pixels):
        self.pixels = pixels

    def read(self, row):
        return self.pixels[row]

    def stack(self, items):
        return {"pixels": np.stack(items)}


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (12, SIDE, SIDE, 3)).astype(np.uint8)


def test_vectors_are_those_of_the_encoder_less_their_mean(pictures):
    from matcher.encoders._keras_images import load_network

    teacher = Teacher(**TEACHER, sees="part")
    teach = PartTeacher(teacher, Pictures(pictures), len(pictures))
    found = np.asarray(teach(pictures))
    vectors = np.asarray(load_network(teacher.make())(pictures.astype(np.float32)))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert found.shape == (12, teach.width)
    np.testing.assert_allclose(found, vectors - vectors.mean(axis=0), atol=1e-4)


def test_pictures_of_another_size_are_brought_to_the_teachers(pictures):
    teach = PartTeacher(Teacher(**TEACHER, sees="part"), Pictures(pictures), 12)
    doubled = pictures.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(teach(doubled), teach(pictures), atol=1e-3)


@pytest.mark.slow
def test_the_network_learns_from_it_and_it_stays(pictures, tmp_path):
    from matcher.training import learner as learning

    teacher = Teacher(**TEACHER, sees="part", relations=0.2)
    teach = PartTeacher(teacher, Pictures(pictures), 12)
    before = np.asarray(teach(pictures))
    config = TrainConfig.read(
        {
            "source": {"listings": "none"},
            "image": {"backbone": "resnet18", "size": SIDE},
            "loss": {"method": "contrastive"},
            "teacher": {**TEACHER, "sees": "part"},
            "batches": {"size": 12, "per_group": 2},
            "augment": {"area": [1.0, 1.0], "overlay": 0.2},
        },
        "test",
    )
    from matcher.losses._distillation import Distillation
    from matcher.models.augmentation import build_augmentation

    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = keras.layers.Conv2D(8, 3, 4, activation="relu")(keras.layers.Rescaling(1 / 255)(pixels))
    embedder = keras.Model(pixels, keras.layers.Dense(8)(keras.layers.Flatten()(x)))
    learner = learning.Learner(
        embedder,
        config.loss.build(8, [2] * 6),
        build_augmentation(config.augment, SIDE),
        teach=teach,
        others={"teacher": (Distillation(8, teach.width, 0.2), 1.0)},
    )
    batch = {"pixels": pictures, "labels": np.repeat(np.arange(6), 2).astype(np.int32)}
    learning.prepare(learner, batch)
    learning.ready(learner, config.optimizer)
    losses = [learning.step(learner, batch, 0.003, None) for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    np.testing.assert_array_equal(teach(pictures), before)
    # the teacher is neither trained nor kept in checkpoints
    others = [v for v in learner.variables if id(v) not in {id(w) for w in embedder.variables}]
    assert sum(np.prod(v.shape) for v in others) < 10_000 + 8 * teach.width


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": {"encoder": "mobilenet", "sees": "part"}}, "sees: part is an encoder image"),
        ({"teacher": {"encoder": "image", "sees": "half"}}, "sees"),
        ({"augment": None}, "give augment"),
        ({"teacher": {**TEACHER, "maps": 1.0}}, "set sees: part"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    table = {
        "source": {"listings": "none"},
        "image": {"backbone": "resnet18"},
        "loss": {"method": "contrastive"},
        "batches": {"size": 8, "per_group": 2},
        "teacher": {**TEACHER, "sees": "part"},
        "augment": {},
        **changes,
    }
    with pytest.raises(ConfigError, match=message):
        TrainConfig.read(table, "test")


@pytest.mark.slow
def test_maps_are_compared_stage_by_stage(pictures):
    from matcher.models.embedder import build_image_embedder
    from matcher.training import learner as learning
    from matcher.training.networks import Network, make_learner
    from matcher.training.rows import number_classes

    config = TrainConfig.read(
        {
            "source": {"listings": "none"},
            "image": {"backbone": "resnet18", "size": SIDE},
            "loss": {"method": "contrastive"},
            "teacher": {**TEACHER, "sees": "part", "maps": 2.0},
            "batches": {"size": 12, "per_group": 2},
            "augment": {"area": [1.0, 1.0]},
        },
        "test",
    )
    embedder = build_image_embedder(config.image.architecture, seed=1)
    network = Network(embedder, config.image.architecture, None, None)
    classes = np.repeat(np.arange(6), 2)
    learner = make_learner(network, number_classes(classes), config, Pictures(pictures))
    batch = {"pixels": pictures, "labels": classes.astype(np.int32)}
    learning.prepare(learner, batch)
    learning.ready(learner, config.optimizer)
    layer = learner.hints[0]
    assert len(layer.matrices) == 5
    before = [np.asarray(m).copy() for m in layer.matrices]
    losses = [learning.step(learner, batch, 0.001, None) for _ in range(3)]
    assert np.isfinite(losses).all()
    assert all((np.asarray(m) != b).any() for m, b in zip(layer.matrices, before, strict=True))
    state = learning.take_state(learner)
    learning.give_state(learner, state, "test")
