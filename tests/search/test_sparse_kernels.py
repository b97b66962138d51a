"""What the compiled loops promise their caller: few candidates, each once, in any company."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.search import SparseIndex, sparse
from matcher.search._sparse_kernels import DEAD, search_rows
from matcher.similarity import l2_normalize
from matcher.types import Embeddings


def plan_of(table, monkeypatch, within=True, **limits):
    """The compiled plan for a table of numbers, and what each call of the loops found."""
    monkeypatch.setattr(sparse, "COMPILED_PRODUCTS", 0)
    monkeypatch.setattr(sparse, "LEAST_SHIFT", 1)
    held = Embeddings(csr_array(l2_normalize(np.asarray(table, np.float32))), "words")
    index = SparseIndex(held)
    wanted = sparse.Limits(limits.get("k"), limits.get("min_score"))
    return index._plan(index._held.encoded, wanted, within)


def proposed(plan):
    pairs = [np.stack(plan.propose(block), axis=1) for block in plan.blocks]
    return np.concatenate(pairs).tolist()


def test_half_of_the_pairs_by_hand(monkeypatch):
    # 0 and 1 share two of three words, 1 and 2 too, 0 and 2 one; all hold word 2.
    table = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1]]
    plan = plan_of(table, monkeypatch, min_score=0.5)
    assert plan.half
    assert sorted(proposed(plan)) == [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2]]


def test_no_pair_twice_and_no_column_below_its_row(monkeypatch, rng):
    table = rng.integers(0, 3, (90, 8)) + np.eye(90, 8)
    pairs = proposed(plan_of(table, monkeypatch, min_score=0.3))
    assert len({tuple(pair) for pair in pairs}) == len(pairs) > 90
    assert all(row <= col for row, col in pairs)


def test_of_rows_that_tie_only_the_first_k_are_listed(monkeypatch):
    # Each row holds the word of all and one of its own: all score 1/2 with each other.
    table = np.hstack([np.ones((200, 1)), np.eye(200)])
    plan = plan_of(table, monkeypatch, k=3, min_score=0.4)
    counts = np.bincount([row for row, _ in proposed(plan)], minlength=200)
    assert counts.max() <= 4  # itself, and three


@pytest.mark.parametrize("room", [1, 10**6])
def test_the_loops_list_few_more_than_k(monkeypatch, rng, room):
    calls = []

    def noted(queries, index, scratch, found, wanted, first, last):
        result = search_rows(queries, index, scratch, found, wanted, first, last)
        calls.append((result[1], result[0] - first, found.rows[: result[1]].copy()))
        assert not scratch.sums.any()
        assert (scratch.highest == DEAD).all()
        assert not scratch.head.any()
        return result

    monkeypatch.setattr(sparse, "search_rows", noted)
    monkeypatch.setattr(sparse, "FOUND_ROOM", room)
    table = np.hstack([np.ones((400, 1)), rng.random((400, 30)) * (rng.random((400, 30)) < 0.2)])
    plan = plan_of(table, monkeypatch, k=5)
    list(map(plan.propose, plan.blocks))
    assert sum(n_rows for _, n_rows, _ in calls) == 400
    assert sum(n for n, _, _ in calls) <= 400 * 2 * 5  # chunks of two rows here
    assert all((np.diff(rows) >= 0).all() for _, _, rows in calls)


def test_bounds_hold_where_nothing_but_the_head_is_shared(monkeypatch):
    monkeypatch.setattr(sparse, "HEAD_SHARE", 10.0)  # every term is of the head
    table = [[3, 4, 0], [4, 3, 0], [0, 0, 1]]
    pairs = proposed(plan_of(table, monkeypatch, min_score=0.9))
    assert [0, 1] in pairs
    assert [0, 2] not in pairs
    assert [1, 2] not in pairs
