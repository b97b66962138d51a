"""Products stay within the error they state, whoever multiplies."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matcher.search import _products as products
from matcher.search import _scores, _threads
from matcher.similarity import l2_normalize
from matcher.types import Embeddings


def unit(rng, *shape):
    return l2_normalize(rng.normal(size=shape).astype(np.float32))


@pytest.fixture(params=["Products", "OpenvinoProducts"])
def kind(request):
    if request.param == "OpenvinoProducts":
        pytest.importorskip("openvino")
    return getattr(products, request.param)


@pytest.mark.parametrize("width", [1, 3, 64, 300])
def test_products_are_within_the_error_stated(rng, kind, width):
    left, right = unit(rng, 90, width), unit(rng, 70, width)
    made = kind(left, right)
    for rows, cols in [(slice(0, 90), slice(0, 70)), (slice(89, 90), slice(13, 20))]:
        exact = left[rows].astype(np.float64) @ right[cols].astype(np.float64).T
        off = np.abs(made.block(rows, cols) - exact)
        assert off.shape == exact.shape
        assert off.max() <= made.error
    assert made.error < 0.01


@pytest.mark.parametrize("layout", ["read-only", "Fortran", "backwards"])
def test_any_memory_layout_will_do(rng, kind, layout):
    rows = unit(rng, 40, 16)
    held = {
        "read-only": rows.copy(),
        "Fortran": np.asfortranarray(rows),
        "backwards": rows[::-1].copy()[::-1],
    }[layout]
    held.flags.writeable = layout != "read-only"
    whole = slice(0, 40)
    np.testing.assert_allclose(
        kind(held, held).block(whole, whole), kind(rows, rows).block(whole, whole), atol=1e-6
    )
    np.testing.assert_array_equal(held, rows)


def test_reaching_finds_what_reaches_one_bound_or_one_per_row(kind):
    rows = np.array([[1, 0], [0.5, np.sqrt(0.75)], [0, 1]], np.float32)
    made = kind(rows, rows)
    # cosines: 1 .5 0 / .5 1 .87 / 0 .87 1
    _, at = made.reaching(slice(0, 3), slice(0, 3), np.float32(0.7))
    assert at.tolist() == [0, 4, 5, 7, 8]
    lowest = np.array([[0.4], [2.0]], np.float32)
    scores, at = made.reaching(slice(1, 3), slice(0, 2), lowest)
    assert at.tolist() == [0, 1]
    np.testing.assert_allclose(scores, [[0.5, 1], [0, np.sqrt(0.75)]], atol=0.01)


def test_threads_do_not_share_a_block(rng, kind):
    rows = unit(rng, 512, 32)
    made = kind(rows, rows)
    blocks = [slice(i, i + 16) for i in range(0, 512, 16)]
    found = _threads.in_order(lambda b: made.block(b, slice(0, 512)).copy(), blocks)
    whole = made.block(slice(0, 512), slice(0, 512))
    np.testing.assert_allclose(np.vstack(list(found)), whole, atol=1e-6)


UNIT_ROWS = arrays(np.float32, (4, 5), elements=st.floats(-1, 1, width=32)).map(l2_normalize)


@given(UNIT_ROWS, UNIT_ROWS)
def test_residuals_bound_what_rounding_does(left, right):
    exact, rounded = (
        a.astype(np.float64) @ b.astype(np.float64).T
        for a, b in ((left, right), map(products.as_bfloat16, (left, right)))
    )
    residuals = products.bfloat16_residual(left) + products.bfloat16_residual(right)
    assert np.abs(exact - rounded).max() <= products.NORMS * residuals + 1e-12
    assert residuals <= 2 * 2.0**-8 * 1.001


def test_bfloat16_rounds_to_the_nearest_and_ties_to_even():
    # eight bits: 1, 1 + 1/128, 1 + 2/128
    step = 2.0**-7
    given = np.float32([1 + 0.49 * step, 1 + 0.5 * step, 1 + 0.51 * step, 1 + 1.5 * step, -0.5])
    wanted = [1, 1, 1 + step, 1 + 2 * step, -0.5]
    assert products.as_bfloat16(given).tolist() == wanted


def test_residual_is_that_of_the_worst_row(monkeypatch):
    # 0.6 = 1.2 / 2 lies between 153 and 154 of 1/256; 0.8 between 204 and 205
    off = np.hypot(0.6 - 154 / 256, 0.8 - 205 / 256)
    rows = np.float32([[1, 0], [0.6, 0.8], [0, 1]])
    for numbers in (1, 4, 100):
        monkeypatch.setattr(products, "RESIDUAL_BLOCK", numbers)
        assert products.bfloat16_residual(rows) == pytest.approx(off, rel=1e-4)


def _cut(rows):
    """Toward zero instead of to the nearest."""
    return (np.asarray(rows, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize(
    ("compute", "trusted"),
    [
        (lambda a, b: products.as_bfloat16(a) @ products.as_bfloat16(b).T, True),
        (lambda a, b: _cut(a) @ _cut(b).T, False),
        (lambda a, b: products.as_bfloat16(products.as_bfloat16(a) @ b.T), False),
        (lambda a, b: a @ b.T, False),
    ],
)
def test_arithmetic_other_than_assumed_is_refused(monkeypatch, compute, trusted):
    monkeypatch.setattr(products, "_multiply", lambda _, left, right: compute(left, right))
    if trusted:
        products._check(None, 40, products.as_bfloat16)
    else:
        with pytest.raises(RuntimeError, match="less precise"):
            products._check(None, 40, products.as_bfloat16)


@pytest.mark.parametrize("error", [ImportError("no openvino"), RuntimeError("imprecise")])
def test_numpy_multiplies_where_openvino_cannot(rng, monkeypatch, error):
    def fail(width):
        raise error

    monkeypatch.setattr(products, "_network", fail)
    rows = unit(rng, 5, 4)
    assert type(products.make_products(rows, rows, 1e12)) is products.Products


def test_openvino_multiplies_where_it_pays(rng):
    pytest.importorskip("openvino")
    rows = unit(rng, 5, 4)
    assert type(products.make_products(rows, rows, 25)) is products.Products
    assert type(products.make_products(rows, rows, 1e12)) is products.OpenvinoProducts


def test_a_score_does_not_depend_on_who_sums(rng, monkeypatch):
    rows = unit(rng, 60, 130)
    rows[:20] = np.where(rng.random((20, 130)) < 0.1, rows[:20], 0)  # many products near 0
    held = Embeddings(l2_normalize(rows), "random")
    left, right = (at.ravel() for at in np.mgrid[:60, :60])
    found = []
    for enough in (0, sys.maxsize):
        monkeypatch.setattr(_scores, "COMPILED_FROM", enough)
        monkeypatch.setattr(_scores, "COMPILED_FROM_IF_LOADED", enough)
        found.append(_scores.pair_scores(held, held, left, right))
    np.testing.assert_array_equal(*found)
    mirrored = _scores.pair_scores(held, held, right, left)
    np.testing.assert_array_equal(mirrored, found[0])


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("enough", [0, sys.maxsize])
def test_a_sum_near_the_middle_of_two_scores_is_exact(monkeypatch, order, enough):
    # 1/2 + 2^-25 lies midway between two float32. 2^-54 is lost when added to it, and twice
    # 2^-54, which is 2^-53, is not.
    monkeypatch.setattr(_scores, "COMPILED_FROM", enough)
    monkeypatch.setattr(_scores, "COMPILED_FROM_IF_LOADED", enough)
    left = np.float32([[0.5, 2.0**-13, 2.0**-27, 2.0**-27, np.sqrt(0.75)][::order]])
    right = np.float32([[1, 2.0**-12, 2.0**-27, 2.0**-27, 0][::order]])
    tables = (Embeddings(rows, "by hand") for rows in (left, right))
    score = _scores.pair_scores(*tables, np.array([0]), np.array([0]))
    assert score.tolist() == [0.5 + 2.0**-24]
