import numpy as np
import pytest
import yaml

from matcher.report import summary


def tiles_of(result):
    return {t.label: (t.value, t.note) for t in summary.make_tiles(result)}


def test_tiles_within_one_table(build, picture):
    listings = build.listings(6, images=[picture()] * 3 + [None] * 3)
    pairs = [(0, 1, 0.9), (0, 2, 0.8), (3, 4, 0.7)]
    scores = np.float32([0.9, 0.8, 0.7, 0.1])
    result = build.result([0, 0, 0, 1, 1, 2], pairs, listings, candidate_scores=scores)
    assert tiles_of(result) == {
        "Listings": ("6", ""),
        "With a picture": ("3", "50% of all"),
        "Clusters of two or more": ("2", "the largest holds 3"),
        "Listings in them": ("5", "83% of all"),
        "Accepted pairs": ("3", "4 candidates looked at"),
        "Seconds": ("2.0", ""),
    }


def test_tiles_between_two_sources_count_each_listing_once(build):
    left, right = build.listings(4), build.listings(2)
    tiles = tiles_of(build.match(left, right, [(0, 0, 0.9), (0, 1, 0.8), (3, 1, 0.7)]))
    assert tiles["Listings, left"] == ("4", "2 matched (50%)")
    assert tiles["Listings, right"] == ("2", "2 matched (100%)")
    assert tiles["Accepted pairs"][0] == "3"


@pytest.mark.parametrize(
    ("labels", "headline"),
    [
        ([], "No product is listed more than once"),
        ([0, 1], "No product is listed more than once"),
        ([0, 0, 1], "1 product is listed more than once"),
        ([0, 0, 1, 1], "2 products are listed more than once"),
    ],
)
def test_headline(build, labels, headline):
    assert summary.write_headline(build.result(labels)) == headline


def test_headline_and_lead_between_two_sources(build):
    result = build.match(build.listings(1), build.listings(2), [(0, 1, 0.9)])
    assert summary.write_headline(result) == "1 match between two sources"
    assert summary.write_lead(result) == "Compared by words; fused by boundary."


def test_lead_names_the_steps(build):
    assert summary.write_lead(build.result([0])) == (
        "Compared by words; fused by boundary; clustered by average."
    )
    bare = build.report(encoders={}, config={})
    assert summary.write_lead(build.result([0], report=bare)) == ""


def test_metrics_fall_into_families(build):
    metrics = {
        "v_measure": 0.5,
        "pair_precision": 0.25,
        "pair_recall": float("nan"),
        "pair_f1": 0.1235,
        "rowwise_f1": 0.75,
        "my_own_recall": 1.0,
        "top1": 0.5,
    }
    rows, others = summary.list_metrics(build.report(metrics=metrics))
    assert [(r.name, r.values) for r in rows] == [
        ("Per listing", ("—", "—", "0.750")),
        ("Pairs", ("0.250", "—", "0.123")),
        ("My own", ("—", "1.000", "—")),
    ]
    assert others == [("V-measure", "0.500"), ("Top1", "0.500")]


def test_the_gallery_size_is_stated(build):
    labelled = build.listings(3, groups=[5, 5, 6])
    text = summary.describe_gallery(build.result([0, 0, 1], listings=labelled))
    assert text.startswith("Measured on 3 listings, all labelled, of 2 groups.")
    partly = build.listings(3, groups=[5, -1, -1])
    text = summary.describe_gallery(build.result([0, 0, 1], listings=partly))
    assert text.startswith("Measured on 3 listings, 1 of them labelled, of 1 group.")
    text = summary.describe_gallery(build.match(labelled, partly, []))
    assert text.startswith("Measured on 3 and 3 listings, 4 of them labelled, of 2 groups.")


def test_encoders_with_what_they_cover(build, twins):
    (row,) = summary.list_encoders(twins)
    assert (row.name, row.encoder, row.source) == ("words", "tfidf", "tfidf:words:0a1b")
    assert (row.listings, row.percent) == ("3 (100%)", 100)


def test_settings_are_yaml_that_reads_back(build):
    config = {"encoders": {"a": {"min_score": 0.5, "sizes": (1, 2)}}, "title": "kué \u202e \ud800"}
    text = summary.write_settings(build.report(config=config))
    assert yaml.safe_load(text)["encoders"] == {"a": {"min_score": 0.5, "sizes": [1, 2]}}
    assert list(yaml.safe_load(text)) == ["encoders", "title"]
    assert "kué" in text
