"""Sets that grow by joining: plain, compiled, and by SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import _unions
from matcher.clustering._base import number_by_first_member
from matcher.clustering._unions import Unions, components, join_all, limit_clusters
from matcher.errors import DataError

N = 9
EDGES = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=25)


def ends_of(edges):
    return np.array(edges, np.int64).reshape(-1, 2).T


def reach(edges, n):
    """Label by first member of whoever can be reached: a plain loop."""
    labels = list(range(n))
    for _ in range(n):
        for a, b in edges:
            labels[a] = labels[b] = min(labels[a], labels[b])
    return np.unique(labels, return_inverse=True)[1].tolist()


@pytest.fixture(params=["scipy", "compiled"])
def way(request, monkeypatch):
    monkeypatch.setattr(_unions, "COMPILED_EDGES", 0 if request.param == "compiled" else 10**9)


@pytest.mark.usefixtures("way")
def test_components_by_hand():
    rows, cols = ends_of([(4, 2), (2, 0), (5, 3), (3, 3)])
    assert components(rows, cols, 7).tolist() == [0, 1, 0, 2, 0, 2, 3]
    assert components(rows[:0], cols[:0], 3).tolist() == [0, 1, 2]
    assert components(rows[:0], cols[:0], 0).tolist() == []
    assert components(rows[3:].astype(np.int32), cols[3:].astype(np.int32), 4).dtype == np.int64


@pytest.mark.parametrize("fewest", [0, 10**9])
@settings(deadline=None)
@given(EDGES)
def test_components_agree_with_a_plain_loop(fewest, edges):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_unions, "COMPILED_EDGES", fewest)
        assert components(*ends_of(edges), N).tolist() == reach(edges, N)


def test_chains_stars_and_one_giant_agree_with_scipy(rng, monkeypatch):
    n = 5000
    line, zeros = np.arange(n - 1), np.zeros(n - 1, np.int64)
    graphs = {
        "chain": (line, line + 1),
        "chain backwards": (line[::-1] + 1, line[::-1]),
        "star": (zeros, line + 1),
        "random": (rng.integers(0, n, 3000), rng.integers(0, n, 3000)),
        "one pair, often": (zeros + 7, zeros + 3),
    }
    for rows, cols in graphs.values():
        monkeypatch.setattr(_unions, "COMPILED_EDGES", 10**9)
        expected = components(rows, cols, n)
        monkeypatch.setattr(_unions, "COMPILED_EDGES", 0)
        assert components(rows, cols, n).tolist() == expected.tolist()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("edge", [(-1, 0), (0, 4), (4, 0)])
def test_ends_out_of_range_are_refused(edge):
    with pytest.raises(DataError, match=r"must join listings 0 to 3\. Received: "):
        components(*ends_of([(0, 1), edge]), 4)


def test_sets_that_are_too_large_together_stay_two():
    sizes = np.array([1, 1, 2, 1])
    rows, cols = ends_of([(0, 1), (1, 2), (2, 3)])
    assert join_all(rows, cols, sizes, 3).tolist() == [0, 0, 2, 2]
    assert sizes.tolist() == [1, 1, 2, 1]


@settings(deadline=None)
@given(EDGES, st.lists(st.integers(1, 3), min_size=N, max_size=N), st.integers(1, 9))
def test_compiled_unions_agree_with_plain_ones(edges, sizes, max_size):
    plain = Unions(sizes, max_size)
    for a, b in edges:
        plain.join(a, b)
    roots = join_all(*ends_of(edges), np.array(sizes), max_size)
    same = np.unique(plain.roots(), return_inverse=True)[1]
    firsts = [same.tolist().index(label) for label in same]
    assert roots.tolist() == firsts


def test_a_large_cluster_is_limited_alike_either_way(rng, monkeypatch):
    n = 600
    rows, cols = rng.integers(0, n, (2, 4000))
    scores = rng.random(4000).astype(np.float32)
    found = []
    for fewest in (0, 10**9):
        monkeypatch.setattr(_unions, "COMPILED_EDGES", fewest)
        labels = limit_clusters(np.zeros(n, np.int64), (rows, cols, scores), 20)
        assert np.bincount(labels).max() <= 20
        found.append(number_by_first_member(labels).labels.tolist())
    assert found[0] == found[1]
