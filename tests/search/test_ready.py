"""Indexes that stay ready find what those made for one search find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from matcher.search import _ready_dense as ready_dense
from matcher.search import make_index, make_ready, take_rows
from matcher.similarity import l2_normalize, l2_normalize_sparse
from matcher.types import Embeddings


def dense(n, width=8, seed=0):
    return Embeddings(l2_normalize(vectors(n, width, seed)), "by hand")


def vectors(n, width, seed):
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(n, width)).astype(np.float32)
    found[::7] = found[0]  # copies
    return found


def sparse(n, width=40, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.2, (n, width)).astype(np.float32)
    counts[:, :3] += rng.poisson(0.7, (n, 3))  # terms that most hold
    return Embeddings(l2_normalize_sparse(csr_array(counts)), "by hand")


def assert_same(found, expected):
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.scores, expected.scores)


@settings(max_examples=40, deadline=None)
@given(
    make=st.sampled_from([dense, sparse]),
    n_queries=st.sampled_from([1, 3, 70]),
    k=st.sampled_from([None, 1, 5, 500]),
    lowest=st.sampled_from([-1.0, 0.0, 0.2, 0.5, 0.9]),
    usual=st.sampled_from([0.0, 0.3, 0.6]),
    seed=st.integers(0, 3),
)
def test_whatever_is_asked_the_answers_are_the_same(make, n_queries, k, lowest, usual, seed):
    held, queries = make(300, seed=seed), make(n_queries, seed=seed + 10)
    ready = make_ready(held, usual)
    ready.warm()
    for _ in range(2):
        found = ready.search(queries, k=k, min_score=lowest)
        assert_same(found, make_index(held).search(queries, k=k, min_score=lowest))


@pytest.fixture(scope="module")
def many():
    """Enough vectors to be held in bfloat16, many of them close."""
    rng = np.random.default_rng(5)
    centres = np.repeat(rng.normal(size=(400, 64)), 100, axis=0)
    found = centres + 0.3 * rng.normal(size=centres.shape)
    return Embeddings(l2_normalize(found.astype(np.float32)), "by hand")


@pytest.mark.parametrize(("k", "lowest"), [(10, None), (500, 0.5), (None, 0.9), (3, -1.0)])
def test_vectors_held_in_bfloat16_change_no_answer(many, k, lowest):
    pytest.importorskip("openvino")
    ready = make_ready(many)
    ready.warm()
    queries = take_rows(many, np.arange(0, len(many), 1_500))
    expected = make_index(many).search(queries, k=k, min_score=lowest)
    assert_same(ready.search(queries, k=k, min_score=lowest), expected)


def test_a_processor_that_multiplies_otherwise_is_left_alone(many, monkeypatch):
    def refuse(right):
        raise RuntimeError("The processor has no bfloat16.")

    monkeypatch.setattr(ready_dense, "constant_network", refuse)
    queries = take_rows(many, np.arange(0, len(many), 9_000))
    found = make_ready(many).search(queries, k=4)
    assert_same(found, make_index(many).search(queries, k=4))
