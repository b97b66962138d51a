"""Query expansion, augmentation and iterated blending against the same sums done densely."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.blending import make_blending
from matcher.blending._mixtures import Mixture, find_neighbors
from matcher.blending._sums import _largest, weighted_sums
from matcher.errors import ConfigError

SEEDS = st.integers(0, 2**31)


def unit(rows):
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms == 0, 1, norms)


def nearest(scores, k, bound, within):
    """Dense table of neighbours' scores; 0 elsewhere."""
    kept = np.zeros_like(scores)
    for row, values in enumerate(np.round(scores, 6)):
        order = [c for c in np.argsort(-values, kind="stable") if not (within and c == row)]
        for col in [c for c in order if np.float32(values[c]) >= np.float32(bound)][:k]:
            kept[row, col] = scores[row, col]
    return kept


def expanded(queries, gallery, k, bound, weigh, within):
    found = nearest(queries @ gallery.T, k, bound, within)
    weights = np.where(found > 0, weigh(found), 0)
    sums = queries + weights @ gallery
    return unit(np.where(np.any(queries, axis=1, keepdims=True), sums, 0))


def random_rows(rng, n, d=5):
    rows = rng.random((n, d)) * (rng.random((n, d)) < 0.6)
    return unit(rows.astype(np.float32).astype(np.float64))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(1, 4), st.floats(0, 5), st.booleans(), st.booleans())
def test_alpha_qe_is_the_sum_of_the_formula(toys, seed, n, k, alpha, sparse, within):
    rng = np.random.default_rng(seed)
    queries, gallery = random_rows(rng, n), random_rows(rng, 7)
    blending = make_blending("alpha_qe", of="t", alpha=alpha, neighbors=k, neighbor_min_score=0.4)
    tables = [{"t": toys.vectors(rows, sparse)} for rows in (queries, gallery)]
    if within:
        (blended,) = blending.blend(tables[0])
        expected = expanded(queries, queries, k, 0.4, lambda s: s**alpha, True)
    else:
        blended, left = blending.blend(*tables)
        np.testing.assert_array_equal(toys.dense(left["t"]), toys.dense(tables[1]["t"]))
        expected = expanded(queries, gallery, k, 0.4, lambda s: s**alpha, False)
    np.testing.assert_allclose(toys.dense(blended["t"]), expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4), st.sampled_from(["rank", "score", "equal"]), st.booleans())
def test_dba_is_the_sum_of_the_formula(toys, seed, k, weights_by, sparse):
    rows = random_rows(np.random.default_rng(seed), 8)

    def weigh(found):
        if weights_by != "rank":
            return found**2.0 if weights_by == "score" else np.ones_like(found)
        weights = np.zeros_like(found)
        for row, values in enumerate(found):
            cols = np.flatnonzero(values)
            for col in cols:
                more = np.sum(np.round(values[cols], 6) > np.round(values[col], 6))
                place = 0 if values[col] > 1 - 5e-7 else more + 1
                weights[row, col] = 1 - place / (len(cols) + 1)
        return weights

    blending = make_blending(
        "dba", of="t", weights_by=weights_by, alpha=2, neighbors=k, neighbor_min_score=0.4
    )
    table = {"t": toys.vectors(rows, sparse)}
    queries, gallery = blending.blend(table, table)
    (alone,) = blending.blend(table)
    assert queries["t"].vectors is table["t"].vectors
    expected = expanded(rows, rows, k, 0.4, weigh, True)
    np.testing.assert_allclose(toys.dense(gallery["t"]), expected, atol=1e-5)
    np.testing.assert_array_equal(toys.dense(alone["t"]), toys.dense(gallery["t"]))


def test_weights_by_rank_by_hand(toys):
    # Of the first: itself 1, the 0.8 counts 1 - 1/3, the 0.6 counts 1 - 2/3.
    rows = [[1, 0, 0], [0.8, 0.6, 0], [0.6, 0, 0.8]]
    blending = make_blending("dba", of="t", neighbor_min_score=0.6)
    (blended,) = blending.blend({"t": toys.vectors(rows)})
    first = np.array([1 + 2 / 3 * 0.8 + 1 / 3 * 0.6, 2 / 3 * 0.6, 1 / 3 * 0.8])
    np.testing.assert_allclose(blended["t"].vectors[0], first / np.linalg.norm(first), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 3), st.booleans(), st.booleans(), st.booleans())
def test_inb_repeats_the_sum(toys, seed, stages, sparse, within, at_least_two):
    rng = np.random.default_rng(seed)
    queries, gallery = random_rows(rng, 6), random_rows(rng, 8)
    bounds = (0.8, 0.7, 0.6)[:stages]
    blending = make_blending(
        "inb", of="t", stages=stages, min_scores=bounds, neighbors=3, at_least_two=at_least_two
    )
    tables = [{"t": toys.vectors(rows, sparse)} for rows in (queries, gallery)]
    blended = blending.blend(*tables[within:])

    def stage(own, held, bound, same):
        found = nearest(own @ held.T, 3, bound, same)
        if at_least_two:
            closest = nearest(own @ held.T, 1, 0.01, same)
            found = np.where(found.any(axis=1, keepdims=True), found, closest)
        return unit(np.where(np.any(own, axis=1, keepdims=True), own + found @ held, 0))

    for bound in bounds:
        queries, gallery = (
            stage(queries, gallery, bound, False),
            stage(gallery, gallery, bound, True),
        )
    expected = [gallery] if within else [queries, gallery]
    for table, rows in zip(blended, expected, strict=True):
        np.testing.assert_allclose(toys.dense(table["t"]), rows, atol=2e-4)


def test_a_listing_without_neighbors_stays_or_takes_its_closest(toys):
    table = {"t": toys.vectors([[1, 0], [0.6, 0.8], [0, 0]])}
    alone = make_blending("inb", of="t", stages=1, min_scores=0.9)
    (blended,) = alone.blend(table)
    np.testing.assert_allclose(blended["t"].vectors, table["t"].vectors, atol=1e-7)
    (blended,) = alone.model_copy(update={"at_least_two": True}).blend(table)
    first = np.array([1 + 0.6 * 0.6, 0.6 * 0.8])
    np.testing.assert_allclose(blended["t"].vectors[0], first / np.linalg.norm(first), atol=1e-6)
    assert not blended["t"].present[2]


def test_blending_draws_a_group_together_and_not_to_another(toys):
    rows = [[1, 0.4, 0], [1, 0, 0.4], [1, 0.4, 0.4], [0, 1, -1], [0.1, 1, -1]]
    table = {"t": toys.vectors(rows)}
    (blended,) = make_blending("inb", of="t", min_scores=0.7).blend(table)
    before, after = (toys.scores(t["t"], t["t"]) for t in (table, blended))
    assert (after[:3, :3] >= before[:3, :3] - 1e-6).all()
    assert after[:3, :3].min() > 0.99
    np.testing.assert_allclose(after[3:, :3], toys.scores(blended["t"], blended["t"])[3:, :3])
    assert after[3:, :3].max() < 0.3


def side_by_side(toys, parts, weights):
    return unit(np.hstack([w * toys.dense(p) for p, w in zip(parts, weights, strict=True)]))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.booleans(), st.integers(1, 5), st.floats(0.05, 1))
def test_neighbors_of_a_mixture_are_those_of_the_concatenation(toys, seed, within, k, bound):
    rng = np.random.default_rng(seed)
    weights = [1.0, 2.0, 0.5]

    def parts(n):
        codes = [int(c) if rng.random() < 0.8 else None for c in rng.integers(0, 2**63, n)]
        first, second = random_rows(rng, n), random_rows(rng, n, 4)
        return [toys.vectors(first, True), toys.vectors(second), toys.hashes(codes)]

    left, right = Mixture.of(parts(6), weights), Mixture.of(parts(9), weights)
    own = right if within else left
    whole = [side_by_side(toys, m.parts, weights) for m in (own, right)]
    expected = nearest(whole[0] @ whole[1].T, k, bound, within)
    graph = find_neighbors(own, right, k, bound)
    found = np.zeros_like(expected)
    found[graph.rows(), graph.indices] = graph.scores
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(toys.dense(own.joined()), unit(whole[0]), atol=1e-6)


def test_several_modalities_blend_over_the_same_neighbors(toys):
    # As wholes 0 and 1 score (1 + 0.6) / 2 = 0.8, 0 and 2 score (0 + 1) / 2 = 0.5.
    title = toys.vectors([[1, 0], [1, 0], [0, 1]])
    image = toys.vectors([[1, 0], [0.6, 0.8], [1, 0]])
    table = {"title": title, "image": image}
    one = make_blending("inb", of=["title", "image"], stages=1, min_scores=0.7)
    (apart,) = one.blend(table)
    first = np.array([1 + 0.8 * 0.6, 0.8 * 0.8])
    np.testing.assert_allclose(apart["title"].vectors, title.vectors, atol=1e-6)
    np.testing.assert_allclose(apart["image"].vectors[0], first / np.linalg.norm(first), atol=1e-6)
    (joined,) = one.model_copy(update={"into": "both"}).blend(table)
    whole = np.array([1.8, 0, *first])
    np.testing.assert_allclose(joined["both"].vectors[0], whole / np.linalg.norm(whole), atol=1e-6)
    assert joined["title"] is title


def test_a_listing_without_a_picture_gets_none_from_its_neighbors(toys):
    table = {"title": toys.vectors([[1, 0], [1, 0]]), "image": toys.vectors([[0, 0], [0, 1]])}
    blending = make_blending("inb", of=["title", "image"], into="both", min_scores=0.5)
    (blended,) = blending.blend(table)
    np.testing.assert_allclose(blended["both"].vectors[0], [1, 0, 0, 0], atol=1e-7)


def test_a_sparse_sum_keeps_its_largest_terms(toys):
    rows = toys.vectors([[4, 3, 2, 1], [0, 1, 0, 0]], sparse=True).vectors
    kept = _largest(rows, most=2)
    np.testing.assert_array_equal(np.diff(kept.indptr), [2, 1])
    np.testing.assert_array_equal(kept.indices, [0, 1, 1])
    np.testing.assert_array_equal(kept.data, rows.toarray()[[0, 0, 1], [0, 1, 1]])


def test_sums_of_no_rows(toys):
    from scipy.sparse import csr_array

    rows = toys.vectors([[1, 2]], sparse=True).vectors
    assert weighted_sums(csr_array((0, 1), dtype=np.float32), rows).shape == (0, 2)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("inb", {"min_scores": (0.5, 0.6)}, "one for each of the 3 stages"),
        ("inb", {"min_scores": -0.5}, "min_scores"),
        ("inb", {"stages": 0}, "stages"),
        ("alpha_qe", {"alpha": -1}, "alpha"),
        ("alpha_qe", {"neighbor_min_score": -0.1}, "neighbor_min_score"),
        ("dba", {"neighbors": 0}, "neighbors"),
        ("dba", {"weights_by": "luck"}, "weights_by"),
        ("dba", {"weights": {"image": 2}}, "weights names the modality 'image'"),
        ("dba", {"weights": {"title": 0}}, "weights"),
    ],
)
def test_wrong_settings_are_named(name, wrong, message):
    with pytest.raises(ConfigError, match=message):
        make_blending(name, of="title", **wrong)
