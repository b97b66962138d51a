import numpy as np
import pandas as pd
import pytest
from PIL import Image

import matcher


@pytest.fixture(scope="module")
def example(root):
    return pd.read_csv(root / "examples" / "listings.csv", dtype=str, keep_default_na=False)


def test_tuning_helps_and_says_what_to_expect(example):
    tuned = matcher.tune(example)
    default = matcher.dedupe(example).metrics["rowwise_f1"]
    assert tuned.fitted_f1 >= default - 1e-9
    assert 0.5 < tuned.expected_f1 <= tuned.fitted_f1 + 0.05
    again = matcher.dedupe(example, config=tuned.config).metrics["rowwise_f1"]
    assert again == pytest.approx(tuned.fitted_f1)


def test_same_seed_same_thresholds(example):
    assert matcher.tune(example, seed=1) == matcher.tune(example, seed=1)


def test_tuning_without_labels_or_with_too_few(example):
    with pytest.raises(matcher.DataError, match="needs labels"):
        matcher.tune(example.drop(columns="label_group"))
    with pytest.raises(matcher.DataError, match=r"at least 10 groups .* Received: "):
        matcher.tune(example.iloc[:12])


def test_unlabelled_listings_count_neither_way(example):
    part = example.copy()
    part.loc[part.index % 2 == 0, "label_group"] = ""
    tuned = matcher.tune(part)
    scored = matcher.dedupe(part, config=tuned.config).metrics["rowwise_f1"]
    assert tuned.fitted_f1 == pytest.approx(scored)
    assert scored >= matcher.dedupe(part).metrics["rowwise_f1"] - 1e-9


def test_thresholds_do_not_depend_on_those_of_the_config(example):
    config = matcher.RunConfig.default().select(["words", "characters", "phash"])
    other = dict.fromkeys(config.fusion.thresholds, 0.4)
    fusion = config.fusion.model_copy(update={"thresholds": other})
    start = config.model_copy(update={"fusion": fusion})
    tuned = matcher.tune(example, config=config).config
    assert matcher.tune(example, config=start).config == tuned


def test_embedding_by_modality_and_by_encoder(example):
    listings, encoded = matcher.embed(example, encoder="words")
    assert len(listings) == len(encoded) == len(example)
    np.testing.assert_allclose(encoded.vectors.multiply(encoded.vectors).sum(axis=1), 1, atol=1e-5)
    assert matcher.embed(example, encoder="quantities")[1].source.startswith("tfidf:quantities")
    with pytest.raises(matcher.ConfigError, match="several modalities: words, characters"):
        matcher.embed(example, encoder="tfidf")
    with pytest.raises(matcher.BackendError):
        matcher.embed(example, encoder="phash")


def test_looking_up_a_title(example):
    title = example["title"][10]
    hits = matcher.look_up(example, title=title, k=3).pairs
    assert len(hits) == 3
    assert hits["id_right"][0] == example["posting_id"][10]
    assert hits["score"].is_monotonic_decreasing


def test_looking_up_a_part_of_a_picture(example, root, tmp_path):
    images = root / "examples" / "images"
    row = example[example["image"] != ""].iloc[5]
    with Image.open(images / row["image"]) as photo:
        board = Image.new("RGB", (600, 600), "white")
        board.paste(photo.convert("RGB"), (100, 200))
        board.save(tmp_path / "board.png")
        box = (100, 200, *photo.size)
    query = tmp_path / "board.png"
    hits = matcher.look_up(example, images, image=query, box=box, k=1).pairs
    same = set(example.loc[example["image"] == row["image"], "posting_id"])
    assert hits["id_right"][0] in same
    assert hits["phash"][0] > 0.9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "a picture or a title"),
        ({"title": "x", "k": 0}, "k must be at least 1"),
        ({"title": "x", "box": (0, 0, 1, 1)}, "A box is a part of a picture"),
        ({"image": "x", "box": (0, 0, 1)}, "A box is x, y, width, height"),
    ],
)
def test_impossible_queries(example, wrong, message):
    with pytest.raises(matcher.ConfigError, match=message):
        matcher.look_up(example, **wrong)


def test_a_query_picture_that_is_none(example, tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(matcher.DataError, match=r"a\.jpg"):
        matcher.look_up(example, image=tmp_path / "a.jpg")


def test_a_query_that_nothing_can_be_compared_with(example):
    with pytest.raises(matcher.DataError, match="nothing that these listings can be compared by"):
        matcher.look_up(example, title="!!!")
