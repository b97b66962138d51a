"""The maps that networks make on their way."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.backbones import build_backbone  # noqa: E402
from matcher.models.stages import watch_stages  # noqa: E402


def test_each_size_gives_the_sum_that_ends_it_and_then_comes_the_last_map():
    pixels = keras.Input((16, 16, 3))
    wide = keras.layers.Conv2D(4, 3, 2, "same")(pixels)
    wide = keras.layers.Add()([wide, wide])
    wide = keras.layers.Add(name="ends_8")([wide, keras.layers.Conv2D(4, 1)(wide)])
    narrow = keras.layers.Conv2D(6, 3, 2, "same")(wide)
    narrow = keras.layers.Add(name="ends_4")([narrow, narrow])
    last = keras.layers.Conv2D(9, 1, name="last")(narrow)
    network = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(last))
    watched, shapes = watch_stages(network)
    assert shapes == [(8, 4), (4, 6), (4, 9)]
    batch = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    vectors, *maps = watched(batch)
    np.testing.assert_allclose(vectors, network(batch), atol=1e-6)
    for name, found in zip(("ends_8", "ends_4", "last"), maps, strict=True):
        layer = keras.Model(pixels, network.get_layer(name).output)
        np.testing.assert_allclose(found, layer(batch), atol=1e-6)


def test_networks_of_two_families_have_stages_of_one_size():
    names = ("mobilenet-v2", "efficientnet-b0", "resnet18")
    sides = [[s for s, _ in watch_stages(build_backbone(n, 64))[1]] for n in names]
    assert sides == [[16, 8, 4, 2, 2]] * 3
