"""Networks to be trained: their parts, their weights, and which of them learn."""

from pathlib import Path

import numpy as np
import pytest

from matcher.errors import ConfigError, StoreError
from matcher.io.artifacts import read_config, read_tensors
from matcher.models.settings import Freezing, ImageArchitecture, TitleArchitecture

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.backbones import build_backbone  # noqa: E402
from matcher.models.embedder import build_image_embedder, build_title_embedder  # noqa: E402
from matcher.models.freezing import freezable_layers, freeze  # noqa: E402
from matcher.models.random_states import random_states  # noqa: E402
from matcher.models.weights import export_weights  # noqa: E402

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_bert"
SIZE = 64


def shape(**parts):
    return ImageArchitecture(**{"backbone": "resnet18", "size": SIZE} | parts)


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (3, SIZE, SIZE, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def bert():
    return read_config(TINY), read_tensors(TINY / "model.safetensors")[1]


@pytest.fixture
def titles(rng):
    return [rng.integers(5, 50, (4, 9)).astype(np.int32), np.ones((4, 9), np.int32)]


def run(model, inputs, **kwargs):
    return np.asarray(model(inputs, **kwargs))


def test_without_neck_it_is_the_backbone(pixels):
    plain = build_image_embedder(shape(neck="none"), seed=3)
    np.testing.assert_allclose(
        run(plain, pixels), run(build_backbone("resnet18", SIZE, seed=3), pixels), rtol=1e-5
    )
    assert plain.output.shape == (None, 512)
    floats = run(plain, pixels.astype(np.float32))
    np.testing.assert_array_equal(run(plain, pixels), floats)


@pytest.mark.parametrize(
    ("parts", "width"),
    [
        ({"pooling": "gem"}, 512),
        ({"pooling": "scda"}, 1024),
        ({"pooling": "gem", "width": 24}, 24),
        ({"width": 8, "neck": "none", "activation": "mish"}, 8),
    ],
)
def test_parts(parts, width, pixels):
    vectors = run(build_image_embedder(shape(**parts)), pixels)
    assert vectors.shape == (3, width)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.linalg.matrix_rank(vectors) == 3


def test_the_neck_by_hand(pixels):
    before = run(build_image_embedder(shape(neck="none")), pixels)
    model = build_image_embedder(shape())
    neck = model.get_layer("neck")
    # a new one, running mean 0 and variance 1, changes next to nothing
    np.testing.assert_allclose(run(model, pixels), before, rtol=1e-4)
    neck.moving_mean.assign(before[0])
    neck.moving_variance.assign(np.full(512, 4 - 1e-5))
    np.testing.assert_allclose(run(model, pixels), (before - before[0]) / 2, atol=1e-5)
    in_training = run(model, pixels, training=True)
    np.testing.assert_allclose(in_training.mean(axis=0), np.zeros(512), atol=1e-4)


def test_the_same_seed_gives_the_same_weights():
    first, again, other = (
        export_weights(build_image_embedder(shape(width=8), seed=s)) for s in (1, 1, 2)
    )
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["projection/kernel"] != other["projection/kernel"]).any()
    assert (first["conv1/kernel"] != other["conv1/kernel"]).any()
    assert "projection/bias" not in first  # the neck takes it away


def test_weights_move_to_another_resolution_and_neck(pixels):
    start = build_image_embedder(shape(width=8, pooling="gem"), seed=5)
    start.get_layer("pooling").p.assign([4.5])
    start.get_layer("neck").gamma.assign(np.full(8, 2.0))
    tensors = export_weights(start)
    finer = build_image_embedder(shape(width=8, pooling="gem", size=96), tensors)
    assert finer.input_shape == (None, 96, 96, 3)
    assert all((export_weights(finer)[name] == t).all() for name, t in tensors.items())
    wider = export_weights(build_image_embedder(shape(width=16, pooling="gem"), tensors, seed=9))
    assert wider["pooling/p"] == 4.5
    assert (wider["neck/gamma"] == 1).all()
    np.testing.assert_array_equal(wider["conv1/kernel"], tensors["conv1/kernel"])
    bare = build_image_embedder(shape(neck="none"), tensors)
    np.testing.assert_array_equal(export_weights(bare)["bn1/gamma"], tensors["bn1/gamma"])
    tensors.pop("layer3_0_conv1/kernel")
    with pytest.raises(StoreError, match="runs/a1 lacks the weights 'layer3_0_conv1/kernel'"):
        build_image_embedder(shape(), tensors, where="runs/a1")


def test_vectors_are_float32_in_mixed_precision(pixels):
    exact = run(build_image_embedder(shape(pooling="gem", width=32)), pixels)
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = build_image_embedder(shape(pooling="gem", width=32))
    finally:
        keras.config.set_dtype_policy(before)
    vectors = run(model, pixels)
    assert vectors.dtype == np.float32
    cosine = (vectors * exact).sum(1) / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(cosine / np.linalg.norm(exact, axis=1), np.ones(3), atol=5e-3)
    assert {v.dtype for v in model.weights} == {"float32"}


@pytest.mark.slow
@pytest.mark.long
def test_convnext_is_normalised_after_any_pooling(rng):
    pixels = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    parts = {"backbone": "convnext-tiny", "size": 64, "neck": "none"}
    average = build_image_embedder(ImageArchitecture(**parts))
    expected = run(build_backbone("convnext-tiny", 64), pixels)
    np.testing.assert_allclose(run(average, pixels), expected, atol=1e-4)
    gem = run(build_image_embedder(ImageArchitecture(**parts, pooling="gem")), pixels)
    np.testing.assert_allclose(gem.mean(axis=1), np.zeros(2), atol=1e-5)
    np.testing.assert_allclose(gem.std(axis=1), np.ones(2), atol=1e-2)
    names = list(export_weights(average))
    assert names == list(export_weights(build_image_embedder(ImageArchitecture(**parts))))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"backbone": "resnet19"}, r"Unknown backbone 'resnet19'\. Did you mean 'resnet18'"),
        ({"backbone": "resnet50", "activation": "mish"}, r"resnet18 alone\. Received: 'mish'"),
        ({"backbone": "convnext-tiny", "pooling": "scda"}, r"signed\. Set pooling: average or gem"),
        ({"pooling": "max"}, r"'pooling'.*'scda'.*Received: 'max'"),
        ({"size": 16}, r"'size'.*Received: 16"),
    ],
)
def test_wrong_architectures_are_explained(parts, message):
    with pytest.raises(ConfigError, match=message):
        ImageArchitecture.read(parts, "run.yaml")


def test_titles_go_through_any_bert(bert, titles):
    from matcher.models.bert import build_bert, read_bert_config
    from matcher.models.bert_weights import export_bert_weights, load_bert_weights

    config, tensors = bert
    plain = build_bert(read_bert_config(config, "tiny"), "cls")
    load_bert_weights(plain, tensors, "tiny")
    architecture = TitleArchitecture(pooling="cls", neck="none", max_tokens=20)
    model = build_title_embedder(architecture, config, tensors)
    np.testing.assert_allclose(run(model, titles), run(plain, titles), atol=1e-6)
    back = export_bert_weights(model)
    assert all((back[name] == tensors[name]).all() for name in back)
    assert set(tensors) - set(back) <= {"pooler.dense.weight", "pooler.dense.bias"}
    wide = TitleArchitecture(width=6)
    assert run(build_title_embedder(wide, config, tensors), titles).shape == (4, 6)


def test_dropout_follows_the_seed(bert, titles):
    config, tensors = bert
    architecture = TitleArchitecture(dropout=0.5)

    def steps(seed, n=2):
        keras.utils.set_random_seed(int(np.random.default_rng().integers(1000)))
        model = build_title_embedder(architecture, config, tensors, seed)
        return model, [run(model, titles, training=True) for _ in range(n)]

    model, (first, second) = steps(1)
    np.testing.assert_array_equal(steps(1)[1], [first, second])
    assert np.abs(first - second).max() > 1e-3
    assert np.abs(steps(2)[1][0] - first).max() > 1e-3
    states = [np.asarray(state).copy() for state in random_states(model)]
    third = run(model, titles, training=True)
    for state, value in zip(random_states(model), states, strict=True):
        state.assign(value)
    np.testing.assert_array_equal(run(model, titles, training=True), third)
    off = build_title_embedder(TitleArchitecture(dropout=0.0, neck="none"), config, tensors)
    np.testing.assert_array_equal(run(off, titles, training=True), run(off, titles))


def test_a_bert_that_begins_at_random(bert, titles):
    one, other = (build_title_embedder(TitleArchitecture(), bert[0], None, s) for s in (1, 2))
    assert np.isfinite(run(one, titles)).all()
    assert np.abs(run(one, titles) - run(other, titles)).max() > 1e-3


def learning(model):
    return {variable.path.partition("/")[0] for variable in model.trainable_variables}


def test_freezing_from_the_input_on():
    model = build_image_embedder(shape(pooling="gem", width=8))
    names = freezable_layers(model)
    assert (names[0], names[-1], len(names)) == ("conv1", "layer4_1_bn2", 40)
    total = 11_176_512 + 1 + 8 * 512 + 16
    assert freeze(model, norms=False) == total
    assert freeze(model, 1.0) == total - 11_176_512
    assert learning(model) == {"pooling", "projection", "neck"}
    freeze(model, 0.5, norms=False)
    assert names[19] not in learning(model)
    assert names[20] in learning(model)
    freeze(model, "layer4")
    assert learning(model) >= {"layer4_0_conv1", "neck"}
    assert not any("bn" in name or name.startswith("layer3") for name in learning(model))
    with pytest.raises(ConfigError, match=r"'layr4'\. Did you mean 'layer4'\? The layers are"):
        freeze(model, "layr4")


def test_frozen_norms_keep_their_statistics(pixels):
    model = build_image_embedder(shape())
    freeze(model, "layer4", norms=False)
    before = export_weights(model)
    model(pixels, training=True)
    after = export_weights(model)
    moved = {n.partition("/")[0] for n in before if (before[n] != after[n]).any()}
    assert moved == {n for n in freezable_layers(model) if n.startswith("layer4") and "bn" in n} | {
        "layer4_0_downsample_1",
        "neck",
    }
    freeze(model)
    model(pixels, training=True)
    last = export_weights(model)
    assert {n.partition("/")[0] for n in last if (last[n] != after[n]).any()} == {"neck"}


def test_a_bert_thaws_block_by_block(bert):
    model = build_title_embedder(TitleArchitecture(), *bert)
    assert freezable_layers(model) == ("embedding", "block_0", "block_1")
    freeze(model, "block_1")
    assert {layer.name for layer in model.layers if layer.trainable and layer.weights} == {
        "block_1",
        "neck",
    }
    plan = Freezing(up_to=1.0, thaw={2: "block_1", 5: 0.0})
    assert [plan.at(epoch) for epoch in (0, 1, 2, 4, 5, 9)] == [1, 1, "block_1", "block_1", 0, 0]
    with pytest.raises(ConfigError, match=r"counts epochs from 1\. Received: 0"):
        Freezing.read({"thaw": {0: 1.0}}, "run.yaml")


@pytest.mark.slow
@pytest.mark.data
def test_real_weights_are_all_loaded(real_data, pixels):
    found = sorted((real_data.parent / "weights" / "mobilenet_v2_imagenet").glob("*.weights.h5"))
    if not found:
        pytest.skip("no weights")
    parts = {"backbone": "mobilenet-v2", "size": SIZE}
    model = build_image_embedder(ImageArchitecture(**parts), found[0])
    expected = run(build_backbone("mobilenet-v2", SIZE, found[0]), pixels)
    np.testing.assert_allclose(run(model, pixels), expected, rtol=1e-3, atol=1e-4)
