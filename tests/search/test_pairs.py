import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from matcher.errors import DataError
from matcher.search import _pairs, make_index, score_pairs, union_pairs
from matcher.similarity import build_graph, l2_normalize
from matcher.types import Embeddings, Hashes


def graph(edges, n_rows, n_cols):
    rows, cols = np.array(sorted(edges), np.int64).reshape(-1, 2).T
    return build_graph(rows, cols, np.ones(len(rows), np.float32), n_rows, n_cols)


def edges(n_rows, n_cols):
    return st.sets(st.tuples(st.integers(0, n_rows - 1), st.integers(0, n_cols - 1)), max_size=20)


@given(st.lists(edges(7, 7), min_size=1, max_size=3))
def test_union_within_one_table(sets):
    sets = [{(i, j) for i, j in s if i != j} for s in sets]
    left, right = union_pairs([graph(s, 7, 7) for s in sets])
    expected = sorted({(min(e), max(e)) for s in sets for e in s})
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected


@given(st.lists(edges(4, 9), min_size=1, max_size=3))
def test_union_across_tables(sets):
    left, right = union_pairs([graph(s, 4, 9) for s in sets], within=False)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(set().union(*sets))


def test_union_over_no_listings():
    left, right = union_pairs([graph([], 0, 0)])
    assert (len(left), len(right)) == (0, 0)


@pytest.mark.parametrize("sizes", [[], [(3, 3), (4, 4)], [(3, 4)]])
def test_graphs_over_different_listings_are_refused(sizes):
    with pytest.raises(DataError, match=r"over the same listings.*Received \(rows, columns\)"):
        union_pairs([graph([], *size) for size in sizes])


def toy_tables():
    """Three listings: 0 lacks a picture, 2 lacks a title."""
    image = np.array([[0, 0], [1, 0], [0.6, 0.8]], np.float32)
    title = csr_array(np.array([[0.6, 0.8, 0], [0, 1, 0], [0, 0, 0]], np.float32))
    codes = Hashes(np.array([9, 0b0, 0b11], np.uint64), np.array([False, True, True]))
    return {"image": Embeddings(image, "net"), "title": Embeddings(title, "words"), "phash": codes}


def test_every_modality_is_scored_by_hand():
    pairs = score_pairs(np.array([0, 0, 1]), np.array([1, 2, 2]), toy_tables())
    nan = np.nan  # one of the two lacks it, which is not a score of 0
    np.testing.assert_allclose(pairs.scores["image"], [nan, nan, 0.6], rtol=1e-6)
    np.testing.assert_allclose(pairs.scores["title"], [0.8, nan, nan], rtol=1e-6)
    np.testing.assert_allclose(pairs.scores["phash"], [nan, nan, 1 - 2 / 32], rtol=1e-6)
    assert (pairs.n_left, pairs.n_right) == (3, 3)
    assert {scores.dtype for scores in pairs.scores.values()} == {np.dtype(np.float32)}


def test_two_tables():
    left = {"image": Embeddings(np.float32([[1, 0]]), "net")}
    right = {"image": Embeddings(np.float32([[0, 1], [0.6, 0.8], [0, 0]]), "net")}
    pairs = score_pairs(np.zeros(3, np.int64), np.arange(3), left, right)
    np.testing.assert_allclose(pairs.scores["image"], [0, 0.6, np.nan], rtol=1e-6)
    assert (pairs.n_left, pairs.n_right) == (1, 3)


def test_no_pairs():
    nobody = np.empty(0, np.int64)
    pairs = score_pairs(nobody, nobody, toy_tables())
    assert len(pairs) == 0
    assert set(pairs.scores) == {"image", "title", "phash"}


@pytest.mark.parametrize("kind", ["dense", "sparse", "hashes"])
def test_a_search_reports_the_same_scores(reference, rng, monkeypatch, kind):
    monkeypatch.setattr(_pairs, "TASK", 100)
    held = reference.encode(rng.integers(-3, 4, (60, 9)), kind)
    found = make_index(held).search_within(k=20)
    scored = score_pairs(found.rows(), found.indices, {"only": held})
    np.testing.assert_array_equal(scored.scores["only"], found.scores)


@pytest.mark.parametrize("kind", ["dense", "sparse", "hashes"])
@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=8),
    st.data(),
)
def test_scores_are_those_of_the_full_matrix(reference, kind, rows, data):
    held = reference.encode(rows, kind)
    row = st.integers(0, len(rows) - 1)
    pairs = np.array(data.draw(st.lists(st.tuples(row, row), max_size=12)), np.int64).reshape(-1, 2)
    scored = score_pairs(pairs[:, 0], pairs[:, 1], {"only": held}).scores["only"]
    expected = reference.score_matrix(held, held)[pairs[:, 0], pairs[:, 1]]
    np.testing.assert_array_equal(scored, expected)


def test_wide_vectors_are_scored_in_several_steps(rng):
    vectors = l2_normalize(rng.normal(size=(5, 300_000)).astype(np.float32))
    held = {"only": Embeddings(vectors, "wide")}
    scored = score_pairs(np.array([0, 1, 2]), np.array([0, 2, 1]), held).scores["only"]
    expected = [1, *[vectors[1].astype(np.float64) @ vectors[2].astype(np.float64)] * 2]
    np.testing.assert_allclose(scored, expected, atol=1e-7)


@pytest.mark.parametrize("rows", [[-1], [3], [0, 5]])
def test_rows_out_of_range_are_refused(rows):
    rows = np.array(rows)
    with pytest.raises(DataError, match=r"right must hold rows in 0\.\.2\. Received"):
        score_pairs(np.zeros_like(rows), rows, toy_tables())


def test_tables_that_do_not_fit_together_are_refused():
    none, tables = np.empty(0, np.int64), toy_tables()
    with pytest.raises(DataError, match=r"same modalities.*'image'.*'title'.* and \['image'\]"):
        score_pairs(none, none, tables, {"image": tables["image"]})
    other = {**tables, "image": Embeddings(np.float32([[1, 0]] * 3), "another net")}
    with pytest.raises(DataError, match=r"'net'.*'another net'|'another net'.*'net'"):
        score_pairs(none, none, tables, other)
    short = {**tables, "image": Embeddings(np.float32([[1, 0]]), "net")}
    with pytest.raises(DataError, match="as many rows in each"):
        score_pairs(none, none, short)
    with pytest.raises(DataError, match="at least one modality"):
        score_pairs(none, none, {})
