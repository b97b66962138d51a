"""The loop on pictures of 8 x 8 pixels and a network of one convolution."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest

from matcher.errors import ConfigError, StoreError
from matcher.training import learner as learning
from matcher.training.checkpoints import Checkpoints
from matcher.training.logs import read_log
from matcher.training.loop import Task, train
from matcher.training.settings import TrainConfig

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

N_CLASSES, PER_CLASS, SIDE = 6, 4, 8
CLASSES = np.repeat(np.arange(N_CLASSES), PER_CLASS)


def pictures():
    """A color for each class, with noise."""
    rng = np.random.default_rng(0)
    colors = rng.integers(40, 215, (N_CLASSES, 3))[CLASSES]
    noise = rng.normal(0, 20, (len(CLASSES), SIDE, SIDE, 3))
    return np.clip(colors[:, None, None] + noise, 0, 255).astype(np.float32)


class Pictures:
    lengths = None

    def __init__(self, pixels):
        self.pixels = pixels

    def read(self, row):
        return self.pixels[row]

    def stack(self, items):
        return {"pixels": np.stack(items)}


def configure(**settings):
    table = {
        "source": {"listings": "none"},
        "image": {"backbone": "resnet18", "size": 32},
        "loss": {"method": "arcface", "scale": 10},
        "batches": {"size": 8, "per_group": 2},
        "epochs": 4,
        "checkpoint_minutes": 60,
        **settings,
    }
    return TrainConfig.read(table, "test")


def make_learner(config):
    """A network, its loss and what else the config asks for, seeded as the job does it."""
    keras.utils.set_random_seed(config.seed)
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="first")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(8, name="second")(keras.layers.Dropout(0.2)(x))
    embedder = keras.Model(pixels, keras.layers.BatchNormalization(name="neck")(x))
    augment = mix = None
    if config.augment is not None:
        from matcher.models.augmentation import build_augmentation, build_cut_mix

        augment = build_augmentation(config.augment, SIDE, config.seed)
        mix = build_cut_mix(config.augment, config.seed) if config.augment.cut_mix else None
    head = config.loss.build(8, [PER_CLASS] * N_CLASSES, config.seed)
    return learning.Learner(embedder, head, augment, mix)


def make_task(learner, pixels=None, validate=None):
    def freeze(place):
        learner.embedder.get_layer("first").trainable = place == 0

    return Task(
        digest="run",
        classes=CLASSES,
        labels=CLASSES,
        ids=[f"id{row}" for row in range(len(CLASSES))],
        reader=Pictures(pictures() if pixels is None else pixels),
        validate=validate,
        freeze=freeze,
    )


def weights_of(layer):
    return [np.asarray(variable).copy() for variable in layer.weights]


def run(folder, config=None, **task):
    """Train in a folder; return where it ended, and all weights."""
    config = config or configure()
    folder.mkdir(exist_ok=True)
    learner = make_learner(config)
    progress = train(learner, make_task(learner, **task), config, folder)
    return progress, weights_of(learner)


class Cut(Exception):
    """Stands for a crash."""


def cut_after(monkeypatch, n_steps):
    """Have the loop crash in the middle of a step."""
    step, done = learning.step, []

    def stepping(*args):
        loss = step(*args)
        done.append(loss)
        if len(done) == n_steps:
            raise Cut
        return loss

    monkeypatch.setattr(learning, "step", stepping)


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(one, other):
    return any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return folder, *run(folder)


def test_the_same_seed_gives_the_same_weights_and_another_one_others(plain, tmp_path):
    assert_same(plain[2], run(tmp_path / "a")[1])
    assert differ(plain[2], run(tmp_path / "b", configure(seed=1))[1])


def test_the_loss_falls_and_every_step_is_logged(plain):
    rows = read_log(plain[0] / "log.csv")
    assert [row["step"] for row in rows] == list(range(1, 5))
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert plain[1].step == 4


EVERYTHING = {
    "loss": {"method": "contrastive", "memory": 12},
    "augment": {"flip": True},
    "freezing": {"up_to": 0.5, "thaw": {2: 0.0}},
    "batches": {"size": 4, "per_group": 2},
    "optimizer": {"method": "adamw", "weight_decay": 0.01, "head_multiplier": 5},
}
WITH_MARGIN = {
    "margin": {"start": 0.1, "end": 0.6},
    "batches": {"size": 4, "per_group": 2},
    "optimizer": {"method": "sgd"},
}


@pytest.mark.slow
@pytest.mark.parametrize("settings", [EVERYTHING, WITH_MARGIN], ids=["xbm", "margin"])
@pytest.mark.parametrize("minutes", [0, 60], ids=["each-batch", "each-epoch"])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    tmp_path, monkeypatch, settings, minutes
):
    config = configure(checkpoint_minutes=minutes, **settings)
    whole, weights = run(tmp_path / "whole", config)
    for n_steps in (4, 2, 3):
        with monkeypatch.context() as patch:
            cut_after(patch, n_steps)
            with contextlib.suppress(Cut):
                run(tmp_path / "cut", config)
    ended, again = run(tmp_path / "cut", config)
    assert_same(weights, again)
    assert ended.step == whole.step
    logs = [read_log(tmp_path / name / "log.csv") for name in ("whole", "cut")]
    assert [row["loss"] for row in logs[0]] == [row["loss"] for row in logs[1]]


def test_a_finished_run_is_not_trained_again(plain, monkeypatch):
    monkeypatch.setattr(learning, "step", None)
    progress, weights = run(plain[0])
    assert progress.step == plain[1].step
    assert_same(weights, plain[2])


def test_a_checkpoint_of_another_network_is_refused(plain, tmp_path):
    Checkpoints(tmp_path / "checkpoints").save(plain[1], {"model/00000": np.zeros(3)})
    with pytest.raises(StoreError, match="variables of another network"):
        run(tmp_path)


def test_a_loss_that_is_no_number_stops_the_run_with_good_weights(tmp_path):
    pixels = pictures()
    pixels[13] = np.nan  # class 3 is drawn once an epoch, but not always this row
    config = configure(batches={"size": 8}, epochs=50, checkpoint_minutes=0)
    with pytest.raises(ConfigError, match=r"epoch 0, batch \d\. Listings of") as caught:
        run(tmp_path, config, pixels=pixels)
    assert "learning_rate" in str(caught.value)
    assert "became" in str(caught.value)
    found = Checkpoints(tmp_path / "checkpoints").load("run")
    if found is not None:
        assert all(np.isfinite(array).all() for array in found[1].values())


def test_a_weight_that_is_no_number_is_never_saved(tmp_path, monkeypatch):
    step = learning.step

    def spoiling(learner, *others):
        loss = step(learner, *others)
        kernel = learner.embedder.get_layer("second").kernel
        kernel.assign(np.full(kernel.shape, np.inf))
        return loss

    monkeypatch.setattr(learning, "step", spoiling)
    with pytest.raises(ConfigError, match=r"The weight .*kernel became NaN or infinite"):
        run(tmp_path, configure(checkpoint_minutes=0))
    assert Checkpoints(tmp_path / "checkpoints").load("run") is None


def test_the_best_weights_are_kept_and_the_run_ends_when_nothing_gets_better(tmp_path):
    scripted = iter([0.1, 0.5, 0.9, 0.3, 0.9, 0.2, 0.1])
    seen = []
    config = configure(epochs=20, validation={"metric": "top1", "patience": 3})
    learner = make_learner(config)

    def validate():
        seen.append(weights_of(learner.embedder))
        return {"top1": next(scripted)}

    progress = train(learner, make_task(learner, validate=validate), config, tmp_path)
    assert progress.stopped
    assert progress.before == {"top1": 0.1}
    assert progress.best == {"top1": 0.9}
    # measured before the first step, then after each epoch of one batch: the second is the best
    assert (progress.best_step, progress.step) == (2, 5)
    best = list(Checkpoints(tmp_path / "checkpoints").load_best().values())
    assert_same(
        sorted(best, key=lambda a: (a.shape, a.sum())),
        sorted(seen[2], key=lambda a: (a.shape, a.sum())),
    )
    kept, _ = run(tmp_path, config, validate=lambda: pytest.fail("it is over"))
    assert kept == progress


def test_the_learning_rate_of_the_head_is_a_multiple(tmp_path):
    sgd = {"method": "sgd", "momentum": 0.0, "learning_rate": 0.01, "clip_norm": None}
    moved = []
    for multiplier in (1, 10):
        config = configure(
            epochs=1, optimizer={**sgd, "head_multiplier": multiplier}, schedule={"warmup": 0}
        )
        start = make_learner(config)
        begin = weights_of(start.head), weights_of(start.embedder)
        train(start, make_task(start), config, tmp_path_of(tmp_path, multiplier))
        end = weights_of(start.head), weights_of(start.embedder)
        moved.append([end[i][0] - begin[i][0] for i in (0, 1)])
    np.testing.assert_allclose(moved[1][0], 10 * moved[0][0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved[1][1], moved[0][1], rtol=1e-4, atol=1e-7)


def tmp_path_of(folder, name):
    path = folder / str(name)
    path.mkdir()
    return path


def test_frozen_layers_stay_until_they_are_thawed(tmp_path):
    config = configure(freezing={"up_to": 1.0, "thaw": {2: 0.0}})
    learner, kernels = make_learner(config), []

    def validate():
        layers = [learner.embedder.get_layer(name) for name in ("first", "second")]
        kernels.append([np.asarray(x.kernel).copy() for x in layers])
        return {"top1": 0.0}

    train(learner, make_task(learner, validate=validate), config, tmp_path)
    first, second = zip(*kernels, strict=True)
    assert_same(first[:1] * 2, first[1:3])
    assert differ(first[2:3], first[3:4])
    assert differ(second[:1], second[1:2])


def test_a_schedule_needs_a_margin_to_set(tmp_path):
    config = configure(loss={"method": "softmax"}, margin={})
    with pytest.raises(ConfigError, match="has no margin"):
        run(tmp_path, config)


def test_the_margin_is_logged_as_it_grows(tmp_path):
    config = configure(margin={"start": 0.2, "end": 0.8, "over": 0.75})
    run(tmp_path, config)
    margins = [row["margin"] for row in read_log(tmp_path / "log.csv")]
    assert margins == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_pictures_may_be_mixed_and_views_need_no_labels(tmp_path):
    mixed = configure(augment={"cut_mix": 1.0}, batches={"size": 6})
    views = configure(loss={"method": "simclr"}, augment={}, batches={"size": 8, "views": True})
    for i, config in enumerate((mixed, views)):
        progress, weights = run(tmp_path / str(i), config)
        assert progress.step > 0
        assert all(np.isfinite(array).all() for array in weights)


def test_rows_that_cannot_be_read_are_counted(tmp_path):
    from matcher.io.images import ImageError

    class Damaged(Pictures):
        def read(self, row):
            if row == 0:
                raise ImageError("0.jpg", "it is damaged")
            return super().read(row)

    config = configure(batches={"size": 24}, epochs=3)
    learner = make_learner(config)
    task = replace(make_task(learner), reader=Damaged(pictures()))
    assert train(learner, task, config, tmp_path).replaced == 3
