"""A training with a teacher, a second loss and perturbed titles, end to end."""

import json

import numpy as np
import pandas as pd
import pytest

from matcher.errors import ConfigError, DataError
from matcher.training.settings import TrainConfig

pytestmark = [pytest.mark.keras]
pytest.importorskip("keras")

WORDS = ["red shoe", "blue shoe", "black shoe", "white shirt", "red shirt", "blue shirt"]
TINY = "tests/fixtures/tiny_bert"


@pytest.fixture
def shop(tmp_path):
    """Six products of three titles each, with a category, and one listing without a title."""
    rows = [
        {"id": f"{i}-{j}", "title": f"{words} {j} piece", "group": i, "kind": f"k{i % 2}"}
        for i, words in enumerate(WORDS)
        for j in range(3)
    ]
    rows.append({"id": "bare", "title": "", "group": 0, "kind": ""})
    pd.DataFrame(rows).to_csv(tmp_path / "listings.csv", index=False)
    return tmp_path


def settings(shop, **changes):
    return {
        "source": {"listings": str(shop / "listings.csv"), "columns": {"image": ""}},
        "title": {"weights": TINY, "max_tokens": 12},
        "loss": {"method": "contrastive"},
        "also": {"column": "kind", "loss": {"method": "softmax"}, "weight": 0.5},
        "teacher": {"encoder": "bert", "weights": TINY, "max_tokens": 12, "relations": 0.5},
        "perturb": {"drop": 0.2, "replace": 0.1, "shuffle": 1.0},
        "optimizer": {"learning_rate": 0.002},
        "batches": {"size": 8, "per_group": 2},
        "epochs": 2,
        "validation": {"split": "none"},
        **changes,
    }


def train_on(shop, name="run", **changes):
    from matcher.jobs.train import train

    return train(TrainConfig.read(settings(shop, **changes), "test"), shop / name)


@pytest.mark.slow
def test_all_three_together_end_in_an_encoder(shop):
    report = train_on(shop)
    assert report.progress["step"] == 2 * (6 // 4)
    assert report.counts["trained_listings"] == 18  # not the one without a title
    kept = json.loads((shop / "run" / "run.json").read_text())["config"]
    assert kept["also"] == {
        "column": "kind",
        "weight": 0.5,
        "loss": {**kept["also"]["loss"], "method": "softmax"},
    }
    assert kept["teacher"]["settings"]["weights"] == TINY
    assert (shop / "run" / "model.safetensors").is_file()
    assert not train_on(shop).fresh  # the settings it wrote are those it was given


def test_settings_written_are_settings_read(shop):
    config = TrainConfig.read(settings(shop), "test")
    assert TrainConfig.read(config.dump(), "again") == config


@pytest.mark.slow
@pytest.mark.long
def test_each_of_them_changes_what_is_learnt(shop):
    from safetensors.numpy import load_file

    def weights(name, **changes):
        train_on(shop, name, **changes)
        return load_file(shop / name / "model.safetensors")

    whole = weights("whole")
    for part in ("also", "teacher", "perturb"):
        less = weights(part, **{part: None})
        assert any((whole[name] != less[name]).any() for name in whole), part


def test_a_teachers_vectors_are_centred_and_missing_where_it_has_none(shop):
    from matcher.io.listings import read_listings
    from matcher.jobs.train_teacher import teach
    from matcher.training.teaching import Teacher

    listings = read_listings(shop / "listings.csv")
    teacher = Teacher(encoder="bert", settings={"weights": TINY, "max_tokens": 12})
    vectors = teach(teacher, listings, np.arange(len(listings)))
    assert not vectors[-1].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[:-1], axis=1), 1, rtol=1e-5)
    plain = teacher.make().fit(listings).encode(listings).vectors[:-1]
    centred = plain - plain.mean(axis=0)
    np.testing.assert_allclose(
        vectors[:-1], centred / np.linalg.norm(centred, axis=1, keepdims=True), atol=1e-5
    )


def test_second_classes_are_whole_and_there(shop):
    from matcher.io.listings import read_listings
    from matcher.jobs.train_teacher import second_classes

    listings = read_listings(shop / "listings.csv")
    classes = second_classes(listings, np.arange(18), "kind")
    assert classes.tolist() == [i % 2 for i in range(6) for _ in range(3)]
    with pytest.raises(DataError, match=r"'kind'.*Missing in 1; the first is bare"):
        second_classes(listings, np.arange(19), "kind")
    with pytest.raises(ConfigError, match="'kin'"):
        second_classes(listings, np.arange(18), "kin")


def test_a_teacher_must_give_dense_vectors(shop):
    with pytest.raises(DataError, match=r"dense vectors.*'tfidf'"):
        train_on(shop, teacher={"encoder": "tfidf", "tokens": "words"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": {"encoder": "birt"}}, "birt"),
        ({"teacher": {"encoder": "bert", "wight": 2}}, "wight"),
        ({"teacher": {"encoder": "bert", "weight": 0}}, "weight"),
        ({"also": {"column": "kind", "loss": {"method": "simclr"}}}, "'simclr' does not"),
        ({"augment": {}}, "perturb"),
        ({"perturb": {"drop": 1.5}}, "drop"),
    ],
)
def test_what_cannot_be_is_refused(shop, changes, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig.read(settings(shop, **changes), "test")


def test_pictures_are_not_perturbed_and_mixed_ones_have_no_teacher(shop):
    picture = {"title": None, "image": {"weights": "random"}, "teacher": None}
    with pytest.raises(ConfigError, match="perturb changes titles"):
        TrainConfig.read(settings(shop, **picture), "test")
    picture |= {"perturb": None, "augment": {"cut_mix": 0.5}, "loss": {"method": "arcface"}}
    picture["teacher"] = {"encoder": "mobilenet", "weights": "random"}
    with pytest.raises(ConfigError, match="no mixed pictures"):
        TrainConfig.read(settings(shop, **picture), "test")
