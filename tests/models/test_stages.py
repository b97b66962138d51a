"""The maps that networks make on their way."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.backbones import build_backbone  # noqa: E402
from matcher.models.stages import split_stages, watch_stages  # noqa: E402


def small_network():
    """Two stages of sums, one that a norm ends, and a last map."""
    layers = keras.layers
    pixels = keras.Input((16, 16, 3))
    wide = layers.Conv2D(4, 3, 2, "same")(pixels)
    wide = layers.Add()([wide, wide])
    wide = layers.Add(name="ends_8")([wide, layers.Conv2D(4, 1)(wide)])
    narrow = layers.Conv2D(6, 3, 2, "same")(wide)
    narrow = layers.Activation("relu")(layers.BatchNormalization(name="inside")(narrow))
    narrow = layers.BatchNormalization(name="ends_4")(layers.Conv2D(7, 1)(narrow))
    last = layers.Conv2D(9, 1)(narrow)
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(last))


def test_each_stage_gives_the_sum_or_the_norm_that_ends_it():
    network = small_network()
    watched, shapes = watch_stages(network)
    assert shapes == [(8, 4), (4, 7)]
    batch = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    *maps, vectors = watched(batch)
    np.testing.assert_allclose(vectors, network(batch), atol=1e-6)
    for name, found in zip(("ends_8", "ends_4"), maps, strict=True):
        layer = keras.Model(network.input, network.get_layer(name).output)
        np.testing.assert_allclose(found, layer(batch), atol=1e-6)


def test_parts_one_after_the_other_are_the_network():
    network = small_network()
    batch = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    parts = split_stages(network)
    assert len(parts) == 3
    given = batch
    for part in parts:
        given = part(given)
    np.testing.assert_allclose(given, network(batch), atol=1e-6)
    assert {id(v) for part in parts for v in part.weights} == {id(v) for v in network.weights}


def test_a_teacher_and_a_network_of_two_families_have_the_same_stages():
    shapes = [watch_stages(build_backbone(n, 64))[1] for n in ("mobilenet-v2", "efficientnet-b0")]
    assert [[side for side, _ in s] for s in shapes] == [[32, 16, 8, 4, 4, 2, 2]] * 2
    teacher, network = ([width for _, width in s] for s in shapes)
    assert teacher == [16, 24, 32, 64, 96, 160, 320]
    assert network == [16, 24, 40, 80, 112, 192, 320]
    assert [side for side, _ in watch_stages(build_backbone("resnet18", 64))[1]] == [16, 8, 4, 2]
