"""Networks for pictures: the right preprocessing, and weights that are really loaded."""

import numpy as np
import pytest

from matcher.errors import BackendError, ConfigError, StoreError
from matcher.models.catalogue import BACKBONES, find_backbone
from matcher.models.weights import export_weights, import_weights

pytestmark = [
    pytest.mark.keras,
    # Keras 3.15 raises it when it saves weights with NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
keras = pytest.importorskip("keras")

from matcher.models.backbones import build_backbone  # noqa: E402

SIZE = 32


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (3, SIZE, SIZE, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def mobilenet():
    return build_backbone("mobilenet-v2", SIZE)


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def bare(model, builder, **kwargs):
    """The network as Keras has it, with the weights of ``model``."""
    plain = builder(
        include_top=False, pooling="avg", weights=None, input_shape=(SIZE, SIZE, 3), **kwargs
    )
    plain.set_weights(model.get_weights())
    return plain


def test_every_name_is_a_network_of_keras_or_ours():
    assert [name for name, b in BACKBONES.items() if b.ours] == ["resnet18"]
    assert all(hasattr(keras.applications, b.builder) for b in BACKBONES.values() if b.builder)
    assert len({b.builder for b in BACKBONES.values()}) == len(BACKBONES) == 25


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"'efficientnet-b9'\. Did you mean 'efficientnet-b"):
        find_backbone("efficientnet-b9")


def test_mobilenet_takes_pixels(mobilenet, pixels):
    plain = bare(mobilenet, keras.applications.MobileNetV2)
    expected = plain(pixels.astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(unit(mobilenet(pixels)), unit(expected), atol=1e-5)
    assert np.abs(unit(plain(pixels)) - unit(expected)).max() > 1e-2


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet-v3-small",
        pytest.param("mobilenet-v3-large", marks=pytest.mark.slow),
        pytest.param("resnet50", marks=pytest.mark.slow),
        pytest.param("convnext-tiny", marks=pytest.mark.slow),
    ],
)
def test_each_does_the_preprocessing_that_keras_says(name, pixels):
    model = build_backbone(name, SIZE)
    for variable in model.weights:
        if variable.path.rpartition("/")[0].endswith("layer_scale"):  # 1e-6 hides all else
            variable.assign(np.ones(variable.shape))
    plain = bare(model, getattr(keras.applications, BACKBONES[name].builder))
    module = {"mobilenet-v3-small": "mobilenet_v3", "mobilenet-v3-large": "mobilenet_v3"}
    by_keras = getattr(keras.applications, module.get(name, name.partition("-")[0]))
    prepared = by_keras.preprocess_input(pixels.astype(np.float32))
    np.testing.assert_allclose(unit(model(pixels)), unit(plain(prepared)), atol=1e-5)
    wrong = pixels[..., ::-1] if name == "resnet50" else pixels / 255
    assert np.abs(unit(plain(wrong.astype(np.float32))) - unit(model(pixels))).max() > 1e-3


def test_resnet18_is_that_of_the_paper():
    model = build_backbone("resnet18", 64)
    # 64 * 3 * 49 for the first; 9 * in * out for two in each of 8 blocks, in * out for shortcuts
    first, widths = 3 * 49 * 64, (64, 128, 256, 512)
    square = sum(
        4 * 9 * w * w - 9 * w * (w - v) for v, w in zip((64, *widths), widths, strict=False)
    )
    shortcuts = 64 * 128 + 128 * 256 + 256 * 512
    norms = 2 * (64 + sum(4 * w for w in widths) + sum(widths[1:]))
    assert first + square + shortcuts + norms == 11_176_512
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 11_176_512
    assert model.count_params() == 11_176_512 + norms  # means and variances
    maps = {i: model.get_layer(f"layer{i}_1_act2").output.shape[1:] for i in range(1, 5)}
    assert maps == {1: (16, 16, 64), 2: (8, 8, 128), 3: (4, 4, 256), 4: (2, 2, 512)}
    white = np.asarray(model.get_layer("to_normal")(np.full((1, 1, 1, 3), 255.0)))
    # (1 - 0.485) / 0.229 and so on
    np.testing.assert_allclose(white[0, 0, 0], [2.248908, 2.428571, 2.64], rtol=1e-5)


def test_resnet18_computes_what_is_written_in_the_paper(pixels):
    """Every convolution once more, with SciPy, as sums over the input."""
    from scipy.signal import correlate

    model = build_backbone("resnet18", SIZE, seed=4)
    weights = export_weights(model)

    def convolve(x, name, norm, stride):
        kernel = weights[f"{name}/kernel"].astype(np.float64)
        side = kernel.shape[0] // 2
        padded = np.pad(x, ((side, side), (side, side), (0, 0)))
        maps = [correlate(padded, kernel[..., k], "valid")[..., 0] for k in range(kernel.shape[3])]
        y = np.stack(maps, axis=2)[::stride, ::stride]
        mean, variance = (weights[f"{norm}/moving_{what}"] for what in ("mean", "variance"))
        scaled = weights[f"{norm}/gamma"] * (y - mean) / np.sqrt(variance + 1e-5)
        return scaled + weights[f"{norm}/beta"]

    x = (pixels[0] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    x = np.maximum(convolve(x, "conv1", "bn1", 2), 0)
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
    x = windows.max(axis=(3, 4))[::2, ::2]
    for stage in range(1, 5):
        for block in range(2):
            at, stride = f"layer{stage}_{block}", 2 if stage > 1 and block == 0 else 1
            y = np.maximum(convolve(x, f"{at}_conv1", f"{at}_bn1", stride), 0)
            y = convolve(y, f"{at}_conv2", f"{at}_bn2", 1)
            down = f"{at}_downsample"
            x = convolve(x, f"{down}_0", f"{down}_1", stride) if stride == 2 else x
            x = np.maximum(x + y, 0)
    np.testing.assert_allclose(
        unit(model(pixels))[0], unit(x.mean(axis=(0, 1))[None])[0], atol=1e-5
    )


def test_mish_takes_the_place_of_relu():
    model = build_backbone("resnet18", SIZE, activation="mish")
    kinds = [x.activation.__name__ for x in model.layers if type(x) is keras.layers.Activation]
    assert kinds == ["mish"] * 17
    # x tanh(log(1 + e**x)) at 1 and -1
    found = np.asarray(model.get_layer("act1")(np.float32([1, -1])))
    np.testing.assert_allclose(found, [0.865098, -0.303401], rtol=1e-5)


def test_keras_has_no_weights_of_resnet18():
    with pytest.raises(BackendError, match=r"no ImageNet weights of resnet18\. Those of timm"):
        build_backbone("resnet18", SIZE, "imagenet")


def test_random_weights_follow_the_seed(mobilenet, pixels):
    again = build_backbone("mobilenet-v2", SIZE)
    np.testing.assert_array_equal(np.asarray(again(pixels)), np.asarray(mobilenet(pixels)))
    other = build_backbone("mobilenet-v2", SIZE, seed=1)
    assert np.abs(unit(other(pixels)) - unit(mobilenet(pixels))).max() > 1e-2


def test_weights_of_a_file_are_all_loaded(mobilenet, pixels, tmp_path):
    path = tmp_path / "some.weights.h5"
    bare(mobilenet, keras.applications.MobileNetV2).save_weights(path)
    loaded = build_backbone("mobilenet-v2", SIZE, path)
    np.testing.assert_array_equal(np.asarray(loaded(pixels)), np.asarray(mobilenet(pixels)))


def test_a_file_that_does_not_fit_is_refused(mobilenet, tmp_path):
    path = tmp_path / "other.weights.h5"
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.save_weights(path)
    with pytest.raises(StoreError, match=r"holds no weights of mobilenet-v2"):
        build_backbone("mobilenet-v2", SIZE, path)
    holes = bare(mobilenet, keras.applications.MobileNetV2)
    kernel = holes.get_layer("Conv1").kernel
    kernel.assign(np.full(kernel.shape, np.nan, np.float32))
    holes.save_weights(path)
    with pytest.raises(StoreError, match=r"weights are missing or not finite\.$"):
        build_backbone("mobilenet-v2", SIZE, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"other\.weights\.h5 is damaged"):
        build_backbone("mobilenet-v2", SIZE, path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BackendError, match=r"there is no .*gone\.weights\.h5\. Set weights"):
        build_backbone("mobilenet-v2", SIZE, tmp_path / "gone.weights.h5")
    (tmp_path / "whole.keras").write_text("")
    with pytest.raises(StoreError, match=r"must be a \.weights\.h5 or \.h5 file"):
        build_backbone("mobilenet-v2", SIZE, tmp_path / "whole.keras")


@pytest.mark.parametrize("name", ["mobilenet-v2", "efficientnet-b0", "efficientnet-v2-b0"])
def test_imagenet_weights_that_cannot_be_downloaded(name, monkeypatch, capfd):
    def get_file(*args, **kwargs):
        raise Exception("URL fetch failure on https://x/y.h5: None -- [Errno -2] Name not known")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    message = rf"{name} needs its ImageNet weights.*\(\[Errno -2\] Name not known\)\. Run it once"
    with pytest.raises(BackendError, match=message):
        build_backbone(name, SIZE, "imagenet")
    assert capfd.readouterr() == ("", "")
    assert keras.config.is_interactive_logging_enabled()


def save_weights(model, path):
    """In the format of today, or in that of the files which Keras downloads."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
        return
    from h5py import File
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    with File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "mobilenet-v2",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("efficientnet-b0", "efficientnet-v2-b0")
        ),
    ],
)
@pytest.mark.parametrize("file", ["imagenet.weights.h5", "imagenet_notop.h5"])
def test_a_file_gives_what_a_download_gives(name, file, pixels, tmp_path, monkeypatch):
    """Keras builds another graph for EfficientNets whose weights it downloads itself."""
    path = tmp_path / file
    model = build_backbone(name, SIZE, seed=5)
    plain = bare(model, getattr(keras.applications, BACKBONES[name].builder))
    if name == "efficientnet-b0":
        mean, variance, _ = plain.layers[2].weights
        mean.assign([0.485, 0.456, 0.406])
        variance.assign(np.square([0.229, 0.224, 0.225]))
    save_weights(plain, path)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *a, **k: str(path))
    downloaded = build_backbone(name, SIZE, "imagenet")
    from_file = build_backbone(name, SIZE, path)
    np.testing.assert_allclose(unit(from_file(pixels)), unit(downloaded(pixels)), atol=1e-5)

    from_arrays = build_backbone(name, SIZE)
    import_weights(from_arrays, export_weights(downloaded), "arrays")
    np.testing.assert_allclose(unit(from_arrays(pixels)), unit(downloaded(pixels)), atol=1e-5)
    if name == "efficientnet-b0":
        plain.load_weights(path)
        assert np.abs(unit(plain(pixels)) - unit(downloaded(pixels))).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in BACKBONES if n.endswith(("b0", "b1", "v2-s", "tiny"))])
def test_outputs_are_finite_and_differ(name, pixels):
    vectors = np.asarray(build_backbone(name, SIZE)(pixels))
    assert np.isfinite(vectors).all()
    assert np.abs(unit(vectors)[0] - unit(vectors)[1]).max() > 1e-3
