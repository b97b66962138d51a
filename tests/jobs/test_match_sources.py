import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matcher
from matcher.jobs import assignment

LEFT = pd.DataFrame({"id": ["1", "2"], "title": ["Sony KD-55X9005C tv", "Apple iPhone 8 64GB"]})
RIGHT = pd.DataFrame(
    {
        "id": ["1", "x", "y"],
        "name": [
            "iphone 8 64 gb apple",
            "apple iphone 8 64gb silver",
            "sony kd55x9005c 55 inch tv",
        ],
    }
)


def test_ids_may_be_the_same_in_both_sources():
    result = matcher.match(LEFT, RIGHT)
    assert result.matches["matches"].tolist() == ["y", "1 x"]
    assert not set(result.pairs["id_right"]) - {"1", "x", "y"}


def test_one_to_one_keeps_the_best():
    result = matcher.match(LEFT, RIGHT, one_to_one=True)
    assert result.matches["matches"].tolist() == ["y", "1"]


def test_there_are_no_clusters_between_sources():
    with pytest.raises(matcher.DataError, match="no clusters"):
        _ = matcher.match(LEFT, RIGHT).clusters


EDGES = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), st.floats(0.5, 1, width=32), max_size=9
)


def best_sum(edges) -> float:
    best = 0.0
    for n in range(len(edges) + 1):
        for chosen in itertools.combinations(edges, n):
            lefts, rights = {a for a, _ in chosen}, {b for _, b in chosen}
            if len(lefts) == len(rights) == n:
                best = max(best, sum(edges[e] for e in chosen))
    return best


@settings(max_examples=60, deadline=None)
@given(EDGES)
def test_assignment_is_one_to_one_and_the_best_of_all(edges):
    left = np.array([a for a, _ in edges], np.int64)
    right = np.array([b for _, b in edges], np.int64)
    scores = np.float32([*edges.values()])
    chosen = assignment.assign(left, right, scores)
    assert len(set(left[chosen])) == len(set(right[chosen])) == chosen.sum()
    assert scores[chosen].sum() == pytest.approx(best_sum(edges), rel=1e-5)


def test_large_components_take_the_best_first(monkeypatch):
    monkeypatch.setattr(assignment, "LARGEST_DENSE", 0)
    chosen = assignment.assign(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.float32([0.9, 0.8, 0.8])
    )
    np.testing.assert_array_equal(chosen, [True, False, False])
