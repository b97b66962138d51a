"""The same weights give the same vectors on JAX, and augmentation runs in a compiled step."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.slow, pytest.mark.long]
pytest.importorskip("keras")

ROOT = Path(__file__).parents[2]

WORK = """
import sys
import keras
import numpy as np
from matcher.models.augmentation import build_augmentation, build_cut_mix
from matcher.models.embedder import build_image_embedder
from matcher.models.settings import Augmentation, ImageArchitecture
from matcher.models.weights import export_weights

assert keras.backend.backend() == sys.argv[1]
pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
found = {}
for pooling in ("average", "gem", "scda"):
    model = build_image_embedder(
        ImageArchitecture(backbone="resnet18", size=64, pooling=pooling, activation="mish"), seed=1
    )
    found[pooling] = np.asarray(model(pixels))
found["trained"] = np.asarray(model(pixels, training=True))
found["norm"] = export_weights(model)["layer4_1_bn2/moving_mean"]

settings = Augmentation(cut_out=0.5, cut_mix=1.0)
augment, mix = build_augmentation(settings, 64, seed=1), build_cut_mix(settings, seed=1)


class Step(keras.Model):
    def __init__(self):
        super().__init__()
        self.augment = augment

    def call(self, pixels):
        return self.augment(pixels, training=True)


step = Step()
step.compile(jit_compile=sys.argv[1] == "jax")
# predict_on_batch compiles it, and keeps the random state
first, second = (np.asarray(step.predict_on_batch(pixels.astype("float32"))) for _ in range(2))
assert first.shape == pixels.shape and np.abs(first - second).max() > 1
mixed, rows, share = mix(pixels.astype("float32"))
found["rows"], found["share"] = np.asarray(rows), np.asarray(share)
np.savez(sys.argv[2], **found)
"""


def compute(backend, path):
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "ignore", "-c", WORK, backend, str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_networks_do_the_same_on_both_backends(tmp_path):
    here, there = (compute(name, tmp_path / f"{name}.npz") for name in ("tensorflow", "jax"))
    for name in ("average", "gem", "scda", "trained", "norm"):
        scale = np.abs(here[name]).max()
        np.testing.assert_allclose(there[name] / scale, here[name] / scale, atol=1e-4)
    assert sorted(there["rows"]) == [0, 1, 2, 3]
    assert 0 <= there["share"] <= 1
