"""Index and queries: who is asked, what is right, and both searches."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError, StoreError
from matcher.io.artifacts import save_model
from matcher.io.listings import listings_from_table, read_listings
from matcher.jobs.one_encoder import encoder_config, starting_config, unseen_rows
from matcher.jobs.query_tables import (
    Side,
    number_values,
    one_query_each,
    pairs_not_seen,
    read_values,
    refuse_shared,
    rows_with,
    score_classes,
    set_apart,
)
from matcher.jobs.retrieval import (
    check_limits,
    compare_searches,
    embed_tables,
    keep_above,
    measure_searches,
    quantiles,
    recall_of,
)
from matcher.search import LshIndex, measure_recall
from matcher.search.lsh import Spec as LshSpec
from matcher.similarity import build_graph, l2_normalize
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import picture_digests, save_trained, title_digests
from matcher.types import UNLABELLED, Embeddings


def vectors(rng, n, d=16):
    return Embeddings(l2_normalize(rng.normal(size=(n, d)).astype(np.float32)), "test")


TABLE = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "title": ["x", "y", "z", "w"],
        "label_group": ["mug", "mug", "", "cup"],
        "leaf": ["blue", None, "red ", "red"],
    }
)


def test_values_are_labels_or_a_column():
    listings = listings_from_table(TABLE)
    assert read_values(listings) == ["mug", "mug", "", "cup"]
    assert read_values(listings, "leaf") == ["blue", "", "red", "red"]
    with pytest.raises(DataError, match=r"no column 'leave'\. Did you mean 'leaf'"):
        read_values(listings, "leave")
    with pytest.raises(DataError, match="no labels to score by"):
        read_values(listings_from_table(TABLE.drop_columns(["label_group"])))
    lists = TABLE.append_column("parts", pa.array([["x"], [], None, ["y"]]))
    with pytest.raises(DataError, match=r"'parts' holds list<.*Name one with a text"):
        read_values(listings_from_table(lists), "parts")
    structs = TABLE.append_column("size", pa.array([{"w": 1}] * 4))
    with pytest.raises(DataError, match="'size' holds struct<"):
        read_values(listings_from_table(structs), "size")


def test_queries_that_are_in_the_index_are_refused(root):
    index = listings_from_table(TABLE)
    other = TABLE.set_column(1, "title", pa.array(["p", "q", "r", "s"]))
    refuse_shared(index, listings_from_table(other))  # the tables number their rows alike
    refuse_shared(index, listings_from_table(other.set_column(0, "id", pa.array(list("efgh")))))
    one = listings_from_table(TABLE.slice(2, 1))
    with pytest.raises(DataError, match=r"1 of the 1 queries are in the index .* 'c'"):
        refuse_shared(index, one)
    pictures = read_listings(root / "examples" / "listings.csv", root / "examples" / "images")
    renamed = replace(pictures, titles=tuple(f"x{i}" for i in range(len(pictures))))
    with pytest.raises(DataError, match="would find itself"):
        refuse_shared(pictures, renamed)


def test_limits_are_told_before_any_work():
    check_limits(1, -1)
    with pytest.raises(ConfigError, match=r"at least 1\. Received: 0"):
        check_limits(0)
    with pytest.raises(ConfigError, match="min_score must be a similarity"):
        check_limits(1, 2)


def test_a_side_knows_its_labels_and_classes():
    side = Side.of(listings_from_table(TABLE), "leaf")
    assert side.known.tolist() == [True, False, False, True]
    part = side.take(side.known)
    assert (part.listings.ids, part.labels, part.classes) == (
        ("a", "d"),
        ("mug", "cup"),
        ("blue", "red"),
    )


def test_rows_are_named_by_a_value():
    listings = listings_from_table(TABLE)
    assert rows_with(listings, "leaf=red").tolist() == [False, False, True, True]
    with pytest.raises(ConfigError, match="COLUMN=VALUE"):
        rows_with(listings, "leaf")
    with pytest.raises(DataError, match="names 0 of 4"):
        rows_with(listings, "leaf=green")


@given(st.lists(st.sampled_from(["", "a", "b", "c"])), st.lists(st.sampled_from(["", "b", "d"])))
def test_equal_texts_have_equal_numbers(left, right):
    first, second = number_values(left, right)
    for text, code in zip(left + right, [*first, *second], strict=True):
        assert (code == UNLABELLED) == (text == "")
    pairs = {(t, int(c)) for t, c in zip(left + right, [*first, *second], strict=True)}
    assert len({t for t, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    apart = set_apart(first)
    assert len(set(apart[first == UNLABELLED].tolist())) == left.count("")
    assert not set(apart[first == UNLABELLED].tolist()) & set(first.tolist())


def test_one_query_of_each_product_that_has_another_listing():
    groups = np.array([0, 0, 0, 1, 2, 2, UNLABELLED, UNLABELLED, 3, 3])
    eligible = np.array([1, 1, 1, 1, 1, 0, 1, 1, 0, 0], np.bool_)
    for seed in range(5):
        rows = np.flatnonzero(one_query_each(groups, eligible, seed))
        assert groups[rows].tolist() == [0, 2]
        assert rows[1] == 4
    with pytest.raises(DataError, match="there is nothing to ask for"):
        one_query_each(np.array([0, 1]), np.ones(2, np.bool_))


def test_pairs_that_were_not_trained_on():
    groups = np.array([0, 1, 0, 1, 2, 2, 2, UNLABELLED, UNLABELLED, 3])
    unseen = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 1], np.bool_)
    assert pairs_not_seen(groups, unseen).tolist() == [0, 2]
    with pytest.raises(DataError, match="exactly two listings"):
        pairs_not_seen(groups, ~unseen)


def test_classes_are_counted_in_the_index_or_in_what_was_trained_on():
    listings = listings_from_table(TABLE)
    index = Side(listings, ("p", "q", "r", ""), ("x", "x", "y", ""))
    queries = Side(listings, ("p",) * 2, ("x", "y"))
    ranking = build_graph(np.array([0, 1]), np.array([1, 3]), np.ones(2), 2, 4)
    buckets = score_classes(ranking, index, queries)
    assert [(b.least, b.accuracy) for b in buckets] == [(1, 0.0), (2, 1.0)]
    buckets = score_classes(ranking, index, queries, ["x"] * 4 + ["", "z"])
    assert [(b.least, b.accuracy) for b in buckets] == [(0, 0.0), (4, 1.0)]


def test_recall_is_that_of_a_second_exact_search(rng):
    index, queries = vectors(rng, 300), vectors(rng, 40)
    spec = LshSpec(n_bits=8, n_tables=2, n_probes=0)
    both = compare_searches(index, queries, 10, spec)
    hashed = LshIndex(index, spec)
    expected = measure_recall(hashed, both.approximate, 10, queries=queries)
    assert both.recall == expected
    assert 0 < both.recall.value < 1
    assert recall_of(both.exact, both.exact).value == 1


def test_figures_by_hand():
    # Query 0 finds both of its rows, first and third; query 1 finds none of one.
    exact = build_graph(
        np.array([0, 0, 0, 1]), np.array([0, 3, 1, 0]), np.float32([0.9, 0.8, 0.7, 0.95]), 2, 4
    )
    part = keep_above(exact, 0.85)
    both = type(compare_searches(*[vectors(np.random.default_rng(0), 3)] * 2, 1))(
        exact, part, recall_of(part, exact), {}
    )
    found = measure_searches(both, np.array([5, 6]), np.array([5, 5, 6, 7]), 3, min_score=0.92)
    assert found["exact"]["mar@3"] == pytest.approx((2 / 2 + 0) / 2)
    assert found["exact"]["top1"] == found["exact"]["precision"] == 0.5
    assert found["lsh"]["mar@3"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["recall_of_lsh"] == 0.5
    assert found["above_min_score"]["exact"]["without_candidates"] == 0.5
    assert found["above_min_score"]["exact"]["precision"] == 0
    assert found["scores"]["right"]["0.5"] == pytest.approx(0.8)
    assert np.isnan(quantiles(np.empty(0, np.float32))["0.99"])


def test_cut_offs_are_cosines():
    found = build_graph(np.array([0]), np.array([0]), np.float32([0.5]), 1, 1)
    assert len(keep_above(found, 0.5).indices) == 1
    with pytest.raises(ConfigError, match="min_score must be a similarity"):
        keep_above(found, 2)


def test_hashes_and_words_are_refused():
    config = RunConfig.default().select(["words"])
    with pytest.raises(ConfigError, match="does not give dense vectors"):
        embed_tables(config, listings_from_table(TABLE))


def test_what_a_run_was_trained_on_is_known(tmp_path):
    listings = listings_from_table(TABLE)
    save_trained(tmp_path, title_digests(listings)[:2], "titles")
    config = encoder_config(tmp_path)
    assert config.encoders["titles"].encoder == "bert"
    assert unseen_rows(config, listings).tolist() == [False, False, True, True]
    save_trained(tmp_path, picture_digests(listings), "pictures")
    config = encoder_config(tmp_path)
    assert config.encoders["pictures"].settings == {"weights": str(tmp_path)}
    assert unseen_rows(config, listings).all()  # they have no pictures


def test_a_config_with_several_encoders_is_refused(root, tmp_path):
    with pytest.raises(ConfigError, match="one encoder is measured here"):
        encoder_config(root / "configs" / "shopee.yaml")
    with pytest.raises(ConfigError, match="not the folder of a training"):
        encoder_config(tmp_path)


def test_a_training_starts_from_what_it_names(tmp_path):
    table = {"source": {"listings": "x.csv"}, "loss": {"method": "arcface"}}
    image = {"backbone": "resnet18", "size": 64, "weights": "random", "width": 32}
    config = starting_config(TrainConfig.read({**table, "image": image}, "test"))
    given = {"backbone": "resnet18", "size": 64, "weights": "random", "pooling": "average"}
    assert config.encoders["pictures"].settings == given
    title = {"weights": "tests/fixtures/tiny_bert"}
    config = starting_config(TrainConfig.read({**table, "title": title}, "test"))
    given = {"weights": "tests/fixtures/tiny_bert", "pooling": "mean", "max_tokens": 70}
    assert config.encoders["titles"].settings == given
    mish = TrainConfig.read({**table, "image": {**image, "activation": "mish"}}, "test")
    assert starting_config(mish).encoders["pictures"].settings["activation"] == "mish"
    save_model(tmp_path, {"matcher": {}}, {"x": np.zeros(1)})
    again = TrainConfig.read({**table, "image": image, "init_from": str(tmp_path)}, "test")
    with pytest.raises(StoreError, match="trained-on"):  # an artefact that may know everything
        starting_config(again)
    save_trained(tmp_path, np.array([1], np.uint64), "pictures")
    config = starting_config(again)
    assert config.encoders["pictures"].settings == {"weights": str(tmp_path), "size": 64}
