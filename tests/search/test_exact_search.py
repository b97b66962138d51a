import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError
from matcher.search import ExactIndex, _candidates, _products, exact
from matcher.similarity import l2_normalize
from matcher.types import Embeddings


def unit(values, source="random"):
    return Embeddings(l2_normalize(np.asarray(values, np.float32)), source)


@pytest.fixture
def any_size():
    """Take the ways that only pay for large tables, in tiles of a few rows."""
    with pytest.MonkeyPatch.context() as patch:
        take_all_ways(patch)
        yield patch


def take_all_ways(patch, tile=64):
    patch.setattr(exact, "TILE", tile)
    patch.setattr(exact, "GATHERED_FROM", 0)
    patch.setattr(exact, "LEAST_GATHERED", 0)
    patch.setattr(exact, "LEAST_CHOICE", 0)
    patch.setattr(_products, "WORTH_LOADING", 0)


def test_by_hand():
    # cosines: a.b = 0.6, a.c = 0, b.c = 0.8
    index = ExactIndex(unit([[1, 0], [3, 4], [0, 1]]))
    graph = index.search_within(k=2, min_score=0.5)
    assert graph.indptr.tolist() == [0, 1, 3, 4]
    assert graph.indices.tolist() == [1, 2, 0, 1]
    np.testing.assert_allclose(graph.scores, [0.6, 0.8, 0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("block", [1, 7, 10_000])
@pytest.mark.parametrize("k", [1, 10, 299, 300, 1000])
def test_agrees_with_brute_force_in_any_blocks(reference, rng, block, k):
    held, queries = unit(rng.normal(size=(300, 200))), unit(rng.normal(size=(20, 200)))
    index = ExactIndex(held, block)
    assert reference.by_row(index.search(queries, k)) == reference.search(held, queries, k)
    if block == 7:
        assert reference.by_row(index.search_within(k)) == reference.search_within(held, k)


@pytest.mark.parametrize("noise", [1e-8, 1e-7, 1e-6, 1e-4])
def test_thousands_of_all_but_equal_rows_are_told_apart(reference, rng, monkeypatch, noise):
    precise = []
    settle = _candidates.settle
    monkeypatch.setattr(_candidates, "settle", lambda *args: precise.append(1) or settle(*args))
    held = unit(rng.normal(size=64) + noise * rng.normal(size=(600, 64)))
    found = ExactIndex(held).search_within(k=4, min_score=0.5)
    assert reference.by_row(found) == reference.search_within(held, 4, 0.5)
    assert precise


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=30),
    st.integers(1, 5),
    st.sampled_from([None, -1.0, 0.0, 0.5]),
)
def test_agrees_when_every_row_is_settled_in_float64(reference, rows, k, min_score):
    held = reference.encode(rows, "dense")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_candidates, "CROWDED", 0)
        patch.setattr(_candidates, "BLOCK_BYTES", 200)
        found = ExactIndex(held).search_within(k, min_score)
    assert reference.by_row(found) == reference.search_within(held, k, min_score)


def test_norms_slightly_off_make_ties_by_clipping(reference):
    base = np.array([[0.6, 0.8], [0.6, 0.8], [-0.6, -0.8], [0.8, 0.6]])
    norms = np.array([[0.9995], [1.0009], [1.0009], [1.0004]])
    held = Embeddings((base * norms).astype(np.float32), "off")
    for k in (1, 2, 3):
        found = ExactIndex(held).search_within(k)
        assert reference.by_row(found) == reference.search_within(held, k)
        assert np.abs(found.scores).max() <= 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_layout_does_not_matter(reference, rng, order):
    vectors = unit(rng.normal(size=(40, 8))).vectors
    held = Embeddings(np.array(vectors, order=order)[::-1], "random")
    found = ExactIndex(held).search_within(k=5)
    assert reference.by_row(found) == reference.search_within(held, 5)


def test_no_square_of_the_rows_is_held_in_memory(rng):
    held = unit(rng.normal(size=(8_000, 4)))
    index = ExactIndex(held, block=256)
    tracemalloc.start()
    index.search_within(k=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000**2 * 4 / 2


def test_thousands_of_identical_rows_cost_little(rng):
    twins = np.repeat(unit(rng.normal(size=(2, 4))).vectors, 20_000, axis=0)
    index = ExactIndex(Embeddings(twins, "random"))
    tracemalloc.start()
    graph = index.search_within(k=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.indices.reshape(-1, 3)[[0, 1, 2, 3, 39_999]].tolist() == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
        [20_000, 20_001, 20_002],
    ]
    assert peak < 20e6  # 16 bytes for each of 120,000 edges, a few times over


def test_block_below_one_is_refused():
    with pytest.raises(ConfigError, match=r"block must be at least 1\. Received: 0"):
        ExactIndex(unit([[1, 0]]), block=0)


WANTED = [(1, None), (10, None), (50, None), (10, 0.1), (299, 0.05), (None, 0.1), (None, -1.0)]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("wanted", WANTED)
def test_low_precision_misses_nothing(reference, rng, any_size, monkeypatch, wanted, fast):
    if fast:
        pytest.importorskip("openvino")
    else:
        monkeypatch.setattr(_products, "WORTH_LOADING", np.inf)
    held, queries = unit(rng.normal(size=(300, 40))), unit(rng.normal(size=(21, 40)))
    index = ExactIndex(held, 100)
    assert reference.by_row(index.search(queries, *wanted)) == reference.search(
        held, queries, *wanted
    )
    assert reference.by_row(index.search_within(*wanted)) == reference.search_within(held, *wanted)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=30),
    st.sampled_from([None, 1, 2, 5]),
    st.sampled_from([-1.0, 0.0, 0.5, 1.0]),
    st.sampled_from([1, 3, 64]),
)
def test_low_precision_settles_ties_and_bounds_alike(reference, rows, k, min_score, tile):
    held = reference.encode(rows, "dense")
    with pytest.MonkeyPatch.context() as patch:
        take_all_ways(patch, tile)
        found = ExactIndex(held, block=7).search_within(k, min_score)
    assert reference.by_row(found) == reference.search_within(held, k, min_score)


@pytest.mark.parametrize("noise", [1e-7, 1e-4, 1e-2])
def test_rows_too_crowded_for_low_precision_are_compared_again(reference, rng, any_size, noise):
    if noise > 1e-3:
        pytest.importorskip("openvino")  # float32 tells these apart
    alike = rng.normal(size=64) + noise * rng.normal(size=(300, 64))
    held = unit(np.concatenate([rng.normal(size=(300, 64)), alike]))
    compared = []
    compare = exact._compare
    any_size.setattr(exact, "_compare", lambda *args: compared.append(args) or compare(*args))
    found = ExactIndex(held, 256).search_within(k=4)
    assert reference.by_row(found) == reference.search_within(held, 4)
    assert 300 <= sum(len(args[0]) for args in compared) < 450


@pytest.mark.parametrize("wanted", [(1, None), (2, None), (3, None), (None, -1.0), (None, 1.0)])
def test_norms_slightly_off_make_ties_in_low_precision_too(reference, any_size, wanted):
    base = np.array([[0.6, 0.8], [0.6, 0.8], [-0.6, -0.8], [0.8, 0.6], [-0.6, -0.8]])
    norms = np.array([[0.9995], [1.0009], [1.0009], [1.0004], [1.0002]])
    held = Embeddings((base * norms).astype(np.float32), "off")
    for tile in (1, 64):
        any_size.setattr(exact, "TILE", tile)
        found = ExactIndex(held).search_within(*wanted)
        assert reference.by_row(found) == reference.search_within(held, *wanted)


def test_half_the_pairs_are_multiplied_for_a_bound_alone(rng, monkeypatch):
    n_products = []
    block = _products.Products.block

    def count(self, rows, cols):
        scores = block(self, rows, cols)
        n_products.append(scores.size)
        return scores

    monkeypatch.setattr(_products.Products, "block", count)
    monkeypatch.setattr(exact, "TILE", 50)
    ExactIndex(unit(rng.normal(size=(1000, 8))), block=50).search_within(min_score=0.9)
    assert sum(n_products) == 50**2 * 20 * 21 / 2
