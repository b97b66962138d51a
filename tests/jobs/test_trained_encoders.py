"""Several trained encoders in one config, and the split that they share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError, StoreError
from matcher.jobs.trained_encoders import (
    check_shared,
    planned_rows,
    refuse_planned,
    shared_columns,
    shared_sides,
    with_trained,
)
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import save_trained, title_digests

IMAGE = {"backbone": "resnet18", "weights": "random"}


@pytest.fixture(scope="module")
def listings(root):
    return matcher.read_listings(root / "examples" / "listings.csv")


def leave(folder, listings, sides, kind="titles"):
    save_trained(folder, np.arange(1, 5, dtype=np.uint64), kind)
    table = pd.DataFrame({"listing_id": listings.ids, "side": sides})
    table.to_csv(folder / "split.csv", index=False)
    return folder


def training(**changes):
    table = {
        "source": {"listings": "x.csv"},
        "loss": {"method": "arcface"},
        "validation": {"test_fold": 1},
        **changes,
    }
    return TrainConfig.read(table, "test")


def test_a_listing_that_one_training_could_not_read_is_where_the_other_has_it(tmp_path, listings):
    first = np.array(["train"] * 100 + ["held_out"] * 60 + ["test"] * 59)
    second = first.copy()
    second[[0, 120]] = "unused"
    first[200] = "unused"
    runs = [leave(tmp_path / "a", listings, first), leave(tmp_path / "b", listings, second)]
    sides = shared_sides(runs, listings)
    assert [sides[row] for row in (0, 120, 200)] == ["train", "held_out", "test"]
    assert "unused" not in sides


def test_a_listing_on_two_sides_is_refused(tmp_path, listings):
    first = np.array(["train"] * 100 + ["held_out"] * 60 + ["test"] * 59)
    second = first.copy()
    second[100] = "train"
    runs = [leave(tmp_path / "a", listings, first), leave(tmp_path / "b", listings, second)]
    with pytest.raises(DataError, match=rf"{listings.ids[100]}.*\(held_out\).*\(train\)"):
        shared_sides(runs, listings)


def test_trainings_must_share_a_split_and_be_of_different_kinds():
    image, title = training(image=IMAGE), training(title={})
    check_shared({"image": image, "title": title})
    for changes in (
        {"seed": 1},
        {"validation": {"test_fold": 2}},
        {"validation": {"test_fold": 1, "n_folds": 4}},
        {"source": {"listings": "x.csv", "tie_phash": False}},
    ):
        with pytest.raises(ConfigError, match=r"share a split.*image: 0, 5, 0, 1, True"):
            check_shared({"image": image, "title": training(title={}, **changes)})
    with pytest.raises(ConfigError, match="one and two both train an encoder of titles"):
        check_shared({"one": title, "two": title})
    with pytest.raises(ConfigError, match="holds nothing out"):
        check_shared({"one": training(title={}, validation={})})


def test_an_encoder_joins_a_config_or_takes_the_place_of_its_kind(tmp_path, listings, root):
    photos = leave(tmp_path / "photos", listings, "train", "pictures")
    names = leave(tmp_path / "names", listings, "train")
    plain = RunConfig.load(root / "configs" / "shopee.yaml")
    joined = with_trained(plain, [photos, names])
    assert list(joined.encoders) == [*plain.encoders, "image", "bert"]
    assert joined.encoders["image"].settings == {"weights": str(photos)}
    assert {"image", "bert"} <= set(joined.fusion.thresholds)
    assert joined.blending == plain.blending
    again = RunConfig.read(joined.dump(), "test")
    assert again == joined
    other = leave(tmp_path / "other", listings, "train")
    replaced = with_trained(joined, [other])
    assert list(replaced.encoders) == list(joined.encoders)
    assert replaced.encoders["bert"].settings == {"weights": str(other)}
    assert with_trained(plain, []) == plain


def test_what_is_not_about_the_weights_stays(tmp_path, listings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leave(tmp_path / "names", listings, "train")
    own = {"weights": "any/bert", "pooling": "mean", "max_tokens": 20, "batch": 4}
    table = {
        "encoders": {
            "words": {"encoder": "tfidf"},
            "vetoing": {"encoder": "bert", "candidates": False, "min_score": 0.6, **own},
            "other": {"encoder": "bert", "precision": "float32"},
        },
        "fusion": {"thresholds": {"words": 0.6, "vetoing": 0.9}},
        "clustering": {"method": "average"},
    }
    found = with_trained(RunConfig.read(table, "test"), [Path("names")]).encoders
    weights = {"weights": str(tmp_path / "names")}  # whole: the config is used elsewhere
    assert found["vetoing"].settings == {"batch": 4, **weights}
    assert (found["vetoing"].candidates, found["vetoing"].min_score) == (False, 0.6)
    assert found["other"].settings == {"precision": "float32", **weights}


def test_trainings_read_one_table_alike():
    named = {"listings": "x.csv", "columns": {"group": "product"}}
    image, title = training(image=IMAGE, source=named), training(title={}, source=named)
    assert shared_columns({"a": image, "b": title}).group == "product"
    assert shared_columns({}) is None
    with pytest.raises(ConfigError, match=r"a and b .*'product'.*none\. Give them the same"):
        shared_columns({"a": image, "b": training(title={})})


def test_encoders_that_know_what_will_be_scored_are_refused_before_a_training(tmp_path, listings):
    later = training(title={"weights": "tests/fixtures/tiny_bert"})
    held = planned_rows(later, listings)
    assert 70 < len(held) < 110  # two folds of five, of 219
    run = leave(tmp_path / "names", listings, "train")
    table = {
        "encoders": {"names": {"encoder": "bert", "weights": str(run)}},
        "fusion": {"thresholds": {"names": 0.9}},
        "clustering": {"method": "average"},
    }
    config, digests = RunConfig.read(table, "test"), title_digests(listings)
    refuse_planned(config, listings, [later])
    save_trained(run, np.delete(digests, held), "titles")
    refuse_planned(config, listings, [later])
    save_trained(run, digests[held[:3]], "titles")
    with pytest.raises(DataError, match=f"was trained on 3 of the {len(held)} listings"):
        refuse_planned(config, listings, [later])
    with pytest.raises(DataError, match="was trained on 3 of the 219"):
        refuse_planned(config, listings, [])


def test_a_folder_of_no_training_is_refused(tmp_path, listings):
    with pytest.raises(StoreError):
        with_trained(RunConfig.default(), [tmp_path])
    with pytest.raises(StoreError, match="finished training"):
        shared_sides([tmp_path], listings)
