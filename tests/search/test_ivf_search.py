"""Cells of rows: learning them, and searching those closest to a query."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.search import ExactIndex, IvfIndex, measure_recall
from matcher.search.ivf import Spec
from matcher.similarity import l2_normalize
from matcher.types import Embeddings


def crowds(rng, n=1200, width=24):
    centers = rng.normal(size=(n // 6, width))
    rows = centers[rng.integers(0, len(centers), n)] + 0.3 * rng.normal(size=(n, width))
    return Embeddings(l2_normalize(rows.astype(np.float32)), "toy")


def test_only_the_closest_cell_is_searched():
    """Two crowds; the row at 60 degrees lies closer to the second."""
    angles = np.radians([0, 4, 60, 86, 90])
    held = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    index = IvfIndex(Embeddings(held, "toy"), Spec(n_lists=2, n_probes=1))
    found = index.search(Embeddings(held[[1]], "toy"), k=5)
    assert found.indices.tolist() == [1, 0]
    both = IvfIndex(Embeddings(held, "toy"), Spec(n_lists=2, n_probes=2))
    assert both.search(Embeddings(held[[1]], "toy"), k=5).indices.tolist() == [1, 0, 2, 3, 4]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.sampled_from([(3, None), (None, 0.2), (9, 0.0)]))
def test_all_cells_together_are_exact(reference, n, n_lists, wanted):
    rows = np.random.default_rng(n).integers(-1, 2, (n, 4))
    held = reference.encode(rows, "dense")
    index = IvfIndex(held, Spec(n_lists=n_lists, n_probes=n_lists))
    assert reference.by_row(index.search_within(*wanted)) == reference.search_within(held, *wanted)


@pytest.mark.parametrize("wanted", [{"k": 5}, {"k": 20, "min_score": 0.2}, {"min_score": 0.6}])
def test_more_probes_find_no_less(rng, wanted):
    held, recalls = crowds(rng), []
    for n_probes in (1, 4, 16, 1000):
        index = IvfIndex(held, Spec(n_probes=n_probes))
        recalls.append(measure_recall(index, index.search_within(**wanted), **wanted).value)
    assert recalls == sorted(recalls)
    assert recalls[0] < recalls[-1] == 1


def test_small_blocks_change_nothing(reference, rng, monkeypatch):
    held = crowds(rng, 600)
    whole = IvfIndex(held, Spec(n_probes=3)).search_within(k=7)
    monkeypatch.setattr("matcher.search.ivf.BLOCK_BYTES", 20_000)
    parts = IvfIndex(held, Spec(n_probes=3)).search_within(k=7)
    assert reference.by_row(parts) == reference.by_row(whole)


def test_centers_are_unit_vectors_and_a_matter_of_the_seed(rng):
    held = crowds(rng, 300)
    once, again, other = (IvfIndex(held, Spec(seed=seed)).centers for seed in (1, 1, 2))
    np.testing.assert_allclose(np.linalg.norm(once, axis=1), 1, atol=1e-5)
    assert once.shape == (17, 24)  # the square root of 300
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_one_dimension_has_two_directions(reference):
    held = Embeddings(np.float32([[1], [-1], [1], [0], [-1]]), "toy")
    found = IvfIndex(held, Spec(n_lists=5, n_probes=5)).search_within(min_score=0.5)
    assert reference.by_row(found) == reference.search_within(held, None, 0.5)


def test_every_row_is_in_one_cell(rng):
    index = IvfIndex(crowds(rng, 500))
    assert sorted(index._order.tolist()) == list(range(500))
    assert index._sizes.sum() == 500


def test_agrees_with_exact_search_where_all_are_near(reference, rng):
    """Thousands of nearly equal rows: rounding must not hide the best."""
    rows = np.float32([1, 0, 0]) + 1e-5 * rng.normal(size=(800, 3)).astype(np.float32)
    held = Embeddings(l2_normalize(rows), "toy")
    found = IvfIndex(held, Spec(n_lists=4, n_probes=4)).search_within(k=3)
    assert reference.by_row(found) == reference.by_row(ExactIndex(held).search_within(k=3))
