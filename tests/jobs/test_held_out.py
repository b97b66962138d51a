"""Figures of a trained encoder come from rows that it neither learnt nor was chosen by."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matcher
from matcher.encoders import make_encoder
from matcher.errors import ConfigError, DataError
from matcher.jobs.held_out import (
    HeldOut,
    best_threshold,
    read_held_out,
    score_encoder,
    score_in_gallery,
)
from matcher.metrics import rowwise_f1
from matcher.similarity import build_graph, keep_edges
from matcher.training.trained_rows import save_trained, title_digests


@pytest.fixture(scope="module")
def listings(root):
    return matcher.read_listings(root / "examples" / "listings.csv", root / "examples" / "images")


@given(st.integers(0, 2**32 - 1), st.integers(2, 25))
def test_no_other_threshold_has_a_better_row_f1(seed, n):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, max(n // 3, 1), n)
    rows, cols = np.nonzero(rng.random((n, n)) < 0.3)
    rows, cols = rows[rows != cols], cols[rows != cols]
    scores = rng.integers(0, 9, len(rows)).astype(np.float32) / 8  # with ties
    graph = build_graph(rows, cols, scores, n, n)

    def row_f1(threshold):
        kept = keep_edges(graph, graph.scores >= np.float32(threshold))
        return rowwise_f1(kept, groups).mean()

    found = row_f1(best_threshold(graph, groups))
    assert found == pytest.approx(max(row_f1(t) for t in [*np.unique(scores), 2.0]))


def test_a_threshold_lies_between_two_scores():
    graph = build_graph(np.array([0, 1, 2]), np.array([1, 0, 0]), np.float32([0.9, 0.9, 0.5]), 3, 3)
    assert best_threshold(graph, np.array([7, 7, 8])) == pytest.approx(0.7)
    assert best_threshold(graph, np.array([7, 8, 9])) > 0.9
    empty = build_graph(np.array([], int), np.array([], int), np.float32([]), 3, 3)
    assert best_threshold(empty, np.array([7, 7, 8])) == 1


def leave(folder, listings, sides, trained):
    save_trained(folder, title_digests(listings)[trained], "titles")
    table = pd.DataFrame({"listing_id": listings.ids, "side": sides})
    table.to_csv(folder / "split.csv", index=False)
    return folder


def test_what_was_held_out_is_read_from_the_run(tmp_path, listings):
    sides = np.array(["train"] * 100 + ["held_out"] * 60 + ["test"] * 59)
    rows = read_held_out(leave(tmp_path, listings, sides, np.arange(100)), listings)
    np.testing.assert_array_equal(rows.choosing, np.arange(100, 160))
    assert rows.counts["gallery"] == rows.counts["scored"] == 59
    assert rows.counts["threshold_listings"] == 60


def test_what_was_trained_on_is_refused_whatever_the_split_says(tmp_path, listings):
    sides = np.array(["train"] * 100 + ["held_out"] * 60 + ["test"] * 59)
    run = leave(tmp_path, listings, sides, np.arange(101))
    with pytest.raises(DataError, match="was trained on 1 of the 119"):
        read_held_out(run, listings)
    sides[sides == "test"] = "unused"
    with pytest.raises(ConfigError, match="60 listings to choose by and 0 to test on"):
        read_held_out(leave(tmp_path, listings, sides, np.arange(100)), listings)


def test_the_labels_that_are_scored_do_not_set_the_threshold(listings):
    rows = HeldOut(listings, np.arange(110), np.arange(110, 219))
    words = make_encoder("tfidf", tokens="words")
    found = score_encoder(words, rows)
    assert 0.5 < found["row_f1"] < 1
    assert 0.5 < found["top1"] <= found["top5"] <= 1
    other = listings.groups.copy()
    other[110:] = np.arange(109) // 2
    changed = score_encoder(words, HeldOut(_with(listings, other), rows.choosing, rows.scored))
    assert changed["threshold"] == found["threshold"]
    assert changed["row_f1"] < found["row_f1"]
    given_one = score_encoder(words, rows, found["threshold"])
    assert given_one == found


def test_equal_hashes_need_no_threshold(listings):
    rows = HeldOut(listings, np.arange(110), np.arange(110, 219))
    found = score_encoder(make_encoder("phash"), rows, 1.0)
    assert found["row_precision"] > 0.9
    assert found["row_f1"] > 0.5


def _with(listings, groups):
    from dataclasses import replace

    return replace(listings, groups=groups)


def test_listings_are_scored_where_all_are_searched():
    pairs = np.array([[0, 1], [1, 2], [3, 4], [2, 5]])
    rows, cols = np.concatenate([pairs, pairs[:, ::-1]]).T
    graph = build_graph(rows, cols, np.ones(8, np.float32), 6, 6)
    groups = np.array([7, 7, 8, 9, 9, -1])
    found = score_in_gallery(graph, groups, np.array([True, True, False, False, False, True]))
    # The first: 2 of 2 right. The second: 2 of 3 right, none missing. The last has no label.
    assert found["rowwise_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["rowwise_recall"] == 1
    assert found["rowwise_f1"] == pytest.approx((1 + 4 / 5) / 2)
    alone = score_in_gallery(graph, groups, np.arange(6) == 2)  # 1 of 2: a wrong match, no unknown
    assert alone["rowwise_precision"] == 0.5
    with pytest.raises(DataError, match="None of the listings"):
        score_in_gallery(graph, groups, np.arange(6) == 5)
