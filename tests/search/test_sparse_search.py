import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from matcher.search import SparseIndex, _candidates, sparse
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


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, None]), st.sampled_from([0.0, 0.1, 0.5]))
def test_agrees_in_the_smallest_blocks(reference, seed, k, min_score):
    held = words(np.random.default_rng(seed), 25, width=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "BLOCK_BYTES", 1)
        patch.setattr(_candidates, "CROWDED", 0)
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


def test_ten_thousand_equally_distant_rows_cost_little(reference):
    # row i holds the word that all share and one of its own: every score is 1/2
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
@pytest.mark.parametrize("analyzer", [{}, {"analyzer": "char_wb", "ngram_range": (3, 5)}])
def test_real_titles(reference, real_data, analyzer):
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
