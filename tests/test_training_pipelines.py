"""The pipelines that train: the committed commands, on the bundled listings and tiny networks."""

import json
import re
import subprocess
import sys
from itertools import pairwise

import pandas as pd
import pytest
import yaml

import matcher
from matcher.config import RunConfig
from matcher.jobs.trained_encoders import planned_rows
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
    for config_of_training, name in ((IMAGE, "photos"), (TITLE, "names")):
        split = pd.read_csv(out / "runs" / name / "split.csv")["side"]
        listings = matcher.read_listings(root / TABLE, root / IMAGES)
        held = planned_rows(TrainConfig.read(config_of_training, name), listings)
        readable = held[(split != "unused")[held]]  # a tiny tokenizer cannot read all titles
        assert readable.tolist() == split.index[split.isin(["held_out", "test"])].tolist()
    assert list(submission) == ["posting_id", "matches"]
    assert len(submission) == 219
    assert json.loads((out / "run.json").read_text())["metrics"] == {}
    assert (out / "trained-on.csv").exists()
    assert "found among 219" in done.stdout


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.long
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


@pytest.fixture
def shopee(root, monkeypatch, capsys):
    """Runs the pipeline in this process, where it must not train: its status and errors."""
    from pipelines import shopee

    def call(*arguments):
        monkeypatch.chdir(root)
        monkeypatch.setattr("matcher.jobs.train.train", lambda *_: pytest.fail("trained"))
        monkeypatch.setattr(sys, "argv", ["shopee", *map(str, arguments)])
        return shopee.main(), capsys.readouterr().err

    return call


def test_shopee_knows_before_training_that_it_has_no_labels(shopee, root, tmp_path):
    table = pd.read_csv(root / TABLE, dtype=str)
    table.assign(label_group="").to_csv(tmp_path / "x.csv", index=False)
    (title,) = write(tmp_path, names=TITLE)
    given = ("configs/shopee.yaml", tmp_path / "x.csv", "--out", tmp_path / "out", "--train", title)
    status, told = shopee(*given)
    assert status == 2
    assert "x.csv has no labels" in told


def test_shopee_reads_the_columns_that_trainings_name(shopee, root, tmp_path):
    table = pd.read_csv(root / TABLE, dtype=str).rename(columns={"label_group": "product"})
    table.to_csv(tmp_path / "x.csv", index=False)
    source = {"listings": "x.csv", "columns": {"group": "product"}}
    image, title, other = write(
        tmp_path, a={**IMAGE, "source": source}, b={**TITLE, "source": source}, c=TITLE
    )
    given = ("configs/shopee.yaml", tmp_path / "x.csv", "--out", tmp_path / "out", "--train", image)
    status, told = shopee(*given, "--train", other)
    assert (status, "different source.columns" in told) == (2, True)
    with pytest.raises(pytest.fail.Exception, match="trained"):  # the labels were found
        shopee(*given, "--train", title)


@pytest.mark.parametrize("trains", [True, False])
def test_shopee_refuses_encoders_of_the_config_that_know_what_is_scored(
    shopee, root, tmp_path, trains
):
    import matcher
    from matcher.training.trained_rows import save_trained, title_digests

    listings = matcher.read_listings(root / TABLE, root / IMAGES)
    save_trained(tmp_path / "run", title_digests(listings), "titles")
    config = yaml.safe_load((root / "configs" / "shopee.yaml").read_text())
    config["encoders"]["names"] = {"encoder": "bert", "weights": str(tmp_path / "run")}
    config["fusion"]["thresholds"]["names"] = 0.9
    path, title = write(tmp_path, config=config, title=TITLE)
    more = ["--train", title] if trains else []
    status, told = shopee(path, TABLE, "--images", IMAGES, "--out", tmp_path / "out", *more)
    assert status == 2
    assert f"{tmp_path / 'run'} was trained on" in told


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


def test_the_runs_of_a_chain_share_a_split_with_a_test_fold(root):
    for ending in ("", "_small"):
        found = []
        for path in sorted((root / "configs" / "training").glob("product_search_*.yaml")):
            if path.stem.endswith("_small") == bool(ending):
                split = TrainConfig.load(path).validation
                found.append((split.n_folds, split.fold, split.test_fold))
        assert len(found) == 3
        assert len(set(found)) == 1
        assert found[0][2] is not None


def test_commands_of_config_headers_can_be_pasted(root):
    for path in sorted((root / "configs" / "training").glob("*.yaml")):
        lines = [line for line in path.read_text().splitlines() if line.startswith("#")]
        for line, after in pairwise(lines):
            if after.removeprefix("#").strip().startswith("--"):
                assert line.endswith(" \\"), f"{path.name}: {line}"
        text = " ".join(line.strip("# \\") for line in lines)
        for command in re.findall(r"(?:matcher train|python -m pipelines\.\w+) .*?configs/", text):
            rest = text[text.index(command) :]
            assert "--out " in rest[:300], f"{path.name}: {command}"
