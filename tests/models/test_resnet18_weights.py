"""PyTorch's ResNet18 in our network: its names, the order of its axes, and where it pads."""

import socket

import numpy as np
import pytest

from matcher.encoders import make_encoder
from matcher.encoders._saved import start_image_embedder
from matcher.errors import BackendError, StoreError
from matcher.models.settings import ImageArchitecture
from matcher.types import Listings

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.backbones import build_backbone  # noqa: E402

SIZE = 32
ARCHITECTURE = ImageArchitecture(backbone="resnet18", size=SIZE, neck="none")


def torch_state(rng):
    """Arrays as ``timm.create_model("resnet18").state_dict()`` names and shapes them."""

    def convolution(name, norm, shape):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        state[f"{name}.weight"] = (scale * rng.normal(size=shape)).astype(np.float32)
        state[f"{norm}.weight"] = rng.uniform(0.5, 1.5, shape[0]).astype(np.float32)
        state[f"{norm}.bias"] = rng.normal(0, 0.2, shape[0]).astype(np.float32)
        state[f"{norm}.running_mean"] = rng.normal(0, 0.2, shape[0]).astype(np.float32)
        state[f"{norm}.running_var"] = rng.uniform(0.5, 1.5, shape[0]).astype(np.float32)
        state[f"{norm}.num_batches_tracked"] = np.array(7)

    state = {}
    convolution("conv1", "bn1", (64, 3, 7, 7))
    inputs = 64
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            at = f"layer{stage}.{block}"
            convolution(f"{at}.conv1", f"{at}.bn1", (width, inputs, 3, 3))
            convolution(f"{at}.conv2", f"{at}.bn2", (width, width, 3, 3))
            if inputs != width:
                convolution(f"{at}.downsample.0", f"{at}.downsample.1", (width, inputs, 1, 1))
            inputs = width
    state |= {"fc.weight": np.zeros((10, 512), np.float32), "fc.bias": np.zeros(10, np.float32)}
    return state


def save(state, path):
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, {"format": "pt"})
    return str(path)


def test_a_stride_of_two_starts_where_pytorch_starts(rng, tmp_path):
    """Kernels with a single 1, so that each value of a map is one value of its input."""
    state = torch_state(rng)
    for name in ("conv1.weight", "layer2.0.conv1.weight"):
        state[name][:] = 0
    state["conv1.weight"][5, 2, 0, 1] = 1  # blue, first row, second column of 7 x 7
    state["layer2.0.conv1.weight"][9, 4, 0, 2] = 1
    state |= {"bn1.weight": np.ones(64, np.float32), "bn1.bias": np.zeros(64, np.float32)}
    state |= {"bn1.running_mean": state["bn1.bias"], "bn1.running_var": state["bn1.weight"]}
    model = start_image_embedder(ARCHITECTURE, save(state, tmp_path / "model.safetensors"))

    pixels = rng.integers(0, 256, (1, SIZE, SIZE, 3)).astype(np.float32)
    first = keras.Model(model.input, model.get_layer("bn1").output)
    found = np.asarray(first(pixels, training=False))[0, :, :, 5]
    # Three zeros on each side: row r, column c of the map sees row 2r - 3, column 2c - 2.
    blue = (pixels[0, :, :, 2] / 255 - 0.406) / 0.225
    np.testing.assert_allclose(found[2:, 1:], blue[1:28:2, 0:29:2], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found[:2], 0)
    np.testing.assert_array_equal(found[:, 0], 0)

    maps = rng.normal(size=(1, 8, 8, 64)).astype(np.float32)
    padded = model.get_layer("layer2_0_conv1_pad")(maps)
    found = np.asarray(model.get_layer("layer2_0_conv1")(padded))[0, :, :, 9]
    # One zero on each side: row 2r - 1, column 2c + 1.
    np.testing.assert_allclose(found[1:], maps[0, 1:6:2, 1:8:2, 4], rtol=1e-5)
    np.testing.assert_array_equal(found[0], 0)

    # The largest of rows 2r - 1 to 2r + 1: with zeros at the edge, below which no map goes there.
    maps = rng.uniform(size=(1, 16, 16, 64)).astype(np.float32)
    pooled = np.asarray(model.get_layer("maxpool")(model.get_layer("maxpool_pad")(maps)))
    assert pooled.shape == (1, 8, 8, 64)
    np.testing.assert_array_equal(pooled[0, 0, 0], maps[0, :2, :2].max(axis=(0, 1)))
    np.testing.assert_array_equal(pooled[0, 3, 7], maps[0, 5:8, 13:16].max(axis=(0, 1)))


def test_every_array_but_the_classifier_finds_its_place(rng, tmp_path):
    state = torch_state(rng)
    model = start_image_embedder(ARCHITECTURE, save(state, tmp_path / "model.safetensors"))
    kernel = np.asarray(model.get_layer("layer3_0_downsample_0").kernel)
    np.testing.assert_array_equal(kernel[0, 0], state["layer3.0.downsample.0.weight"][:, :, 0, 0].T)
    kernel = np.asarray(model.get_layer("layer4_1_conv2").kernel)
    np.testing.assert_array_equal(kernel[2, 0, 7], state["layer4.1.conv2.weight"][:, 7, 2, 0])
    norm = model.get_layer("layer1_0_bn2")
    for ours, theirs in (("gamma", "weight"), ("beta", "bias"), ("moving_variance", "running_var")):
        value = np.asarray(getattr(norm, ours))
        np.testing.assert_array_equal(value, state[f"layer1.0.bn2.{theirs}"])
    taken = sum(v.size for n, v in state.items() if "fc" not in n and "tracked" not in n)
    assert model.count_params() == taken


def test_what_is_not_such_a_file_is_refused(rng, tmp_path):
    state = torch_state(rng)
    del state["layer4.1.conv2.weight"]
    path = save(state, tmp_path / "lacking.safetensors")
    with pytest.raises(StoreError, match="lacks the weights 'layer4_1_conv2/kernel'"):
        start_image_embedder(ARCHITECTURE, path)
    state = torch_state(rng) | {"conv1.weight": np.zeros((64, 3, 3, 3), np.float32)}
    path = save(state, tmp_path / "other.safetensors")
    with pytest.raises(StoreError, match=r"'conv1/kernel' must have shape \(7, 7, 3, 64\)"):
        start_image_embedder(ARCHITECTURE, path)
    deeper = {"layer1.2.conv1.weight": np.zeros((64, 64, 3, 3), np.float32)}  # of a ResNet34
    path = save(torch_state(rng) | deeper, tmp_path / "deeper.safetensors")
    message = r"deeper\.safetensors .*another network.*'layer1\.2\.conv1\.weight' \(1 such"
    with pytest.raises(StoreError, match=message):
        start_image_embedder(ARCHITECTURE, path)
    with pytest.raises(BackendError, match=r"there is no .*gone\.safetensors"):
        start_image_embedder(ARCHITECTURE, str(tmp_path / "gone.safetensors"))
    with pytest.raises(StoreError, match=r"must be a \.weights\.h5 or \.h5 file"):
        start_image_embedder(ImageArchitecture(backbone="mobilenet-v2", size=SIZE), path)
    with pytest.raises(BackendError, match=r"matcher\.encoders and by trainings"):
        build_backbone("resnet18", SIZE, "imagenet")


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A machine without a network, and an empty cache of the hub."""

    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return tmp_path


def test_imagenet_weights_that_were_downloaded_need_no_network(rng, no_network):
    folder = no_network / "models--timm--resnet18.a1_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    path = save(torch_state(rng), folder / "snapshots" / ("0" * 40) / "model.safetensors")
    pixels = rng.integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.uint8)
    found, expected = (start_image_embedder(ARCHITECTURE, w) for w in ("imagenet", path))
    np.testing.assert_array_equal(np.asarray(found(pixels)), np.asarray(expected(pixels)))


def test_without_them_and_a_network_the_way_out_is_told(no_network):
    message = (
        r"The image encoder needs the weights 'timm/resnet18\.a1_in1k'.*`hf download "
        r"timm/resnet18\.a1_in1k --local-dir FOLDER`.*weights: to FOLDER/model\.safetensors"
    )
    with pytest.raises(BackendError, match=message):
        make_encoder("image", backbone="resnet18").fit(Listings((), (), ()))
