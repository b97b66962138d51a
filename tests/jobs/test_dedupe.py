"""The main path on small tables, through the public door."""

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import matcher
from matcher.errors import ConfigError
from matcher.jobs.found import pairs_within
from matcher.jobs.steps import NOTHING_TO_HASH, NOTHING_TO_READ
from matcher.types import Clusters

TABLE = pd.DataFrame(
    {
        "sku": ["a", "b", "c", "d", "e"],
        "title": [
            "Sabun Lifebuoy 250ml",
            "lifebuoy SABUN 250 ML promo",
            "Sabun Lifebuoy 500 ml",
            "HDMI cable 2 m",
            "",
        ],
        "label_group": ["s", "s", "t", "u", "v"],
    }
)


def test_result_as_tables():
    result = matcher.dedupe(TABLE)
    assert result.clusters["cluster"].tolist() == [0, 0, 1, 2, 3]
    assert result.matches.columns.tolist() == ["sku", "matches"]
    assert result.matches["matches"].tolist() == ["a b", "b a", "c", "d", "e"]
    pair = result.pairs.iloc[0]
    assert (pair["id_left"], pair["id_right"]) == ("a", "b")
    assert pair["score"] > 0.5
    assert "sabun" in pair["reason"]
    assert result.metrics["rowwise_f1"] == 1


def test_quantities_that_differ_veto():
    assert "c" not in matcher.dedupe(TABLE).matches["matches"][0]
    config = matcher.RunConfig.default()
    fusion = config.fusion.model_copy(update={"vetoes": {}})
    lenient = matcher.dedupe(TABLE, config=config.model_copy(update={"fusion": fusion}))
    assert "c" in lenient.matches["matches"][0]


def test_arrow_and_pandas_and_files_agree(tmp_path):
    path = tmp_path / "listings.csv"
    TABLE.to_csv(path, index=False)
    wanted = matcher.dedupe(TABLE).matches
    pd.testing.assert_frame_equal(matcher.dedupe(pa.Table.from_pandas(TABLE)).matches, wanted)
    pd.testing.assert_frame_equal(matcher.dedupe(path).matches, wanted)


def test_order_of_rows_does_not_change_the_clusters():
    def partition(table):
        found = matcher.dedupe(table).clusters
        return {frozenset(ids) for ids in found.groupby("cluster")["sku"].agg(list)}

    assert (
        partition(TABLE)
        == partition(TABLE.iloc[::-1])
        == partition(TABLE.sample(frac=1, random_state=0))
    )


def test_direct_pairs_when_clusters_are_not_wanted():
    config = matcher.RunConfig.default().model_copy(update={"matches": "pairs"})
    assert matcher.dedupe(TABLE, config=config).matches["matches"].tolist()[0] == "a b"


def test_without_labels_there_are_no_metrics():
    assert matcher.dedupe(TABLE.drop(columns="label_group")).metrics == {}


def test_the_report_says_what_ran_and_what_did_not():
    report = matcher.dedupe(TABLE).report
    assert report.encoders["words"]["listings"] == 4
    assert report.left_out["models"] == NOTHING_TO_READ
    assert report.left_out["phash"] == NOTHING_TO_HASH
    assert report.counts["listings"] == 5
    assert report.counts["clusters"] == 1


def test_no_encoder_that_can_run():
    with pytest.raises(
        matcher.BackendError, match=r"None of the encoders could run: phash: no listing has"
    ):
        matcher.dedupe(TABLE, encoders="phash")


def test_one_listing():
    assert matcher.dedupe(TABLE.iloc[:1]).matches["matches"].tolist() == ["a"]


@given(st.lists(st.integers(0, 4), max_size=12))
def test_pairs_within_clusters_are_all_of_them(labels):
    left, right = pairs_within(Clusters(np.array(labels, np.int64)))
    wanted = [
        (a, b) for a, b in itertools.combinations(range(len(labels)), 2) if labels[a] == labels[b]
    ]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == wanted


def test_pairs_of_a_huge_cluster_stay_in_proportion():
    left, right = pairs_within(Clusters(np.zeros(10_000, np.int64)))
    assert len(left) <= 25 * 10_000
    partners = np.bincount(left, minlength=10_000) + np.bincount(right, minlength=10_000)
    assert partners[25:-25].max() == partners[25:-25].min() == 50


def test_ten_thousand_copies_are_one_cluster_and_hide_nothing():
    titles = ["Sabun Lifebuoy 250ml"] * 10_000 + ["lifebuoy SABUN 250 ML promo", "HDMI cable 2 m"]
    table = pd.DataFrame({"id": [str(i) for i in range(len(titles))], "title": titles})
    table = table.sample(frac=1, random_state=0)
    found = matcher.dedupe(table)
    clusters = found.clusters.merge(table, on="id")
    assert clusters.loc[clusters["title"].str.contains("(?i)sabun"), "cluster"].nunique() == 1
    assert found.clusters["cluster"].nunique() == 2
    assert found.matches["matches"].str.count(" ").max() == 49


def test_direct_pairs_of_copies_are_all_found():
    table = pd.DataFrame({"id": [str(i) for i in range(30)], "title": ["red cup"] * 30})
    config = matcher.RunConfig.default().model_copy(update={"matches": "pairs"})
    matches = matcher.dedupe(table, config=config).matches["matches"]
    assert (matches.str.count(" ") == 29).all()


def test_copies_that_the_fusion_refuses_stay_apart():
    table = pd.DataFrame({"id": [str(i) for i in range(40)], "title": ["dishwasher white"] * 40})
    config = matcher.RunConfig.default()
    strict = config.fusion.model_copy(update={"thresholds": {"words": 3.0, "characters": 3.0}})
    found = matcher.dedupe(table, config=config.model_copy(update={"fusion": strict}))
    assert found.clusters["cluster"].nunique() == 40


def test_a_short_table_of_unlike_titles_has_no_matches():
    titles = [
        "kabel data samsung",
        "kabel listrik philips",
        "sabun mandi dove",
        "sabun cuci mama lemon",
    ]
    table = pd.DataFrame({"id": list("abcd"), "title": titles})
    assert matcher.dedupe(table).clusters["cluster"].nunique() == 4


def test_an_id_column_called_as_an_output_column_is_renamed():
    found = matcher.dedupe(
        TABLE.rename(columns={"sku": "cluster"}), columns=matcher.Columns(id="cluster")
    )
    assert found.clusters.columns.tolist() == ["id", "cluster"]
    assert found.matches.columns.tolist() == ["id", "matches"]


def test_a_config_as_plain_values():
    values = matcher.RunConfig.default().dump()
    assert matcher.dedupe(TABLE, config=values).matches["matches"][0] == "a b"


def test_candidates_need_a_modality_that_proposes_them():
    with pytest.raises(matcher.BackendError, match="proposes matches: numbers"):
        matcher.dedupe(TABLE, encoders="numbers")


def test_the_environment_names_the_config_that_is_used_where_none_is_given(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    words = matcher.RunConfig.default().select(["words"])
    path.write_text(yaml.safe_dump(words.dump()), encoding="utf-8")
    monkeypatch.setenv("MATCHER_CONFIG", str(path))
    assert list(matcher.dedupe(TABLE).report.encoders) == ["words"]
    other = matcher.RunConfig.default().select(["characters"])
    assert list(matcher.dedupe(TABLE, config=other).report.encoders) == ["characters"]
    monkeypatch.setenv("MATCHER_CONFIG", str(tmp_path / "absent.yaml"))
    with pytest.raises(ConfigError, match=r"Cannot read the config .*absent\.yaml"):
        matcher.dedupe(TABLE)


@pytest.mark.keras
@pytest.mark.slow
def test_the_default_reads_titles_and_pictures_with_the_weights_of_the_package(root, monkeypatch):
    monkeypatch.delenv("MATCHER_CONFIG")
    folder = root / "examples"
    result = matcher.dedupe(folder / "listings.csv", folder / "images")
    assert {"words", "meaning", "phash", "photos"} <= set(result.report.encoders)
    assert not result.report.left_out
    assert result.metrics["rowwise_f1"] > 0.8
    assert {"meaning", "photos"} <= set(result.pairs.columns)
