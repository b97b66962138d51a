"""A whole training, from a table and a config to an encoder that is used."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from matcher.errors import ConfigError, DataError, StoreError
from matcher.jobs.train_files import read_sides

pytestmark = [pytest.mark.keras, pytest.mark.slow]
pytest.importorskip("keras")

N_PRODUCTS, PER_PRODUCT = 12, 4
COMMAND = "import sys; from matcher.cli.main import main; sys.exit(main(sys.argv[1:]))"
SMALL = {"backbone": "resnet18", "size": 32, "weights": "random"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Twelve products of four pictures each: a pattern of the product's own, and noise."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for product in range(N_PRODUCTS):
        pattern = rng.integers(0, 256, (4, 4, 3)).repeat(10, 0).repeat(10, 1)
        for i in range(PER_PRODUCT):
            noisy = np.clip(pattern + rng.normal(0, 30, pattern.shape), 0, 255).astype(np.uint8)
            name = f"{product}-{i}.png"
            Image.fromarray(noisy).save(folder / "images" / name)
            title = ["red mug", "blue cup", "green lamp"][product % 3] + f" {i}"
            rows.append({"id": f"i{product}{i}", "image": name, "title": title, "group": product})
    rows.append({"id": "broken", "image": "broken.png", "title": "", "group": 0})
    (folder / "images" / "broken.png").write_bytes(b"no picture")
    pd.DataFrame(rows).to_csv(folder / "listings.csv", index=False)
    return folder


def settings(shop, **changes):
    """A small training, with changes."""
    source = {"listings": str(shop / "listings.csv"), "images": str(shop / "images")}
    network = {} if "title" in changes else {"image": SMALL}
    return {
        "source": {**source, "tie_phash": False},
        **network,
        "loss": {"method": "arcface", "scale": 16, "margin": 0.2},
        "optimizer": {"learning_rate": 0.002},
        "freezing": {"norms": False},
        "batches": {"size": 8, "per_group": 2},
        "epochs": 3,
        "validation": {"n_folds": 3, "test_fold": 1, "batch": 16},
        **changes,
    }


def train(table, out):
    from matcher.jobs.train import train as run
    from matcher.training.settings import TrainConfig

    return run(TrainConfig.read(table, "test"), out)


@pytest.fixture(scope="module")
def trained(shop, tmp_path_factory):
    """A finished run and its report."""
    out = tmp_path_factory.mktemp("trained") / "run"
    table = settings(shop, epochs=4)
    return table, out, train(table, out)


def test_a_run_leaves_an_encoder_and_all_that_must_be_known(trained):
    _, out, report = trained
    names = {path.name for path in out.iterdir()}
    expected = {"model.safetensors", "config.json", "README.md", "training.yaml", "run.json"}
    assert names >= expected | {"log.csv", "training.png", "checkpoints", "trained-on"}
    run = json.loads((out / "run.json").read_text())
    assert run["status"] == "finished"
    assert run["metrics"]["best"] == report.metrics
    assert run["code"]["sha256"]
    assert run["data"]["fingerprint"]
    counts = report.counts
    products = ("trained_classes", "held_out_products", "test_products")
    assert sum(counts[name] for name in products) == N_PRODUCTS
    assert run["metrics"]["test"] == report.test
    assert report.test["after"]["threshold"] == report.metrics["threshold"]
    assert report.progress["step"] == 4 * (report.counts["trained_classes"] // 4)


def test_the_encoder_gives_what_was_validated(trained, shop):
    import matcher
    from matcher.encoders import make_encoder
    from matcher.training.trained_rows import load_chosen, picture_digests
    from matcher.training.validation import score_rows
    from matcher.types import Embeddings

    _, out, report = trained
    listings = matcher.read_listings(shop / "listings.csv", shop / "images")
    encoder = make_encoder("image", weights=str(out), precision="float32").fit(listings)
    vectors = encoder.encode(listings).vectors
    held = np.flatnonzero(np.isin(picture_digests(listings), load_chosen(out)))
    assert len(held) == report.counts["held_out_listings"]
    found = score_rows(Embeddings(vectors[held], "x"), listings.groups[held])
    assert found["top1"] == pytest.approx(report.metrics["top1"], abs=0.01)


def test_the_run_says_which_side_each_listing_was_on(trained, shop):
    import matcher

    _, out, report = trained
    listings = matcher.read_listings(shop / "listings.csv", shop / "images")
    sides = dict(zip(listings.ids, read_sides(out, listings), strict=True))
    told = Counter(sides.values())
    assert told["train"] == report.counts["trained_listings"]
    assert told["held_out"] == report.counts["held_out_listings"]
    assert told["test"] == report.counts["test_listings"]
    products = {}
    for name, side in sides.items():
        products.setdefault(name[:-1], set()).add(side)
    assert all(len(found) == 1 for name, found in products.items() if name != "broke")


def test_the_same_command_again_does_nothing(trained):
    table, out, report = trained
    again = train(table, out)
    assert not again.fresh
    assert again.metrics == report.metrics


def test_another_training_does_not_take_the_folder(trained):
    table, out, _ = trained
    with pytest.raises(StoreError, match="Name another folder"):
        train({**table, "seed": 5}, out)


def test_a_run_goes_on_from_another_at_another_size_and_with_another_loss(trained, tmp_path):
    table, out, report = trained
    chained = {
        **table,
        "image": {**SMALL, "size": 40},
        "loss": {"method": "contrastive", "memory": 16},
        "init_from": str(out),
        "epochs": 1,
    }
    found = train(chained, tmp_path / "next")
    assert found.before["top1"] >= report.before["top1"] - 0.2
    config = json.loads((tmp_path / "next" / "config.json").read_text())
    assert config["matcher"]["card"]["started_from"] == str(out)


def test_weights_of_an_earlier_run_count_as_what_a_training_goes_on_from(trained, tmp_path):
    table, out, _ = trained
    network = {**SMALL, "weights": str(out)}
    other = {**table, "image": network, "validation": {"n_folds": 3, "fold": 2}}
    with pytest.raises(DataError, match="was trained on"):
        train(other, tmp_path / "next")


def test_a_chain_is_not_scored_on_what_its_first_run_was_trained_on(trained, tmp_path):
    table, out, _ = trained
    other = {**table, "init_from": str(out), "validation": {"n_folds": 3, "fold": 2}}
    with pytest.raises(DataError, match="was trained on"):
        train(other, tmp_path / "leak")


def test_a_chain_is_not_tested_on_what_its_first_run_was_chosen_by(trained, tmp_path):
    table, out, _ = trained
    swapped = {"n_folds": 3, "fold": 1, "test_fold": 0}
    with pytest.raises(DataError, match=r"were chosen by .* test_fold"):
        train({**table, "init_from": str(out), "validation": swapped}, tmp_path / "leak")


def test_a_run_to_go_on_from_that_does_not_say_what_it_learnt_is_refused_first(trained, tmp_path):
    table, out, _ = trained
    shutil.copytree(out, tmp_path / "copy", ignore=shutil.ignore_patterns("trained-on"))
    (tmp_path / "copy" / "trained-on").mkdir()  # where the encoder's weights are, it counts too
    network = {**SMALL, "weights": str(tmp_path / "copy")}
    for given in ({"init_from": str(tmp_path / "copy")}, {"image": network}):
        with pytest.raises(StoreError, match="name the whole folder"):
            train({**table, **given}, tmp_path / "next")
        assert not (tmp_path / "next" / "training.yaml").exists()


def test_other_levels_are_another_training(shop, root, tmp_path):
    """The products, and so the split, are the same."""
    from matcher.io.listings import read_listings
    from matcher.jobs.train import _facts
    from matcher.jobs.train_rows import choose_rows
    from matcher.training.networks import start_network
    from matcher.training.settings import TrainConfig

    table = pd.read_csv(shop / "listings.csv", keep_default_na=False)
    title = {"weights": str(root / "tests" / "fixtures" / "tiny_bert"), "max_tokens": 16}
    path, digests = tmp_path / "x.csv", set()
    for kind in ("a", "b", "a"):
        table.assign(top="t", leaf=["a"] * 30 + [kind] * (len(table) - 30)).to_csv(path)
        source = {"listings": str(path), "levels": ["top", "leaf"]}
        given = settings(shop, title=title, source=source, loss={"method": "hierarchical"})
        config = TrainConfig.read({**given, "validation": {"split": "none"}}, "test")
        network = start_network(read_listings(path), config)
        digests.add(_facts(config, choose_rows(network, config), network)["digest"])
    assert len(digests) == 2


def test_titles_are_trained_too(shop, root, tmp_path):
    title = {"weights": str(root / "tests" / "fixtures" / "tiny_bert"), "max_tokens": 16}
    report = train(settings(shop, title=title), tmp_path / "run")
    assert report.progress["step"] > 0
    again = train(settings(shop, title=title), tmp_path / "again")
    assert_same_tensors(*(tmp_path / name / "model.safetensors" for name in ("run", "again")))
    assert again.metrics == report.metrics


def test_a_wrong_level_or_no_labels_is_refused(shop, tmp_path):
    bare = tmp_path / "bare.csv"
    bare.write_text((shop / "listings.csv").read_text().replace("group", "other", 1))
    source = {"listings": str(bare), "images": str(shop / "images")}
    with pytest.raises(DataError, match="no labels"):
        train(settings(shop, source=source), tmp_path / "run")
    levels = {"loss": {"method": "hierarchical"}, "source": {**source, "levels": ["title", "x"]}}
    with pytest.raises(ConfigError, match="names the column 'x'"):
        train(settings(shop, **levels), tmp_path / "run")


def assert_same_tensors(one, other):
    """Bit for bit."""
    from matcher.io.artifacts import read_tensors

    tensors = [read_tensors(path)[1] for path in (one, other)]
    assert tensors[0].keys() == tensors[1].keys()
    for name in tensors[0]:
        np.testing.assert_array_equal(tensors[0][name], tensors[1][name])


def start(config, out):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "train", str(config), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.long
def test_kill_9_at_any_moment_ends_with_the_same_weights(shop, tmp_path):
    config = tmp_path / "config.yaml"
    table = settings(
        shop,
        checkpoint_minutes=0,
        epochs=10,  # of one batch each
        validation={"n_folds": 3, "test_fold": 1, "batch": 16, "patience": None},
        centers="means",
        augment={"flip": True, "cut_out": 0.5},
        margin={"start": 0.1, "end": 0.5},
        freezing={"up_to": 0.5, "thaw": {1: 0.0}, "norms": False},
    )
    config.write_text(yaml.safe_dump(table))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = start(config, whole)
    _, said = done.communicate(timeout=300)
    assert done.returncode == 0, said
    for wanted, delay in ((2, 0.0), (6, 0.13)):
        running = start(config, cut)
        while running.poll() is None and last_step(cut) < wanted:
            time.sleep(0.01)
        time.sleep(delay)
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.communicate()
        assert not (cut / "model.safetensors").exists()
    ended = start(config, cut)
    told, said = ended.communicate(timeout=300)
    assert ended.returncode == 0, said
    assert b"held out" in told
    last = sorted((whole / "checkpoints").glob("step-*"))[-1].relative_to(whole)
    for name in ("model.safetensors", "trained-on/model.safetensors", last):
        assert_same_tensors(whole / name, cut / name)
    logs = [
        pd.read_csv(folder / "log.csv").drop(columns="rows_per_second") for folder in (whole, cut)
    ]
    pd.testing.assert_frame_equal(*logs)


def last_step(folder):
    """Step of the newest checkpoint."""
    found = [int(path.stem[5:]) for path in folder.glob("checkpoints/step-*.safetensors")]
    return max(found, default=0)
