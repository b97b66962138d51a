"""Every loss trains a small model, compiled, on TensorFlow and on JAX, with the same outcome."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import matcher
from matcher.losses import available_losses

SETTINGS = {
    "arcface": {"sub_centers": 2, "size_power": 0.1},
    "contrastive": {"memory": 12, "temperature": 0.5},
    "hierarchical": {"hidden": 6},
    "triplet": {"mining": "semi_hard"},
    "simclr": {"temperature": 0.5},
}
MORE = {"plain softmax": ("softmax", {"normalize": False})}
MORE |= {f"{mining} triplets": ("triplet", {"mining": mining}) for mining in ("hard", "all")}
STEPS = 4
pytestmark = [pytest.mark.keras, pytest.mark.slow, pytest.mark.long]


def train(name, settings, jit):
    """Losses of a few batches, and how much was moved; run in a process of its own."""
    import keras
    import numpy as np

    from matcher.losses import make_loss

    class Trained(keras.Model):
        def __init__(self, head):
            super().__init__()
            self.body = keras.layers.Dense(5, kernel_initializer="ones", name="body")
            self.head = head

        def call(self, inputs, training=False):
            pixels, labels = inputs
            embeddings = self.body(pixels)
            self.add_loss(self.head(embeddings, labels, training=training))
            return embeddings

    noise = np.random.default_rng(0)
    spec = make_loss(name, **settings)
    levels = spec.labels == "levels"
    parents = [[0, 0, 1, 1]] if levels else ()
    head = spec.build(5, [3, 1, 2, 2] if spec.has_centers else (), seed=3, parents=parents)
    classes = np.int32([0, 0, 1, 1, 2, 2, 3, 3])
    labels = np.stack([classes // 2, classes], axis=1) if levels else classes
    model = Trained(head)
    pixels = noise.normal(size=(8, 6)).astype("f")
    model([pixels, labels])
    model.body.kernel.assign(noise.normal(size=(6, 5)).astype("f"))
    before = [np.copy(weight.numpy()) for weight in model.trainable_weights]
    model.compile(optimizer=keras.optimizers.SGD(0.02), jit_compile=jit)
    found = []
    for step in range(STEPS):
        if head.margin is not None and step == STEPS - 1:
            head.margin.assign(head.margin + 0.5)
        found.append(float(model.train_on_batch([pixels, labels], return_dict=True)["loss"]))
    after = [np.copy(weight.numpy()) for weight in model.trainable_weights]
    return {
        "losses": found,
        "moved": [float(np.abs(a - b).max()) for a, b in zip(after, before, strict=True)],
        "margin": head.margin is not None,
        "memory": np.asarray(head.memory_labels).tolist() if name == "contrastive" else None,
    }


def main(jit):
    runs = {name: (name, SETTINGS.get(name, {})) for name in available_losses()} | MORE
    found = {title: train(name, given, jit) for title, (name, given) in runs.items()}
    sys.stdout.write(json.dumps(found))


def run(backend, jit):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = str(Path(matcher.__file__).parents[1])
    command = [sys.executable, __file__, "jit" if jit else "plain"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def plain():
    return run("tensorflow", jit=False)


@pytest.mark.parametrize("title", [*available_losses(), *MORE])
def test_training_lowers_the_loss_and_moves_every_weight(plain, title):
    found = plain[title]
    assert all(moved > 0 for moved in found["moved"])
    first, *middle, last = found["losses"]
    if found["margin"]:  # raised before the last batch
        assert last > middle[-1]
    if found["memory"]:
        # 4 batches of 8 rows in 12 places: the last went into the first 8 of them.
        assert found["memory"] == [0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3]
        assert last < middle[-1]  # compared with as many rows as the batch before
    else:
        assert first > middle[0] > middle[1]


@pytest.mark.parametrize(("backend", "jit"), [("tensorflow", True), ("jax", True)])
def test_compiled_elsewhere_it_does_the_same(plain, backend, jit):
    found = run(backend, jit)
    assert found.keys() == plain.keys()
    for title, expected in plain.items():
        assert found[title]["losses"] == pytest.approx(expected["losses"], rel=2e-3), title
        assert found[title]["moved"] == pytest.approx(expected["moved"], rel=1e-2), title
        assert found[title]["memory"] == expected["memory"]


if __name__ == "__main__":
    main(jit=sys.argv[1] == "jit")
