"""Weights that come with the package, called ``base``, and weights stored in float16."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import matcher
from matcher.cli import main
from matcher.config import RunConfig
from matcher.encoders import make_encoder
from matcher.errors import BackendError, ConfigError, StoreError
from matcher.io import shipped
from matcher.io.artifacts import fingerprint, load_model, read_tensors, save_model, widen
from matcher.jobs.one_encoder import starting_config
from matcher.jobs.seen_rows import find_seen, refuse_seen
from matcher.jobs.steps import NOTHING_TO_COMPARE, NOTHING_TO_READ, encode
from matcher.models.settings import ImageArchitecture, ModelCard, TitleArchitecture
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import picture_digests, save_trained, title_digests
from matcher.types import ImageRef, Listings

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_bert"
NO_LISTINGS = Listings((), (), ())
BOTH = {
    "encoders": {
        "words": {"encoder": "tfidf"},
        "photos": {"encoder": "image", "weights": "base"},
        "meaning": {"encoder": "bert", "weights": "base"},
    },
    "fusion": {"thresholds": {"words": 0.8, "photos": 0.9, "meaning": 0.9}},
    "clustering": {},
}


def of(**encoders):
    """A config of those encoders."""
    fusion = {"method": "union", "thresholds": dict.fromkeys(encoders, 0.9)}
    return RunConfig.read({**BOTH, "encoders": encoders, "fusion": fusion}, "test")


@pytest.fixture(scope="module")
def listings(tmp_path_factory):
    folder, noise = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    refs = []
    for i in range(4):
        Image.fromarray(noise.integers(0, 256, (40, 50, 3), np.uint8)).save(folder / f"{i}.png")
        refs.append(ImageRef(folder / f"{i}.png"))
    titles = ("red cotton shirt", "usb cable", "blue shirt 150ml", "")
    return Listings(tuple("abcd"), titles, tuple(refs), np.array([0, 1, 0, 1]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory, listings):
    """A small run of each kind, as a training leaves it, trained on the first listing."""
    pytest.importorskip("keras")
    from matcher.encoders._saved import save_encoder, start_image_embedder, start_title_embedder

    folder = tmp_path_factory.mktemp("runs")
    picture = ImageArchitecture(backbone="resnet18", size=32, width=6)
    model = start_image_embedder(picture, seed=3)
    save_encoder(folder / "image", model, picture, ModelCard())
    title = TitleArchitecture(pooling="cls", width=5, max_tokens=12)
    model, _, start = start_title_embedder(title, str(TINY), seed=3)
    save_encoder(folder / "title", model, title, ModelCard(), start)
    save_trained(folder / "image", picture_digests(listings)[:1], "pictures")
    save_trained(folder / "title", title_digests(listings)[:1], "titles")
    return folder


@pytest.fixture
def base(runs, monkeypatch):
    """The package comes with those."""
    monkeypatch.setattr(shipped, "WEIGHTS", runs)
    return runs


@pytest.fixture
def no_base(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "none")


def fit(name, **settings):
    return make_encoder(name, precision="float32", **settings).fit(NO_LISTINGS)


def test_defaults():
    assert make_encoder("image").weights == "base"
    assert make_encoder("bert").weights == "base"
    assert make_encoder("mobilenet").weights == "imagenet"
    assert make_encoder("efficientnet").weights == "base"
    assert make_encoder("efficientnet", variant="b0").weights == "base"
    assert make_encoder("efficientnet", variant="b3").weights == "imagenet"
    assert make_encoder("efficientnet", variant="b3", weights="base").weights == "base"
    assert make_encoder("image", backbone="resnet50").weights == "imagenet"
    assert make_encoder("image", backbone="resnet50", weights="random").weights == "random"
    with pytest.raises(ConfigError, match="unknown setting 'weight'"):
        make_encoder("image", weight="base")


@pytest.mark.parametrize(("name", "other"), [("image", "imagenet"), ("bert", "MiniLM")])
def test_a_package_without_weights_says_so(name, other, no_base):
    told = rf"come with the package, but this copy of it has no .*model\.safetensors.*{other}"
    with pytest.raises(BackendError, match=told):
        fit(name)
    with pytest.raises(BackendError, match="come with the package"):
        fit("efficientnet")


def test_a_run_without_them_goes_on_with_the_others(no_base, listings):
    config = RunConfig.read(BOTH, "test")
    encodings = encode(config, listings, listings)
    assert list(encodings.tables[0]) == ["words"]
    assert all("come with the package" in why for why in encodings.left_out.values())
    assert not find_seen(config, listings)


@pytest.mark.keras
@pytest.mark.slow
def test_base_is_the_folder_in_the_package(base, listings):
    for name, kind, width in (("image", "image", 6), ("bert", "title", 5)):
        ours, named = fit(name), fit(name, weights=str(base / kind))
        assert ours.source == named.source
        found, expected = ours.encode(listings).vectors, named.encode(listings).vectors
        assert found.shape == (4, width)
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ConfigError, match="weights of resnet18, not of efficientnet-b0"):
        fit("efficientnet")
    with pytest.raises(ConfigError, match="weights of resnet18, not of mobilenet-v2"):
        fit("mobilenet", weights="base")


@pytest.mark.keras
def test_what_it_was_trained_on_is_not_scored(base, listings):
    config = RunConfig.read(BOTH, "test")
    seen = find_seen(config, listings)
    assert {Path(folder).name for folder in seen} == {"image", "title"}
    for name in ("image", "bert"):  # as the default, not by its name
        with pytest.raises(matcher.DataError, match=r"trained on 1 of the 4.*leave that encoder"):
            refuse_seen(of(**{name: {}}), listings)


@pytest.mark.keras
def test_float16_loads_as_float32(runs, tmp_path, listings):
    config, tensors = load_model(runs / "title")
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    for file in TINY.glob("tokenizer*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    mark = save_model(tmp_path, config, halves)
    stored = load_model(tmp_path)[1]
    assert {tensor.dtype.name for tensor in stored.values()} == {"float16"}
    assert mark == fingerprint(config, halves) != fingerprint(config, tensors)
    for name, tensor in read_tensors(tmp_path / "model.safetensors")[1].items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, halves[name])
    found = fit("bert", weights=str(tmp_path)).encode(listings).vectors
    expected = fit("bert", weights=str(runs / "title")).encode(listings).vectors
    assert (found * expected).sum(axis=1)[:3].min() > 0.9999
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(StoreError, match="damaged"):
        fit("bert", weights=str(tmp_path))


def test_only_halves_are_widened():
    given = {"a": np.float16([1.5]), "b": np.uint64([2]), "c": np.float64([3])}
    assert [t.dtype.name for t in widen(given).values()] == ["float32", "uint64", "float64"]


def test_an_encoder_with_nothing_to_read_loads_no_network(listings, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)  # an import would fail
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    config = RunConfig.read(BOTH, "test")
    bare = replace(listings, titles=("red shirt 1", "", "shirt", ""), images=(None,) * 4)
    only = of(words={"encoder": "tfidf"}, photos={"encoder": "image"})
    assert encode(only, bare, bare).left_out == {"photos": NOTHING_TO_READ}
    silent = replace(listings, titles=(" ",) * 4, images=(None,) * 4)
    with pytest.raises(BackendError, match="None of the encoders could run"):
        encode(config, silent, silent)
    told = encode(only, listings, bare, listings).left_out  # nothing to compare pictures with
    assert told == {"photos": NOTHING_TO_COMPARE}


@pytest.mark.keras
@pytest.mark.slow
def test_search_and_embed_by_the_encoders_name(base, root, tmp_path, capsys):
    table, images = root / "examples" / "listings.csv", root / "examples" / "images"
    query = next(path for path in sorted(images.iterdir()) if path.suffix == ".jpg")
    own = ["--images", str(images), "--encoders", "image"]
    assert main(["search", str(table), *own, "--image", str(query)]) == 0
    assert main(["embed", str(table), *own, "--out", str(tmp_path / "vectors.npz")]) == 0
    with np.load(tmp_path / "vectors.npz") as found:
        assert found["vectors"].shape == (219, 6)
    titles = ["--encoders", "bert", "--out", str(tmp_path / "titles.npz")]
    assert main(["embed", str(table), *titles]) == 0


def training(**network):
    return TrainConfig.read(
        {"source": {"listings": "x.csv"}, "loss": {"method": "arcface"}, **network}, "test"
    )


@pytest.mark.keras
def test_a_training_starts_from_base(base):
    image = training(image={"weights": "base"})
    assert image.image.architecture == ImageArchitecture(backbone="resnet18", size=32, width=6)
    wider = training(image={"weights": "base", "width": 9}).image
    assert (wider.width, wider.backbone) == (9, "resnet18")
    title = training(title={"weights": "base", "max_tokens": 20})
    assert title.title.pooling == "cls"
    assert title.title.max_tokens == 20
    assert TrainConfig.read(title.dump(), "again") == title
    for config in (image, title):
        ((_, modality),) = starting_config(config).encoders.items()
        assert modality.settings["weights"] == "base"


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", ["image", "title"])
def test_a_training_from_base_goes_on_from_what_that_was_trained_on(base, kind, root, tmp_path):
    from matcher.jobs.train import train
    from matcher.training.trained_rows import load_trained

    config = TrainConfig.read(
        {
            "source": {
                "listings": str(root / "examples" / "listings.csv"),
                "images": str(root / "examples" / "images"),
                "tie_phash": False,
            },
            kind: {"weights": "base"},
            "loss": {"method": "arcface", "scale": 16},
            "batches": {"size": 32, "per_group": 2},
            "epochs": 1,
            "validation": {"n_folds": 4, "test_fold": 1},
        },
        "test",
    )
    train(config, tmp_path / "run")
    earlier, found = load_trained(base / kind)[1], load_trained(tmp_path / "run")[1]
    assert set(earlier.tolist()) < set(found.tolist())
    assert fit("image" if kind == "image" else "bert", weights=str(tmp_path / "run"))
