"""Where a pair stands among the candidates, against a plain count."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.fusion._context import Context, Ranking
from matcher.types import ScoredPairs

N = 6
SCORES = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, float("nan")])
PAIRS = st.dictionaries(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] < p[1]),
    SCORES,
    max_size=15,
)


def candidates(table) -> ScoredPairs:
    ends = np.array(list(table), np.int64).reshape(-1, 2)
    return ScoredPairs(ends[:, 0], ends[:, 1], {"title": np.float32(list(table.values()))}, N, N)


def lists(table, within=True):
    found = {i: [] for i in range(N)}
    for (a, b), score in table.items():
        if not np.isnan(score):
            found[a].append(score)
            if within:
                found[b].append(score)
    return found


@settings(max_examples=100, deadline=None)
@given(PAIRS, st.integers(0, N - 1), SCORES)
def test_rank_is_one_more_than_the_number_of_better_candidates(table, row, score):
    pairs = candidates(table)
    ranking, other = Context.of(pairs, {}).rankings(pairs.scores["title"])
    assert ranking is other
    rank = ranking.rank(np.array([row]), np.float32([score]))[0]
    if np.isnan(score):
        assert np.isnan(rank)
    else:
        assert rank == 1 + sum(s > score for s in lists(table)[row])


@settings(max_examples=100, deadline=None)
@given(PAIRS, st.integers(1, 4))
def test_nth_best(table, n):
    pairs = candidates(table)
    best = Context.of(pairs, {}).rankings(pairs.scores["title"])[0].nth_best(n)
    for row, scores in lists(table).items():
        expected = sorted(scores, reverse=True)[n - 1] if len(scores) >= n else 0
        np.testing.assert_allclose(best[row], expected, atol=1e-7)


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_neighbors_in_common_are_the_cosine_of_the_lists(table):
    table = {pair: 1.0 if np.isnan(score) else max(score, 0) for pair, score in table.items()}
    pairs = candidates(table)
    dense = np.zeros((N, N))
    for (a, b), score in table.items():
        dense[a, b] = dense[b, a] = score
    norms = np.maximum(np.linalg.norm(dense, axis=1), 1e-12)
    expected = (dense @ dense.T) / np.outer(norms, norms)
    found = Context.of(pairs, {}).shared_neighbors(pairs.scores["title"], pairs)
    np.testing.assert_allclose(found, expected[pairs.left, pairs.right], atol=1e-6)


def test_between_two_tables_each_side_has_its_own_lists():
    pairs = ScoredPairs(np.array([0, 0]), np.array([0, 1]), {"t": np.float32([0.9, 0.5])}, 1, 2)
    context = Context.of(pairs, {}, {})
    left, right = context.rankings(pairs.scores["t"])
    assert left.rank(pairs.left, pairs.scores["t"]).tolist() == [1, 2]
    assert right.rank(pairs.right, pairs.scores["t"]).tolist() == [1, 1]
    assert [d.tolist() for d in context.degrees()] == [[2], [1, 1]]
    assert context.shared_neighbors(pairs.scores["t"], pairs).tolist() == [0, 0]


def test_close_scores_are_told_apart_in_a_large_table():
    row = 5_000_000
    scores = np.float32([0.9, np.nextafter(np.float32(0.9), np.float32(1))])
    ranking = Ranking.of(np.array([row, row]), scores, row + 1)
    assert ranking.rank(np.array([row, row]), scores).tolist() == [2, 1]


def test_hubs_are_looked_at_a_few_pairs_at_a_time(monkeypatch):
    monkeypatch.setattr("matcher.fusion._context.MOST_EDGES", 40)
    n = 30
    left, right = np.triu_indices(n, 1)
    scores = np.linspace(0.1, 1, len(left)).astype(np.float32)
    pairs = ScoredPairs(left, right, {"title": scores}, n, n)
    context = Context.of(pairs, {})
    found = context.shared_neighbors(scores, pairs)
    weights = np.zeros((n, n))
    weights[left, right] = weights[right, left] = scores
    norms = np.linalg.norm(weights, axis=1)
    cosine = (weights @ weights) / np.outer(norms, norms)
    np.testing.assert_allclose(found, cosine[left, right], rtol=1e-5)
