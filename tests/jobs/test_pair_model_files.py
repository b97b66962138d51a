"""Stored pair models: read again with their reliability, or refused in words."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import matcher
from matcher.calibration import reliability
from matcher.cli.main import main
from matcher.errors import StoreError
from matcher.io.artifacts import load_model, save_model
from matcher.jobs.pair_models import load_pair_model, save_pair_model
from matcher.jobs.steps import resolve_config
from matcher.jobs.tune import Tuned, write_config


def test_a_saved_model_carries_its_own_reliability(tuned, folder):
    assert_same(load_pair_model(folder / "mine.pairs").reliability, tuned.reliability)
    again = Tuned(resolve_config(folder / "mine.yaml"), 1.0, 1.0, 300, 300)
    write_config(again, folder / "other" / "other.yaml")  # the page can be drawn again
    page = (folder / "other" / "other.html").read_text()
    assert f"off by {tuned.reliability.error:.3f}" in page
    assert resolve_config(folder / "other" / "other.yaml").fusion.trained is not None


def test_bins_without_pairs_are_null_in_its_json(tuned, tmp_path):
    ones = np.ones(2, np.int64)
    told = reliability(np.float32([0.25, 0.25]), np.array([True, False]), ones)
    model = replace(tuned.config.fusion.trained, reliability=told)
    save_pair_model(model, tmp_path / "m")
    stored = json.loads((tmp_path / "m" / "config.json").read_text())["reliability"]
    assert stored["observed"] == [None, None, 0.5, *[None] * 7]
    assert_same(load_pair_model(tmp_path / "m").reliability, told)


def assert_same(first, second):
    for name in ("predicted", "observed", "weight", "n_pairs"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.brier, first.error) == (second.brier, second.error)


def change(folder, **changes):
    """Store other settings with the same trees, as another program might."""
    about, tensors = load_model(folder)
    save_model(folder, {**about, **changes}, tensors)


def remove_trees(folder):
    about, tensors = load_model(folder)
    save_model(folder, about, {name: t for name, t in tensors.items() if name != "value"})


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, r"mine\.pairs, and there is no such folder. Move it there"),
        (lambda f: (f / "model.safetensors").unlink(), "does not exist"),
        (cut_short, "damaged .* Copy or download it again"),
        (flip_a_bit, "damaged.* Copy or save it again"),
        (lambda f: (f / "config.json").write_text("{}"), "other settings .* Delete it"),
        (lambda f: change(f, kind="encoder"), "kind 'encoder'. Name a folder that `matcher tune`"),
        (lambda f: change(f, format=2), "format 1. Received: .* format 2. Install the version"),
        (lambda f: change(f, features=["words"]), "no whole pair model: .* train it again"),
        (lambda f: change(f, reliability={}), "no whole pair model: Reliability .* train it again"),
        (remove_trees, "no whole pair model: .* lacks value"),
    ],
)
def test_a_pair_model_that_cannot_be_read(table, folder, spoil, message):
    spoil(folder / "mine.pairs")
    with pytest.raises(StoreError, match=message):
        matcher.dedupe(table, config=folder / "mine.yaml")


def test_a_pair_model_of_before_reliability_was_stored(table, folder):
    about, tensors = load_model(folder / "mine.pairs")
    old = {name: about[name] for name in ("kind", "features", "slope", "offset")}
    save_model(folder / "mine.pairs", old, tensors)
    config = resolve_config(folder / "mine.yaml")
    assert config.fusion.trained.reliability is None
    (folder / "other").mkdir()
    written = write_config(Tuned(config, 1.0, 1.0, 300, 300), folder / "other" / "other.yaml")
    assert [path.name for path in written] == ["other.yaml", "other.pairs"]
    assert sorted(path.name for path in (folder / "other").rglob("*")) == [
        "config.json", "model.safetensors", "other.pairs", "other.yaml",
    ]  # fmt: skip
    assert len(matcher.dedupe(table, config=config).listings) == 300


def test_the_command_names_a_model_that_is_gone(table, folder, capsys):
    table.to_csv(folder / "t.csv", index=False)
    shutil.rmtree(folder / "mine.pairs")
    assert main(["dedupe", str(folder / "t.csv"), "--config", str(folder / "mine.yaml")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
