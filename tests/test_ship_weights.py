"""A training becomes the weights that come with the package, and these are in the wheel."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import yaml

import matcher
from matcher.config import RunConfig
from matcher.encoders import make_encoder
from matcher.errors import ConfigError, DataError, StoreError
from matcher.io import shipped
from matcher.io.artifacts import load_model, save_model
from matcher.jobs.seen_rows import refuse_seen
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import load_chosen, load_trained, save_trained, title_digests
from pipelines import ship_weights
from pipelines._sources import find_in_sources
from pipelines.ship_weights import LIMITS, main, ship

TINY = "tests/fixtures/tiny_bert"
MEGABYTE = 1_000_000
CARD = "---\nlicense: Apache-2.0\ntags: [title]\n---\n\n# A tiny network\n\nMade for a test.\n"


@pytest.fixture(scope="module")
def listings(root):
    return matcher.read_listings(root / "examples" / "listings.csv", root / "examples" / "images")


@pytest.fixture(scope="module")
def title_run(root, tmp_path_factory):
    """A training of titles, from a config to its folder."""
    pytest.importorskip("keras")
    from matcher.jobs.train import train

    table = {
        "source": {"listings": str(root / "examples" / "listings.csv")},
        "title": {"weights": str(root / TINY), "max_tokens": 20, "width": 8},
        "loss": {"method": "arcface", "scale": 16},
        "batches": {"size": 32, "per_group": 2},
        "epochs": 1,
        "validation": {"n_folds": 4, "test_fold": 1},
    }
    out = tmp_path_factory.mktemp("trained") / "run"
    train(TrainConfig.read(table, "test"), out)
    return out


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Folder of the package's weights, not there yet."""
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "weights")
    return tmp_path / "weights"


@pytest.mark.keras
@pytest.mark.slow
def test_a_training_of_titles_is_shipped_and_used(title_run, package, listings, tmp_path, capsys):
    card = tmp_path / "card.md"
    card.write_text(CARD)
    assert main([str(title_run), "--as", "title", "--card", str(card)]) == 0
    assert "cosine with float32 >= 0.999" in capsys.readouterr().out
    folder = package / "title"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tokenizer = {"tokenizer.json", "tokenizer_config.json"}
    own = {"README.md", "config.json", "model.safetensors", "trained-on/model.safetensors"}
    assert names == own | tokenizer | {"trained-on/config.json"}
    assert [path.name for path in package.iterdir()] == ["title"]  # nothing is left aside
    config, tensors = load_model(folder)
    assert {tensor.dtype.name for tensor in tensors.values()} == {"float16"}
    assert config["matcher"]["stored"] == "float16"
    assert str(title_run.parent) not in str(config)
    text = (folder / "README.md").read_text()
    assert text.startswith(CARD.rstrip())
    assert "| weights stored as | float16 |" in text
    np.testing.assert_array_equal(load_trained(folder)[1], load_trained(title_run)[1])
    np.testing.assert_array_equal(load_chosen(folder), load_chosen(title_run))
    ours, theirs = (
        make_encoder("bert", precision="float32", **given).fit(listings).encode(listings)
        for given in ({}, {"weights": str(title_run)})
    )
    cosines = (ours.vectors * theirs.vectors).sum(axis=1)
    assert cosines[ours.present].min() > 0.9999
    table = {"encoders": {"bert": {}}, "fusion": {"thresholds": {"bert": 0.9}}, "clustering": {}}
    with pytest.raises(DataError, match="was trained on"):
        refuse_seen(RunConfig.read(table, "test"), listings)


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.long
def test_a_network_of_pictures_is_shipped_with_the_card_of_its_run(image_run, package):
    for size in (None, 48):  # the second in place of the first
        folder = ship(image_run, "image", size=size)
    assert folder == package / "image"
    front = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert front["tags"] == ["image"]
    encoder = make_encoder("image", precision="float32").fit(matcher.Listings((), (), ()))
    assert (encoder.size, encoder.width) == (48, 6)


@pytest.mark.keras
@pytest.mark.slow
def test_what_may_not_be_shipped(image_run, package, tmp_path, monkeypatch, capsys):
    with pytest.raises(ConfigError, match=r"of the kind image\. Received: --as title"):
        ship(image_run, "title")
    card = tmp_path / "card.md"
    for text in ("# No front matter\n", "---\ntags: [x]\n---\n# No licence\n"):
        card.write_text(text)
        with pytest.raises(ConfigError, match="front matter that names a licence"):
            ship(image_run, "image", card)
    config, tensors = load_model(image_run)
    huge = {name: t * 1e9 if name == "projection/kernel" else t for name, t in tensors.items()}
    save_model(tmp_path / "huge", config, huge)
    with pytest.raises(StoreError, match="says what it was trained on"):
        ship(tmp_path / "huge", "image")
    save_trained(tmp_path / "huge", np.uint64([3]), "pictures")
    with pytest.raises(StoreError, match="beyond what float16 can hold, in 'projection/kernel'"):
        ship(tmp_path / "huge", "image")
    monkeypatch.setattr(ship_weights, "LEAST_COSINE", 1.1)
    with pytest.raises(StoreError, match=r"gives other vectors: the lowest cosine .* is \d"):
        ship(image_run, "image")
    monkeypatch.setattr(ship_weights, "LEAST_COSINE", 0.9999)
    monkeypatch.setattr(ship_weights, "LIMITS", {"image": 1000})
    assert main([str(image_run), "--as", "image"]) == 2
    assert "takes 0 MB at most. Train a smaller" in capsys.readouterr().err
    assert not list(package.iterdir())


@pytest.mark.parametrize("kind", list(LIMITS))
def test_the_folder_in_the_package_is_whole_and_small(kind, root):
    folder = shipped.WEIGHTS / kind
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    assert folder == root / "matcher" / "weights" / kind
    config, tensors = load_model(folder)
    assert "float32" not in {tensor.dtype.name for tensor in tensors.values()}
    assert (folder / "model.safetensors").stat().st_size <= LIMITS[kind]
    assert len(load_trained(folder)[1])
    assert "license:" in (folder / "README.md").read_text(encoding="utf-8")
    for file in (*folder.rglob("*.json"), *folder.rglob("*.md")):
        # nothing of the machine it was made on: no value is a whole path
        assert not re.search(rb'[": ](/[a-z]+/|[A-Z]:\\)', file.read_bytes()), file
    if kind == "image":  # what the encoder efficientnet takes by default
        assert config["matcher"]["architecture"]["backbone"] == "efficientnet-b0"


def test_what_is_shipped_is_small():
    files = [path for path in shipped.WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 26 * MEGABYTE


@pytest.mark.slow
def test_the_wheel_holds_the_weights(root, tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    pytest.importorskip("hatchling")
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size <= 30 * MEGABYTE
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    weights = Path(root / "matcher" / "weights")
    expected = {p.relative_to(root).as_posix() for p in weights.rglob("*") if p.is_file()}
    assert expected <= names
    assert "matcher/default.yaml" in names
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_titles_are_known_in_the_tables_they_come_from(tmp_path):
    (tmp_path / "own.csv").write_text("id,title\nx1,red mug\nx2,blue cup\nx3,green jug\n")
    (tmp_path / "a.csv").write_text("id,name,description\n1,red mug,large\n2,blue cup,\n3,pen,\n")
    (tmp_path / "split.csv").write_text("listing_id,side\nx1,train\nx2,held_out\nx3,test\n")
    source = {"source": {"listings": str(tmp_path / "own.csv")}, "title": {}, "loss": {}}
    (tmp_path / "training.yaml").write_text(yaml.safe_dump(source))
    trained, chosen = find_in_sources(tmp_path, [f"{tmp_path}/a.csv=name;name,description"])
    expected = matcher.Listings(("1", "2"), ("red mug", "blue cup"), (None, None))
    first, second = title_digests(expected)
    assert first in trained
    assert second in chosen
    assert len(trained) == 2  # in both readings
    (tmp_path / "b.csv").write_text("id,title\n1,pen\n")
    with pytest.raises(DataError, match=r"trained on none of the titles of .*b\.csv"):
        find_in_sources(tmp_path, [str(tmp_path / "b.csv")])
