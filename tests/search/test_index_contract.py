"""What every index promises. A new file in matcher/search is tested here unasked."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.search import is_approximate, make_index
from matcher.settings import available
from matcher.types import Embeddings, Hashes

KINDS = {"dense": "dense vectors", "sparse": "sparse vectors", "hashes": "hashes"}


def cases():
    """Every method with every kind of rows that it holds."""
    for method in available("matcher.search"):
        module = import_module(f"matcher.search.{method}")
        held = getattr(module, f"{method.capitalize()}Index").kinds
        yield from ((method, kind) for kind, name in KINDS.items() if name in held)


def indexes(chosen):
    return pytest.mark.parametrize(("method", "kind"), chosen)


every_index = indexes(list(cases()))
exact_index = indexes([case for case in cases() if not is_approximate(case[0])])
approximate_index = indexes([case for case in cases() if is_approximate(case[0])])


@st.composite
def tables(draw, max_rows=14):
    """Two tables of one width, full of twins, ties, opposites and rows of zeros."""
    width = draw(st.integers(1, 4))
    row = st.lists(st.integers(-1, 1), min_size=width, max_size=width)
    held = draw(st.lists(row, max_size=max_rows))
    queries = draw(st.lists(row, max_size=max_rows))
    return held, queries, width


def limits():
    """At least one limit; bounds that scores of the toy tables hit exactly or miss narrowly."""
    k = st.integers(1, 16)
    exact = [-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1 - 3 / 32, 1 - 6 / 32, 1 - 9 / 32]
    root = float(np.float32(1 / np.sqrt(2)))
    score = st.sampled_from([*exact, root, root + 1e-6]) | st.floats(-1, 1)
    return st.tuples(k, st.none()) | st.tuples(st.none(), score) | st.tuples(k, score)


def test_the_cases_cover_every_kind_of_rows():
    assert {kind for _, kind in cases()} == set(KINDS)
    assert {method for method, _ in cases()} == set(available("matcher.search"))


@exact_index
@settings(max_examples=40, deadline=None)
@given(tables(), limits())
def test_search_agrees_with_brute_force(reference, method, kind, rows, wanted):
    held, queries, width = rows
    held, queries = (reference.encode(r, kind, width) for r in (held, queries))
    found = make_index(held, method).search(queries, *wanted)
    assert reference.by_row(found) == reference.search(held, queries, *wanted)
    assert (found.n_rows, found.n_cols) == (len(queries), len(held))


@exact_index
@settings(max_examples=40, deadline=None)
@given(tables(), limits())
def test_search_within_agrees_with_brute_force(reference, method, kind, rows, wanted):
    held = reference.encode(rows[0], kind, rows[2])
    found = make_index(held, method).search_within(*wanted)
    assert reference.by_row(found) == reference.search_within(held, *wanted)
    assert (found.n_rows, found.n_cols) == (len(held), len(held))


@exact_index
@pytest.mark.parametrize("wanted", [(3, None), (40, None), (5, 0.5), (None, 0.5), (2, -1.0)])
def test_larger_tables_agree_too(reference, rng, method, kind, wanted):
    held = reference.encode(rng.integers(-1, 2, (400, 6)), kind)
    found = make_index(held, method).search_within(*wanted)
    assert reference.by_row(found) == reference.search_within(held, *wanted)


def check_part(found, scores, k=None, min_score=None):
    """Whatever is found is scored, bounded and ordered as brute force would; no pair twice."""
    assert (found.n_rows, found.n_cols) == scores.shape
    lowest = -1 if min_score is None else np.float32(min_score)
    for row, (a, b) in enumerate(zip(found.indptr[:-1], found.indptr[1:], strict=True)):
        cols, values = found.indices[a:b], found.scores[a:b]
        assert len(set(cols.tolist())) == len(cols) <= (k or len(cols))
        assert values.tolist() == scores[row, cols].tolist()
        assert (values >= lowest).all()
        assert np.lexsort((cols, -values)).tolist() == list(range(len(cols)))


@approximate_index
@settings(max_examples=40, deadline=None)
@given(tables(), limits())
def test_an_approximate_search_finds_a_part(reference, method, kind, rows, wanted):
    held, queries, width = rows
    held, queries = (reference.encode(r, kind, width) for r in (held, queries))
    check_part(
        make_index(held, method).search(queries, *wanted),
        reference.score_matrix(queries, held),
        *wanted,
    )


@approximate_index
@pytest.mark.parametrize("wanted", [(3, None), (40, None), (5, 0.5), (None, 0.5), (2, -1.0)])
def test_an_approximate_search_within_finds_a_part(reference, rng, method, kind, wanted):
    held = reference.encode(rng.integers(-1, 2, (400, 6)), kind)
    scores = reference.score_matrix(held, held)
    np.fill_diagonal(scores, np.nan)
    check_part(make_index(held, method).search_within(*wanted), scores, *wanted)


@approximate_index
def test_an_approximate_search_finds_twins_and_answers_twice_alike(reference, rng, method, kind):
    table = rng.integers(-1, 2, (300, 12))
    held = reference.encode(np.concatenate([table, table]), kind)
    once, twice = (make_index(held, method).search_within(k=4) for _ in "ab")
    assert reference.by_row(once) == reference.by_row(twice)
    present = np.flatnonzero(held.present)
    first = once.scores[once.indptr[present]]
    np.testing.assert_allclose(first, 1, atol=1e-6)


@every_index
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_bound_at_exactly_a_score_keeps_it(reference, rng, method, kind, rank):
    held = reference.encode(rng.integers(0, 4, (30, 5)), kind)
    index = make_index(held, method)
    scores = index.search_within(min_score=-1).scores
    at = np.unique(scores[scores < 1])[-rank]
    kept = index.search_within(min_score=float(at))
    above = index.search_within(min_score=float(np.nextafter(at, np.float32(2))))
    assert kept.scores.min() == at
    assert len(above.scores) == len(kept.scores) - np.count_nonzero(kept.scores == at)


@every_index
def test_the_lower_row_wins_a_tie_among_twins(reference, method, kind):
    held = reference.encode([[1, 1]] * 5, kind)
    found = make_index(held, method).search_within(k=2).indices.reshape(-1, 2)
    assert found.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


@exact_index
def test_the_lower_row_wins_a_tie_at_the_last_place(reference, method, kind):
    held = reference.encode([[1, 1]] * 5 + [[1, -1]], kind)
    found = make_index(held, method).search_within(k=2).indices.reshape(-1, 2)
    assert found.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [0, 1]]


@every_index
def test_a_twin_is_found_but_self_is_not(reference, method, kind):
    found = make_index(reference.encode([[1, 1], [1, 1]], kind), method).search_within(k=5)
    assert found.indices.tolist() == [1, 0]
    np.testing.assert_allclose(found.scores, 1, atol=1e-6)


@every_index
@pytest.mark.parametrize("wanted", [(5, None), (None, -1.0), (5, -1.0)])
def test_a_row_without_signal_is_nobodys_twin(reference, method, kind, wanted):
    held = reference.encode([[1, 1], [0, 0], [1, 1], [0, 0]], kind)
    found = make_index(held, method).search_within(*wanted)
    assert found.indptr.tolist() == [0, 1, 1, 2, 2]
    assert found.indices.tolist() == [2, 0]


@exact_index
@pytest.mark.parametrize("wanted", [(5, None), (None, -1.0), (5, -1.0)])
def test_rows_without_signal_neither_find_nor_are_found(reference, method, kind, wanted):
    held = reference.encode([[1, 1], [0, 0], [-1, 1], [0, 0]], kind)
    found = make_index(held, method).search_within(*wanted)
    assert found.indptr.tolist() == [0, 1, 1, 2, 2]
    assert found.indices.tolist() == [2, 0]


@every_index
def test_nothing_but_rows_without_signal(reference, method, kind):
    index = make_index(reference.encode([[0, 0]] * 3, kind), method)
    assert index.search_within(k=2).indptr.tolist() == [0, 0, 0, 0]
    query = reference.encode([[1, 0]], kind)
    assert index.search(query, k=2).indptr.tolist() == [0, 0]


@every_index
def test_no_rows_and_no_queries(reference, method, kind):
    nothing = reference.encode([], kind, width=2)
    row = reference.encode([[1, 1]], kind)
    assert make_index(nothing, method).search_within(k=3).indptr.tolist() == [0]
    assert make_index(nothing, method).search(row, k=3).indptr.tolist() == [0, 0]
    assert make_index(row, method).search(nothing, k=3).indptr.tolist() == [0]
    assert make_index(row, method).search_within(k=3).indptr.tolist() == [0, 0]


@approximate_index
def test_an_approximate_score_is_the_same_from_both_sides(reference, rng, method, kind):
    held = reference.encode(rng.integers(-2, 3, (50, 7)), kind)
    found = make_index(held, method).search_within(min_score=-1)
    pairs = zip(found.rows().tolist(), found.indices.tolist(), strict=True)
    scores = dict(zip(pairs, found.scores.tolist(), strict=True))
    both = [pair for pair in scores if pair[::-1] in scores]
    assert both
    assert all(scores[pair] == scores[pair[::-1]] for pair in both)


@exact_index
def test_a_score_is_the_same_from_both_sides_and_in_any_company(reference, rng, method, kind):
    held = reference.encode(rng.integers(-2, 3, (50, 7)), kind)
    all_pairs = make_index(held, method).search_within(min_score=-1)
    scores = {}
    for row, col, score in zip(all_pairs.rows(), all_pairs.indices, all_pairs.scores, strict=True):
        scores[int(row), int(col)] = float(score)
    assert all(scores[col, row] == score for (row, col), score in scores.items())
    few = reference.encode(rng.integers(-2, 3, (1, 7)), kind)
    for k in (1, 7, 49):
        alone = make_index(held, method).search(few, k=k)
        assert (
            alone.scores.tolist() == make_index(held, method).search(few, k=50).scores[:k].tolist()
        )


@every_index
@pytest.mark.parametrize("wanted", [{}, {"k": None, "min_score": None}])
def test_one_limit_is_needed(reference, method, kind, wanted):
    index = make_index(reference.encode([[1, 0]], kind), method)
    with pytest.raises(ConfigError, match=r"needs k, min_score or both\. Received: neither"):
        index.search_within(**wanted)
    with pytest.raises(ConfigError, match="needs k, min_score or both"):
        index.search(reference.encode([[1, 0]], kind), **wanted)


@every_index
@pytest.mark.parametrize("k", [0, -1, 2.5, "3"])
def test_k_below_one_is_refused(reference, method, kind, k):
    index = make_index(reference.encode([[1, 0]], kind), method)
    with pytest.raises(ConfigError, match=rf"k must be .* at least 1\. Received: {k}\."):
        index.search_within(k)


@every_index
@pytest.mark.parametrize("min_score", [1.01, -1.5, 70, float("nan")])
def test_a_bound_that_is_no_similarity_is_refused(reference, method, kind, min_score):
    index = make_index(reference.encode([[1, 0]], kind), method)
    with pytest.raises(ConfigError, match=r"min_score must be a similarity in \[-1, 1\]"):
        index.search_within(min_score=min_score)


@every_index
def test_queries_of_another_encoder_are_refused(reference, method, kind):
    held = reference.encode([[1, 0]], kind)
    if kind == "hashes":
        other = Hashes(held.codes, held.present, "dhash")
    else:
        other = Embeddings(held.vectors, "dhash")
    with pytest.raises(DataError, match=r"from 'dhash', but the index holds .* from 'toy'"):
        make_index(held, method).search(other, k=1)


@every_index
def test_queries_of_another_form_are_refused(reference, method, kind):
    index = make_index(reference.encode([[1, 0]], kind), method)
    for other in set(KINDS) - {kind}:
        with pytest.raises(DataError, match=f"{KINDS[other]}.*but the index holds {KINDS[kind]}"):
            index.search(reference.encode([[1, 0]], other), k=1)


@pytest.mark.parametrize(("method", "kind"), [c for c in cases() if c[1] != "hashes"])
def test_queries_of_another_width_are_refused(reference, method, kind):
    index = make_index(reference.encode([[1, 0]], kind), method)
    with pytest.raises(DataError, match=r"of 3 dimensions .* holds .* of 2 dimensions"):
        index.search(reference.encode([[1, 0, 0]], kind), k=1)


@pytest.mark.parametrize("method", available("matcher.search"))
def test_rows_that_the_index_cannot_hold_are_refused(reference, method):
    for kind in set(KINDS) - {kind for name, kind in cases() if name == method}:
        with pytest.raises(DataError, match=rf"Index holds .*Received: {KINDS[kind]}.*make_index"):
            make_index(reference.encode([[1, 0]], kind), method)
