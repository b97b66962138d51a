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


def test_every_name_is_a_network_of_keras():
    assert all(hasattr(keras.applications, b.builder) for b in BACKBONES.values())
    assert len({b.builder for b in BACKBONES.values()}) == len(BACKBONES) == 16


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"'efficientnet-b9'\. Did you mean 'efficientnet-b"):
        find_backbone("efficientnet-b9")


def test_mobilenet_takes_pixels(mobilenet, pixels):
    plain = bare(mobilenet, keras.applications.MobileNetV2)
    expected = plain(pixels.astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(unit(mobilenet(pixels)), unit(expected), atol=1e-5)
    assert np.abs(unit(plain(pixels)) - unit(expected)).max() > 1e-2


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
@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-v2-b0", "mobilenet-v2"])
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
@pytest.mark.parametrize("name", [n for n in BACKBONES if n.endswith(("b0", "b1", "v2-s"))])
def test_outputs_are_finite_and_differ(name, pixels):
    vectors = np.asarray(build_backbone(name, SIZE)(pixels))
    assert np.isfinite(vectors).all()
    assert np.abs(unit(vectors)[0] - unit(vectors)[1]).max() > 1e-3
