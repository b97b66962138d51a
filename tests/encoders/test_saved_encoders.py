"""What a training saves, and the encoders that load it: the same vectors, nothing executed."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from matcher.encoders import make_encoder
from matcher.errors import ConfigError, StoreError
from matcher.io.artifacts import load_model, read_config, save_model
from matcher.io.images import read_pixels
from matcher.models.settings import ImageArchitecture, ModelCard, TitleArchitecture
from matcher.types import ImageRef, Listings

pytestmark = pytest.mark.keras
pytest.importorskip("keras")

from matcher.encoders._saved import (  # noqa: E402
    load_encoder_model,
    save_encoder,
    start_image_embedder,
    start_title_embedder,
)
from matcher.encoders._tokens import pad  # noqa: E402

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_bert"
NO_LISTINGS = Listings((), (), ())
CARD = ModelCard(title="Shoes", license="Apache-2.0", metrics={"top1": 0.8312})
TITLES = ("red cotton shirt", "usb cable", "blue shirt 150ml", "")


def fit(name, **settings):
    return make_encoder(name, **{"precision": "float32"} | settings).fit(NO_LISTINGS)


def train(model, rng):
    """Stand in for a training: every weight moves, running variances stay positive."""
    for variable in model.weights:
        change = rng.normal(0, 0.05, tuple(variable.shape)).astype(np.float32)
        old = np.asarray(variable)
        variable.assign(old * np.exp(change) if "variance" in variable.path else old + change)


def cosines(one, other):
    one, other = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (one, other))
    return (one * other).sum(axis=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, noise = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    refs = []
    for i in range(4):
        Image.fromarray(noise.integers(0, 256, (70, 50, 3), np.uint8)).save(folder / f"{i}.png")
        refs.append(ImageRef(folder / f"{i}.png"))
    return Listings(tuple("abcd"), ("",) * 4, tuple(refs))


@pytest.fixture(scope="module")
def image_run(tmp_path_factory):
    """An artefact of each kind of head, and the network it was saved from."""
    folder = tmp_path_factory.mktemp("image")
    parts = {"backbone": "resnet18", "size": 64, "pooling": "gem", "width": 24}
    architecture = ImageArchitecture(**parts, activation="mish")
    model = start_image_embedder(architecture, seed=3)
    train(model, np.random.default_rng(1))
    save_encoder(folder, model, architecture, CARD)
    return folder, model, architecture


@pytest.fixture(scope="module")
def title_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("title")
    architecture = TitleArchitecture(pooling="cls", width=12, max_tokens=11)
    model, tokenizer, start = start_title_embedder(architecture, str(TINY), seed=3)
    train(model, np.random.default_rng(1))
    save_encoder(folder, model, architecture, CARD, start)
    return folder, model, tokenizer


@pytest.mark.slow
def test_pictures_get_the_vectors_of_the_trained_network(image_run, pictures):
    folder, model, _ = image_run
    encoder = fit("image", weights=str(folder))
    found = encoder.encode(pictures).vectors
    pixels = np.stack([read_pixels(ref, 64) for ref in pictures.images])
    expected = np.asarray(model(pixels, training=False))
    assert found.shape == (4, 24)
    assert cosines(found, expected).min() > 0.9999
    assert cosines(found[:1], expected[1:2]) < 0.999
    assert encoder.source.startswith("image:64:")


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["average", "scda"])
def test_a_neck_alone(pooling, pictures, tmp_path):
    architecture = ImageArchitecture(backbone="mobilenet-v2", size=64, pooling=pooling)
    model = start_image_embedder(architecture)
    train(model, np.random.default_rng(2))
    save_encoder(tmp_path, model, architecture, CARD)
    pixels = np.stack([read_pixels(ref, 64) for ref in pictures.images])
    expected = np.asarray(model(pixels, training=False))
    for name, more in (("image", {"backbone": "mobilenet-v2"}), ("mobilenet", {})):
        found = fit(name, weights=str(tmp_path), **more).encode(pictures).vectors
        assert cosines(found, expected).min() > 0.9999
    with pytest.raises(ConfigError, match="weights of mobilenet-v2, not of efficientnet-b0"):
        fit("efficientnet", weights=str(tmp_path))


def test_a_network_comes_back_whole(image_run, rng):
    folder, model, architecture = image_run
    again, read = load_encoder_model(folder)
    assert read == architecture
    pixels = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    np.testing.assert_allclose(np.asarray(again(pixels)), np.asarray(model(pixels)), rtol=1e-5)
    assert save_encoder(folder.with_name("copy"), again, read, CARD) == load_mark(folder)


def load_mark(folder):
    from matcher.io.artifacts import fingerprint

    return fingerprint(*load_model(folder))


@pytest.mark.slow
def test_another_size_and_what_does_not_fit(image_run, pictures):
    folder = str(image_run[0])
    finer = fit("image", weights=folder, size=96)
    assert (finer.size, finer.encode(pictures).vectors.shape) == (96, (4, 24))
    with pytest.raises(ConfigError, match=r"trained with pooling: gem\. Received: scda"):
        fit("image", weights=folder, pooling="scda")
    assert fit("image", weights=folder, backbone="resnet18", activation="mish").size == 64
    with pytest.raises(ConfigError, match=r"trained with activation: mish\. Received: relu"):
        fit("image", weights=folder, backbone="resnet18", activation="relu")
    with pytest.raises(ConfigError, match="weights of resnet18, not of resnet50"):
        fit("image", weights=folder, backbone="resnet50")
    with pytest.raises(ConfigError, match=r"name it with backbone:, e\.g\. resnet50"):
        fit("image", weights="random")
    with pytest.raises(ConfigError, match="Did you mean 'resnet18'"):
        make_encoder("image", backbone="resnet17")


@pytest.mark.slow
def test_poolings_without_a_training(pictures):
    plain = {"backbone": "resnet18", "weights": "random", "size": 64}
    kinds = {p: fit("image", **plain, pooling=p) for p in ("average", "gem", "scda")}
    widths = {p: e.encode(pictures).vectors.shape[1] for p, e in kinds.items()}
    assert widths == {"average": 512, "gem": 512, "scda": 1024}
    assert len({e.source for e in kinds.values()}) == 3
    assert fit("image", **plain).source == kinds["average"].source
    assert fit("image", **plain, activation="mish").source != kinds["average"].source
    with pytest.raises(ConfigError, match="for backbone: resnet18 alone"):
        make_encoder("image", backbone="resnet50", activation="mish")


def test_a_training_starts_from_another(image_run):
    folder, model, _ = image_run
    parts = {"backbone": "resnet18", "activation": "mish", "size": 96}
    start = start_image_embedder(ImageArchitecture(**parts), str(folder))
    kernel = np.asarray(model.get_layer("layer4_1_conv2").kernel)
    np.testing.assert_array_equal(np.asarray(start.get_layer("layer4_1_conv2").kernel), kernel)
    assert start.input_shape == (None, 96, 96, 3)
    with pytest.raises(ConfigError, match="weights of resnet18, not of resnet50"):
        start_image_embedder(ImageArchitecture(backbone="resnet50"), str(folder))


def test_titles_get_the_vectors_of_the_trained_network(title_run):
    folder, model, tokenizer = title_run
    encoder = fit("bert", weights=str(folder))
    listings = Listings(tuple("abcd"), TITLES, (None,) * 4)
    encoded = encoder.encode(listings)
    expected = np.asarray(model(list(pad(tokenizer(TITLES[:3]), 8)), training=False))
    assert encoded.vectors.shape == (4, 12)
    assert cosines(encoded.vectors[:3], expected).min() > 0.9999
    assert encoded.present.tolist() == [True, True, True, False]
    assert encoder.source.startswith("bert:cls:11:")
    assert fit("bert", weights=str(folder), max_tokens=7).tokenizer.max_tokens == 7
    with pytest.raises(ConfigError, match=r"trained with pooling: cls\. Received: mean"):
        fit("bert", weights=str(folder), pooling="mean")


def test_a_title_artefact_is_a_folder_of_hugging_face(title_run):
    from transformers import AutoConfig

    folder, model, _ = title_run
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    assert (config.model_type, config.hidden_size) == ("bert", 32)
    _, tensors = load_model(folder)
    ours = {name for name in tensors if name.startswith("matcher/")}
    assert {name.partition("/")[2].partition("/")[0] for name in ours} == {"projection", "neck"}
    words = np.asarray(model.get_layer("embedding").words.embeddings)
    np.testing.assert_array_equal(tensors["embeddings.word_embeddings.weight"], words)


@pytest.mark.slow
def test_a_title_training_starts_from_another(title_run, tmp_path):
    folder, model, _ = title_run
    same = TitleArchitecture(pooling="cls", width=12, max_tokens=20)
    again, tokenizer, start = start_title_embedder(same, str(folder))
    neck = np.asarray(model.get_layer("neck").gamma)
    np.testing.assert_array_equal(np.asarray(again.get_layer("neck").gamma), neck)
    assert (tokenizer.max_tokens, start) == (20, folder)
    save_encoder(folder, again, same, CARD, start)  # into the folder it came from
    assert fit("bert", weights=str(folder)).tokenizer.max_tokens == 20
    with pytest.raises(ConfigError, match="max_tokens is at most 24"):
        start_title_embedder(TitleArchitecture(), str(TINY))
    with pytest.raises(ConfigError, match="give tokenizer_from"):
        save_encoder(tmp_path, again, same, CARD)


def test_pictures_and_titles_are_told_apart(image_run, title_run):
    with pytest.raises(ConfigError, match=r"holds a network for titles\. Name one for pictures"):
        fit("image", weights=str(title_run[0]))
    with pytest.raises(ConfigError, match="network for titles"):
        start_image_embedder(ImageArchitecture(backbone="resnet18"), str(title_run[0]))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (image_run[0] / name).write_bytes((TINY / name).read_bytes())
    with pytest.raises(ConfigError, match=r"holds a network for pictures\. Name one for titles"):
        fit("bert", weights=str(image_run[0]))


def test_damaged_artefacts_are_refused(image_run, tmp_path):
    folder, _, _ = image_run
    config, tensors = load_model(folder)
    save_model(tmp_path / "lacking", config, {n: t for n, t in tensors.items() if n != "neck/beta"})
    with pytest.raises(StoreError, match="lacks the weights 'neck/beta'"):
        fit("image", weights=str(tmp_path / "lacking"))
    save_model(tmp_path / "newer", {"matcher": {**config["matcher"], "modality": "sound"}}, tensors)
    save_model(tmp_path / "other", {"vocab": 5}, tensors)
    about = {**config["matcher"], "architecture": {"backbone": "resnet18", "layers": 7}}
    save_model(tmp_path / "unknown", {"matcher": about}, tensors)
    for name in ("newer", "other", "unknown"):
        with pytest.raises(StoreError, match="holds no network that this version knows"):
            fit("image", weights=str(tmp_path / name))
    path = tmp_path / "lacking" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(StoreError, match="damaged"):
        fit("image", weights=str(path.parent))


def test_a_title_artefact_that_lacks_a_neck_is_refused(title_run, tmp_path):
    config, tensors = load_model(title_run[0])
    for file in title_run[0].glob("tokenizer*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    save_model(tmp_path, config, {n: t for n, t in tensors.items() if "neck/gamma" not in n})
    with pytest.raises(StoreError, match="lacks the weights 'neck/gamma'"):
        fit("bert", weights=str(tmp_path))


def test_the_card_says_what_people_must_know(image_run, tmp_path):
    folder, model, architecture = image_run
    text = (folder / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front == {"library_name": "keras", "license": "Apache-2.0", "tags": ["image"]}
    assert "# Shoes" in text
    assert "| top1 | 0.8312 |" in text
    assert "weights: FOLDER" in text
    assert load_mark(folder) in text
    hostile = ModelCard(
        title="<script>alert(1)</script>\n# Ha",
        data="a | b",
        license="x\n---\ny: [",
        metrics={"=cmd|' /C calc'!A0": float("1")},
        loss={"arcface": {"margin": 0.5}},
    )
    save_encoder(tmp_path, model, architecture, hostile)
    text = (tmp_path / "README.md").read_text()
    assert "<script>" not in text.replace("\\<", "")
    assert "| trained on | a \\| b |" in text
    assert [line for line in text.splitlines() if line.startswith("# ")] == [
        "# \\<script\\>alert(1)\\</script\\> \\# Ha"
    ]
    about = json.loads((tmp_path / "config.json").read_text())["matcher"]
    assert about["card"]["loss"] == {"arcface": {"margin": 0.5}}
    assert about["dimension"] == 24
    assert about["preprocessing"]["resize"].endswith("64 x 64")
    assert read_config(tmp_path)["matcher"]["modality"] == "image"


def test_figures_that_are_no_numbers_are_refused():
    with pytest.raises(ConfigError, match=r"metrics\.top1.*finite number"):
        ModelCard.read({"metrics": {"top1": float("nan")}}, "card")
