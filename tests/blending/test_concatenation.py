"""One vector of several modalities, and what it makes of those that are missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from matcher.blending import make_blending
from matcher.errors import ConfigError
from matcher.fusion import make_fusion
from matcher.search import score_pairs

WEIGHTS = {"title": 1.0, "image": 0.5, "hash": 2.0}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_where_nothing_is_missing_it_is_the_weighted_fusion_with_squared_weights(toys, seed):
    rng = np.random.default_rng(seed)
    table = {
        "title": toys.vectors(rng.random((6, 5)) + 0.01, sparse=True),
        "image": toys.vectors(rng.random((6, 3)) + 0.01),
        "hash": toys.hashes([int(code) for code in rng.integers(0, 2**63, 6)]),
    }
    (blended,) = make_blending("concatenation", of=list(table), into="all", weights=WEIGHTS).blend(
        table
    )
    left, right = np.triu_indices(6, 1)
    pairs = score_pairs(left, right, blended)
    squares = {name: weight**2 for name, weight in WEIGHTS.items()}
    alone = make_fusion("weighted", weights={"all": 1}, threshold=0.5)(pairs)
    by_pair = make_fusion("weighted", weights=squares, threshold=0.5)(pairs)
    np.testing.assert_allclose(alone, by_pair, atol=1e-6)


def test_a_missing_part_by_hand(toys):
    table = {
        "title": toys.vectors([[1, 0], [1, 0], [1, 0]]),
        "image": toys.vectors([[1, 0], [0, 0], [0, 0]]),
    }
    (blended,) = make_blending("concatenation", of=["title", "image"], into="both").blend(table)
    # 0 has both parts, 1 and 2 the title: 1 / (sqrt(2) sqrt(1)); between 1 and 2 nothing is lost.
    found = toys.scores(blended["both"], blended["both"])
    np.testing.assert_allclose(found[0, 1], np.sqrt(0.5), atol=1e-6)
    np.testing.assert_allclose(found[1, 2], 1, atol=1e-6)


def test_a_listing_with_nothing_is_0(toys):
    table = {"title": toys.vectors([[0, 0], [1, 0]]), "hash": toys.hashes([None, 7])}
    (blended,) = make_blending("concatenation", of=["title", "hash"], into="both").blend(table)
    np.testing.assert_array_equal(blended["both"].present, [False, True])


@pytest.mark.parametrize(
    ("kinds", "sparse"), [((True, True), True), ((True, False), True), ((False, False), False)]
)
def test_sparse_if_any_part_is(toys, kinds, sparse):
    table = {
        name: toys.vectors([[1, 2], [0, 1]], kind, terms=(f"{name} 1", f"{name} 2"))
        for name, kind in zip("ab", kinds, strict=True)
    }
    (blended,) = make_blending("concatenation", of=["a", "b"], into="both").blend(table)
    assert isinstance(blended["both"].vectors, csr_array) == sparse
    assert blended["both"].terms == ("a 1", "a 2", "b 1", "b 2")


def test_words_of_some_parts_are_words_of_none(toys):
    table = {"a": toys.vectors([[1, 2]], terms=("x", "y")), "b": toys.hashes([1])}
    (blended,) = make_blending("concatenation", of=["a", "b"], into="both").blend(table)
    assert blended["both"].terms == ()


def test_both_tables_are_concatenated(toys):
    tables = [
        {"a": toys.vectors(rows), "b": toys.vectors(rows)} for rows in ([[1, 0]], [[0, 1]] * 3)
    ]
    found = make_blending("concatenation", of=["a", "b"], into="both").blend(*tables)
    assert [table["both"].vectors.shape for table in found] == [(1, 4), (3, 4)]
    assert found[0]["both"].source == found[1]["both"].source


def test_it_needs_a_name_to_write():
    with pytest.raises(ConfigError, match="name it with 'into'"):
        make_blending("concatenation", of=["a", "b"])
