"""The pipelines that train: the committed commands, on the bundled listings and tiny networks."""

import json
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from matcher.config import RunConfig
from matcher.training.settings import TrainConfig

SPLIT = {"n_folds": 4, "fold": 0, "test_fold": 1}
COMMON = {
    "source": {"listings": "nowhere.csv"},
    "loss": {"method": "arcface", "scale": 16, "size_power": 0.2},
    "margin": {"start": 0.1, "end": 0.3},
    "optimizer": {"learning_rate": 0.0003, "head_multiplier": 10},
    "batches": {"size": 32, "per_group": 2},
    "epochs": 2,
    "validation": {**SPLIT, "metric": "row_f1"},
}
IMAGE = {
    **COMMON,
    "image": {"backbone": "resnet18", "size": 32, "weights": "random"},
    "freezing": {"norms": False},
}
TITLE = {**COMMON, "title": {"weights": "tests/fixtures/tiny_bert", "max_tokens": 24}}
TABLE, IMAGES = "examples/listings.csv", "examples/images"


def write(folder, **configs):
    """Write configs; their paths."""
    for name, config in configs.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return [str(folder / f"{name}.yaml") for name in configs]


def run(root, pipeline, *arguments):
    command = [sys.executable, "-m", f"pipelines.{pipeline}", *map(str, arguments)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shop(root, tmp_path_factory):
    """Both encoders trained, and all listings matched with them."""
    pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("shop")
    image, title = write(folder, photos=IMAGE, names=TITLE)
    options = ["--images", IMAGES, "--out", folder / "out", "--train", image, "--train", title]
    done = run(root, "shopee", "configs/shopee.yaml", TABLE, *options)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.mark.keras
@pytest.mark.slow
def test_shopee_trains_tunes_matches_all_and_scores_the_test_fold(shop, root):
    folder, done = shop
    out = folder / "out"
    sides = pd.read_csv(out / "runs" / "photos" / "split.csv").set_index("listing_id")["side"]
    other = pd.read_csv(out / "runs" / "names" / "split.csv").set_index("listing_id")["side"]
    both = (sides != "unused") & (other != "unused")
    assert (sides[both] == other[both]).all()
    told = json.loads((out / "held_out.json").read_text())
    assert told["gallery"] == 219
    assert told["scored"] == ((sides == "test") | (other == "test")).sum()
    assert told["thresholds_from"] == ((sides == "held_out") | (other == "held_out")).sum()
    for figures in (told, told["without_training"]):
        assert 0.5 < figures["rowwise_f1"] <= 1
    config = RunConfig.load(out / "config.yaml")
    assert {"image", "bert"} <= set(config.encoders) & set(config.fusion.thresholds)
    submission = pd.read_csv(out / "matches.csv")
    assert list(submission) == ["posting_id", "matches"]
    assert len(submission) == 219
    assert json.loads((out / "run.json").read_text())["metrics"] == {}
    assert (out / "trained-on.csv").exists()
    assert "found among 219" in done.stdout


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "name", "baselines"),
    [
        ("train_title", "names", ["TF-IDF of words", "TF-IDF of characters"]),
        ("train_image", "photos", ["equal perceptual hash"]),
    ],
)
def test_a_training_is_scored_beside_its_start_and_what_nobody_trained(
    shop, root, pipeline, name, baselines
):
    folder, _ = shop
    out = folder / "out" / "runs" / name  # it has ended: the same command only scores it
    options = ["--listings", TABLE, "--images", IMAGES, "--out", out]
    done = run(root, pipeline, folder / f"{name}.yaml", *options)
    assert done.returncode == 0, done.stderr
    told = json.loads((out / "held_out.json").read_text())
    assert list(told["encoders"]) == [*baselines, "before training", "after training"]
    assert told["gallery"] == told["scored"] > 20
    for figures in told["encoders"].values():
        assert 0 < figures["row_f1"] <= 1
        assert figures["top1"] <= figures["top5"]
    assert told["encoders"][baselines[0]]["row_f1"] > 0.4
    assert "after training" in done.stdout


@pytest.mark.parametrize(
    ("pipeline", "config", "more", "message"),
    [
        ("train_title", TITLE, [], "nowhere.csv"),
        ("train_title", IMAGE, [], "no title network"),
        ("train_image", TITLE, [], "no image network"),
        ("train_title", {**TITLE, "validation": {}}, [], "validation.test_fold"),
        ("train_image", {**IMAGE, "los": {}}, [], "unknown setting 'los'"),
    ],
)
def test_a_training_that_cannot_be_scored_is_refused_in_one_line(
    root, tmp_path, pipeline, config, more, message
):
    (path,) = write(tmp_path, given=config)
    done = run(root, pipeline, path, "--out", tmp_path / "run", *more)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "held_out.json").exists()


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ({"a": IMAGE, "b": {**TITLE, "seed": 1}}, "share a split"),
        ({"a": TITLE, "b": TITLE}, "both train an encoder of titles"),
        ({"a": {**TITLE, "validation": {}}}, "holds nothing out"),
    ],
)
def test_trainings_that_do_not_go_together_are_refused_before_any_work(
    root, tmp_path, configs, message
):
    given = [part for path in write(tmp_path, **configs) for part in ("--train", path)]
    done = run(root, "shopee", "configs/shopee.yaml", TABLE, "--out", tmp_path / "out", *given)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out" / "runs").exists()


def test_shopee_needs_labels(root, tmp_path):
    pd.read_csv(root / TABLE).drop(columns="label_group").to_csv(tmp_path / "x.csv", index=False)
    done = run(root, "shopee", "configs/shopee.yaml", tmp_path / "x.csv", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "label_group" in done.stderr


def test_help_is_quick(root):
    code = (
        "import sys, runpy; sys.argv = ['x', '--help']\n"
        "try: runpy.run_module('pipelines.NAME', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "assert not {'keras', 'tensorflow', 'sklearn', 'pandas', 'numpy'} & set(sys.modules)"
    )
    for name in ("shopee", "train_title", "train_image"):
        command = [sys.executable, "-c", code.replace("NAME", name)]
        subprocess.run(command, cwd=root, check=True, capture_output=True)


def test_the_configs_of_shopee_share_a_split(root):
    from matcher.jobs.trained_encoders import check_shared

    for ending in ("", "_small"):
        names = [f"shopee_{kind}{ending}" for kind in ("image", "title")]
        load = {n: TrainConfig.load(root / "configs" / "training" / f"{n}.yaml") for n in names}
        check_shared(load)
