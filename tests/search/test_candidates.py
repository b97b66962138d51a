"""Candidates hold all that belongs in the answer, whatever rounding did to the scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matcher.search import _candidates as candidates

SLACK = 0.01


@st.composite
def noisy_scores(draw):
    """True scores on a coarse grid, the same with errors, and limits."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 40)))
    true = draw(arrays(np.int8, shape, elements=st.integers(-4, 4))) / np.float32(4)
    noise = draw(arrays(np.float32, shape, elements=st.floats(-1, 1, width=16)))
    k = draw(st.none() | st.integers(1, 6))
    return true, true + noise * np.float32(0.99 * SLACK), k, draw(st.sampled_from([-1, 0, 0.5, 1]))


def belongs(scores, k, floor):
    """Which places a stable sort of each row keeps."""
    kept = np.zeros(scores.shape, bool)
    for row, line in enumerate(scores):
        best = np.argsort(-line, kind="stable")[:k]
        kept[row, best] = line[best] >= floor
    return kept


@given(noisy_scores())
def test_shortlist_misses_nothing(case):
    true, seen, k, floor = case
    assert not (belongs(true, k, floor) & ~candidates.shortlist(seen, k, floor, SLACK)).any()


@given(noisy_scores())
def test_settle_misses_nothing_and_keeps_few_too_many(case):
    true, _, k, floor = case
    kept = candidates.settle(true.astype(np.float64), k, floor, 1e-12)
    assert not (belongs(true, k, floor) & ~kept).any()
    if k is not None:
        assert kept.sum(axis=1).max() < 2 * k  # fewer than k are better than the k-th


@given(noisy_scores())
def test_settle_listed_keeps_what_settle_keeps(case):
    true, _, k, _ = case
    k, values = k or 3, true.astype(np.float64)
    rows, cols = np.nonzero(np.ones(true.shape))
    listed = np.zeros(true.shape, bool)
    listed.flat[candidates.settle_listed(rows, cols, values.ravel(), k, 1e-12)] = True
    np.testing.assert_array_equal(listed, candidates.settle(values, k, -1, 1e-12))


def test_settle_keeps_what_may_round_either_way():
    upper, half = 0.5 + 2.0**-24, 0.5 + 2.0**-25  # half lies midway from 0.5 to upper
    # half may turn out to be 0.5 or upper, and then win the tie
    kept = candidates.settle(np.array([[0.5, half, upper, upper]]), 1, -1, 1e-12)
    assert kept.tolist() == [[False, True, True, False]]


def test_shortlist_is_short_in_long_rows(rng):
    seen = rng.random((20, 10_000), np.float32)
    assert candidates.shortlist(seen, 10, -1, 0).sum(axis=1).max() <= 20


def test_blocks_cover_all_rows_in_order():
    for blocks in (
        candidates.even_blocks(10, 4),
        candidates.even_blocks(10, 0),
        candidates.weighed_blocks(np.array([1, 9, 1, 1, 30, 0, 2, 0, 0, 5]), 10),
    ):
        assert [row for b in blocks for row in range(b.start, b.stop)] == list(range(10))


def test_weighed_blocks_are_of_even_weight():
    # running sums 4 8 | 12 16 | 20 24 fall into 0..9, 10..19, 20..29
    blocks = candidates.weighed_blocks(np.full(6, 4), 10)
    assert [(b.start, b.stop) for b in blocks] == [(0, 2), (2, 4), (4, 6)]


@pytest.mark.parametrize("begun", [True, False])
@given(noisy_scores(), st.integers(1, 9))
def test_gathering_tile_by_tile_misses_nothing(begun, case, tile):
    true, seen, k, floor = case
    k = k or 3
    best = candidates.Best(len(seen), k, floor, SLACK, tile)
    if begun:
        best.begin(seen[:, :tile])
    for cols in candidates.even_blocks(seen.shape[1], tile):
        scores = np.ascontiguousarray(seen[:, cols])
        best.add(scores, np.flatnonzero(scores >= best.lowest), cols.start)
    rows, cols, crowded = best.finish()
    assert (np.diff(rows) >= 0).all()
    gathered = np.zeros(seen.shape, bool)
    gathered[rows, cols] = True
    assert gathered.sum() == len(rows)
    assert not gathered[crowded].any()
    missed = belongs(true, k, floor) & ~gathered
    missed[crowded] = False
    assert not missed.any()


def test_few_are_gathered_of_long_rows(rng):
    seen = rng.random((5, 20_000), np.float32)
    best = candidates.Best(5, 10, -1, 0, 500)
    for cols in candidates.even_blocks(seen.shape[1], 500):
        scores = np.ascontiguousarray(seen[:, cols])
        best.add(scores, np.flatnonzero(scores >= best.lowest), cols.start)
    rows, cols, crowded = best.finish()
    assert rows.tolist() == np.repeat(range(5), 10).tolist()
    assert np.sort(cols.reshape(5, 10)).tolist() == np.sort(np.argsort(-seen)[:, :10]).tolist()
    assert len(crowded) == 0


def test_a_row_of_equal_scores_is_crowded():
    seen = np.full((2, 100), 0.5, np.float32)
    seen[1, 5:] = -0.5
    best = candidates.Best(2, 2, 0, 0.01, 100)
    best.add(seen, np.flatnonzero(seen >= best.lowest), 0)
    rows, cols, crowded = best.finish()
    assert (rows.tolist(), cols.tolist(), crowded.tolist()) == ([1] * 5, [0, 1, 2, 3, 4], [0])
