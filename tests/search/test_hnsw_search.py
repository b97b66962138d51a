"""Graphs of near rows: what they find, and what happens where a graph is of no use."""

import sys
from itertools import pairwise

import numpy as np
import pytest

from matcher.errors import BackendError, ConfigError
from matcher.search import ExactIndex, HnswIndex, measure_recall
from matcher.search.hnsw import LARGE_SHARE, SPARE, Spec
from matcher.similarity import l2_normalize
from matcher.types import Embeddings

pytest.importorskip("usearch")


def crowds(rng, n=1200, width=24):
    """Unit vectors in small crowds around random centres."""
    centers = rng.normal(size=(n // 6, width))
    rows = centers[rng.integers(0, len(centers), n)] + 0.3 * rng.normal(size=(n, width))
    return Embeddings(l2_normalize(rows.astype(np.float32)), "toy")


@pytest.mark.parametrize("wanted", [{"k": 5}, {"k": 20, "min_score": 0.2}, {"min_score": 0.6}])
def test_it_finds_nearly_all(rng, wanted):
    index = HnswIndex(crowds(rng))
    recall = measure_recall(index, index.search_within(**wanted), **wanted)
    assert recall.n_queries == 1000
    assert recall.value > 0.97


def test_the_graph_is_asked_where_few_are_wanted(rng, monkeypatch):
    index, asked = HnswIndex(crowds(rng)), []
    nearest = index._nearest
    monkeypatch.setattr(index, "_nearest", lambda *a: asked.append(a[1]) or nearest(*a))
    index.search_within(k=3)
    assert asked == [3 + 1 + SPARE]
    asked.clear()
    index.search_within(min_score=0.5)
    assert asked[0] == SPARE
    assert all(b == 4 * a for a, b in pairwise(asked))
    assert all(LARGE_SHARE * n <= 1200 for n in asked)


def test_where_a_large_share_is_wanted_all_rows_are_compared(reference, rng, monkeypatch):
    held = crowds(rng, 300)
    index = HnswIndex(held)
    monkeypatch.setattr(index, "_nearest", lambda *_: pytest.fail("the graph was asked"))
    for wanted in ({"k": 40}, {"k": 250, "min_score": -1.0}):
        found, exact = (i.search_within(**wanted) for i in (index, ExactIndex(held)))
        assert reference.by_row(found) == reference.by_row(exact)


def test_a_bound_alone_that_all_reach_finds_all(reference, rng):
    held = crowds(rng, 400)
    found, exact = (i(held).search_within(min_score=-1.0) for i in (HnswIndex, ExactIndex))
    assert reference.by_row(found) == reference.by_row(exact)


def test_one_query_is_answered_like_many(reference, rng):
    held = crowds(rng)
    index = HnswIndex(held)
    many = reference.by_row(index.search(held, k=4))
    for row in (0, 700):
        alone = Embeddings(held.vectors[[row]], "toy")
        assert reference.by_row(index.search(alone, k=4)) == [many[row]]


def test_more_expansion_finds_no_less(rng):
    held = Embeddings(l2_normalize(rng.normal(size=(3000, 48)).astype(np.float32)), "toy")
    recalls = []
    for expansion in (8, 512):
        index = HnswIndex(held, Spec(expansion=expansion, connectivity=4))
        recalls.append(measure_recall(index, index.search_within(k=10), k=10).value)
    assert recalls[0] < recalls[1]
    assert recalls[1] > 0.95


def test_ten_thousand_twins_cost_one_row(rng):
    rows = np.concatenate([np.tile(np.float32([[1, 0]]), (10_000, 1)), np.float32([[0, 1]])])
    index = HnswIndex(Embeddings(rows, "toy"))
    assert sum(len(graph) for graph in index._graphs) == 2
    assert (np.diff(index.search_within(k=3).indptr) == 3).all()


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match=r"search: setting 'connectivity'"):
        Spec.read({"connectivity": 0}, "search")
    with pytest.raises(ConfigError, match="Did you mean 'expansion'"):
        Spec.read({"expansions": 10}, "search")


def test_without_usearch_the_extra_is_named(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(BackendError, match=r"pip install 'matcher\[search\]'"):
        HnswIndex(crowds(rng, 60))
