import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from matcher.search import SparseIndex, _candidates, sparse
from matcher.search._sparse_kernels import search_rows
from matcher.similarity import l2_normalize, l2_normalize_sparse
from matcher.types import Embeddings


def words(rng, n, width=60, signed=False):
    """Sparse rows of few terms, some of them very common."""
    common = rng.random(width) ** 4
    table = (rng.random((n, width)) < common) * rng.integers(1, 4, (n, width))
    table = table * rng.choice([-1, 1], (n, width)) if signed else table
    return Embeddings(csr_array(l2_normalize(table.astype(np.float32))), "words")


def test_by_hand():
    # two of three words shared: 2/3; one of three: 1/3
    table = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1]], np.float32)
    graph = SparseIndex(Embeddings(csr_array(l2_normalize(table)), "words")).search_within(k=5)
    assert graph.indices.tolist() == [1, 2, 0, 2, 1, 0]
    np.testing.assert_allclose(graph.scores, [2 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("k", [None, 1, 5, 250])
@pytest.mark.parametrize("min_score", [None, -0.2, 0.0, 0.05, 0.5])
def test_agrees_with_brute_force(reference, rng, signed, k, min_score):
    if k is None and min_score is None:
        return
    held, queries = words(rng, 120, signed=signed), words(rng, 30, signed=signed)
    index = SparseIndex(held)
    found, within = index.search(queries, k, min_score), index.search_within(k, min_score)
    assert reference.by_row(found) == reference.search(held, queries, k, min_score)
    assert reference.by_row(within) == reference.search_within(held, k, min_score)


@pytest.fixture
def compiled(monkeypatch):
    """However few the rows, the compiled loops are taken."""
    monkeypatch.setattr(sparse, "COMPILED_PRODUCTS", 0)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("k", [None, 1, 5, 250])
@pytest.mark.parametrize("min_score", [None, -0.2, 0.0, 0.05, 0.5])
@pytest.mark.parametrize("share", [0.0, 0.25, 10.0])
def test_compiled_agrees_with_brute_force(reference, rng, monkeypatch, signed, k, min_score, share):
    if k is None and min_score is None:
        return
    monkeypatch.setattr(sparse, "HEAD_SHARE", share)
    monkeypatch.setattr(sparse, "LEAST_SHIFT", 2)
    held, queries = words(rng, 120, signed=signed), words(rng, 30, signed=signed)
    index = SparseIndex(held)
    found, within = index.search(queries, k, min_score), index.search_within(k, min_score)
    assert reference.by_row(found) == reference.search(held, queries, k, min_score)
    assert reference.by_row(within) == reference.search_within(held, k, min_score)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3, None]),
    st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    st.booleans(),
    st.booleans(),
)
def test_agrees_in_the_smallest_blocks(reference, seed, k, min_score, compiled, signed):
    held = words(np.random.default_rng(seed), 25, width=6, signed=signed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "COMPILED_PRODUCTS", 0 if compiled else 2**24)
        patch.setattr(sparse, "BLOCK_BYTES", 1)
        patch.setattr(sparse, "FOUND_ROOM", 1)
        patch.setattr(sparse, "LEAST_SHIFT", seed % 3)
        patch.setattr(_candidates, "CROWDED", 0)
        found = SparseIndex(held).search_within(k, min_score)
    assert reference.by_row(found) == reference.search_within(held, k, min_score)


def test_size_decides_how_to_search(rng, monkeypatch):
    calls = []

    def counted(*args):
        calls.append(args)
        return search_rows(*args)

    monkeypatch.setattr(sparse, "search_rows", counted)
    SparseIndex(words(rng, 300)).search_within(min_score=0.5)
    assert not calls
    monkeypatch.setattr(sparse, "COMPILED_PRODUCTS", 1000)
    held = words(rng, 300)
    SparseIndex(held).search(held, min_score=-1)
    assert not calls
    SparseIndex(held).search_within(min_score=0.5)
    assert calls


@pytest.mark.usefixtures("compiled")
def test_a_common_word_is_found_by_what_it_alone_relates(reference):
    # All of what rows 0 and 1 share is the commonest word, of which both are nearly made.
    table = np.zeros((300, 301), np.float32)
    table[:, 0] = 0.05
    table[np.arange(300), 1 + np.arange(300)] = 1
    table[[0, 1, 299], 0] = 20
    held = Embeddings(csr_array(l2_normalize(table)), "words")
    found = SparseIndex(held).search_within(min_score=0.9)
    assert reference.by_row(found) == reference.search_within(held, None, 0.9)
    assert found.indptr[1] == 2


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("scale", [1e-30, 1e-12])
def test_weights_close_to_nothing(reference, scale):
    table = np.array([[1, 0, scale], [0, 1, scale], [scale, scale, 1], [1, 0, -scale]], np.float32)
    held = Embeddings(csr_array(l2_normalize(table)), "words")
    for k, min_score in ((2, None), (None, 0.5), (3, 0.0), (None, 1.0)):
        found = SparseIndex(held).search_within(k, min_score)
        assert reference.by_row(found) == reference.search_within(held, k, min_score)


def test_unrelated_rows_fill_up_k_but_never_pass_a_bound():
    rows = csr_array(np.eye(4, dtype=np.float32))
    index = SparseIndex(Embeddings(rows, "words"))
    assert index.search_within(k=2).indices.tolist() == [1, 2, 0, 2, 0, 1, 0, 1]
    assert index.search_within(k=2, min_score=0).indices.tolist() == [1, 2, 0, 2, 0, 1, 0, 1]
    assert len(index.search_within(k=2, min_score=1e-3).indices) == 0


def test_disorder_in_the_matrix_does_not_matter(reference):
    # rows 0 and 2 are both (1, 2, 2, 0) / 3, once out of order and with a stored zero
    data = np.array([2, 0, 1, 2, 3, 1, 2, 2], np.float32) / 3
    disorder = csr_array((data, [2, 3, 0, 1, 3, 0, 1, 2], [0, 4, 5, 8]), shape=(3, 4))
    held = Embeddings(disorder, "words")
    index = SparseIndex(held)
    assert reference.by_row(index.search_within(k=1)) == reference.search_within(held, 1)
    assert index.search_within(k=1).indices.tolist() == [2, 0, 0]
    assert index._held.n_different == 2


@pytest.mark.parametrize("compiled_from", [0, 2**40])
def test_ten_thousand_equally_distant_rows_cost_little(monkeypatch, compiled_from):
    # row i holds the word that all share and one of its own: every score is 1/2
    monkeypatch.setattr(sparse, "COMPILED_PRODUCTS", compiled_from)
    n = 10_000
    indices = np.stack([np.zeros(n, np.int64), np.arange(1, n + 1)], axis=1).ravel()
    rows = csr_array(
        (np.ones(2 * n, np.float32), indices, np.arange(0, 2 * n + 1, 2)), shape=(n, n + 1)
    )
    queries = Embeddings(l2_normalize_sparse(rows)[:200], "words")
    held = Embeddings(l2_normalize_sparse(rows), "words")
    graph = SparseIndex(held).search(queries, k=3, min_score=0.4)
    assert graph.indices.reshape(-1, 3)[[0, 1, 2, 199]].tolist() == [
        [0, 1, 2],
        [1, 0, 2],
        [2, 0, 1],
        [199, 0, 1],
    ]


@pytest.mark.data
@pytest.mark.parametrize("compiled_from", [0, 2**40])
@pytest.mark.parametrize("analyzer", [{}, {"analyzer": "char_wb", "ngram_range": (3, 5)}])
def test_real_titles(reference, real_data, monkeypatch, analyzer, compiled_from):
    monkeypatch.setattr(sparse, "COMPILED_PRODUCTS", compiled_from)
    from sklearn.feature_extraction.text import TfidfVectorizer

    path = real_data / "shopee" / "train.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with path.open(encoding="utf-8", newline="") as file:
        titles = [row["title"] for row, _ in zip(csv.DictReader(file), range(400), strict=False)]
    vectors = csr_array(TfidfVectorizer(dtype=np.float32, **analyzer).fit_transform(titles))
    held = Embeddings(vectors, "tfidf")
    for k, min_score in ((50, 0.3), (5, None), (None, 0.5)):
        found = SparseIndex(held).search_within(k, min_score)
        assert reference.by_row(found) == reference.search_within(held, k, min_score)
