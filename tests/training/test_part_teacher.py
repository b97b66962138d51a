"""A teacher that sees the part of each picture that the network sees."""

from types import SimpleNamespace

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


def reader_of(pixels):
    return SimpleNamespace(
        lengths=None, read=pixels.__getitem__, stack=lambda items: {"pixels": np.stack(items)}
    )


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (12, SIDE, SIDE, 3)).astype(np.uint8)


def test_vectors_are_those_of_the_encoder_less_their_mean(pictures):
    from matcher.encoders._keras_images import load_network

    teacher = Teacher(**TEACHER, sees="part")
    teach = PartTeacher(teacher, reader_of(pictures), len(pictures), 512)
    (found,) = (np.asarray(x) for x in teach(pictures))
    vectors = np.asarray(load_network(teacher.make())(pictures.astype(np.float32)))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert found.shape == (12, teach.width)
    np.testing.assert_allclose(found, vectors - vectors.mean(axis=0), atol=1e-4)


def test_pictures_of_another_size_are_brought_to_the_teachers(pictures):
    teach = PartTeacher(Teacher(**TEACHER, sees="part"), reader_of(pictures), 12, 512)
    doubled = pictures.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(teach(doubled)[0], teach(pictures)[0], atol=1e-3)


def test_wide_vectors_are_turned_to_the_axes_along_which_pictures_differ(pictures):
    teacher = Teacher(**TEACHER, sees="part")
    whole = np.asarray(PartTeacher(teacher, reader_of(pictures), 12, 512)(pictures)[0])
    teach = PartTeacher(teacher, reader_of(pictures), 12, 11)
    (found,) = (np.asarray(x) for x in teach(pictures))
    # 12 pictures less their mean lie in 11 dimensions: nothing is lost
    assert found.shape == (12, teach.width) == (12, 11)
    np.testing.assert_allclose(found @ found.T, whole @ whole.T, atol=1e-4)
    spread = found.var(axis=0)
    assert (np.diff(spread) <= 1e-6).all()


def test_too_few_pictures_for_the_axes_are_refused(pictures):
    with pytest.raises(ConfigError, match="as many training pictures or more"):
        PartTeacher(Teacher(**TEACHER, sees="part"), reader_of(pictures[:4]), 4, 8)


@pytest.mark.slow
def test_the_network_learns_from_it_and_it_stays(pictures, tmp_path):
    from matcher.training import learner as learning

    teacher = Teacher(**TEACHER, sees="part", relations=0.2)
    teach = PartTeacher(teacher, reader_of(pictures), 12, 512)
    before = np.asarray(teach(pictures)[0])
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
    np.testing.assert_array_equal(teach(pictures)[0], before)
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
        ({"teacher": {**TEACHER, "sees": "part", "forcing": 0.5}}, "set maps"),
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
