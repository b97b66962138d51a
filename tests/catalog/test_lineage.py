"""Cluster ids that last, against rules worked out by hand and for any change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.catalog.lineage import NEW, carry_over
from matcher.errors import DataError

CASES = {
    "nothing happens": ([3, 3, 5], [0, 0, 1], [3, 3, 5], []),
    "new alone": ([NEW, NEW], [0, 1], [10, 11], [("created", 10, ()), ("created", 11, ())]),
    "one joins": ([3, NEW], [0, 0], [3, 3], []),
    "the oldest id lives on": ([7, 3], [0, 0], [3, 3], [("merged", 3, (7,))]),
    "the larger part keeps it": ([3, 3, 3], [0, 1, 1], [10, 3, 3], [("split", 3, (10,))]),
    "of equal parts the oldest listing's": ([3, 3], [1, 0], [3, 10], [("split", 3, (10,))]),
    "a part moves over": ([3, 3, 3, 5], [0, 0, 1, 1], [3, 3, 5, 5], [("split", 3, (5,))]),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name):
    before, after, ids, events = CASES[name]
    found = carry_over(np.array(before), np.array(after), 10)
    assert found.ids.tolist() == ids
    assert [(e.kind, e.cluster, e.others) for e in found.events] == events


def test_emptied_clusters_end():
    found = carry_over(np.zeros(0, np.int64), np.zeros(0, np.int64), 10, (4, 2))
    assert [(e.kind, e.cluster) for e in found.events] == [("ended", 2), ("ended", 4)]


def test_what_is_no_history_is_refused():
    with pytest.raises(DataError, match="same listings"):
        carry_over(np.zeros(2, np.int64), np.zeros(3, np.int64), 1)
    with pytest.raises(DataError, match="below next_id=3"):
        carry_over(np.array([3]), np.array([0]), 3)


@given(st.lists(st.tuples(st.sampled_from([NEW, 1, 2, 5]), st.integers(0, 4)), max_size=20))
def test_any_change(rows):
    before = np.array([old for old, _ in rows], np.int64)
    after = np.array([label for _, label in rows], np.int64)
    found = carry_over(before, after, 6)
    # The same partition, ids never given twice, none given without need.
    pairs = set(zip(after.tolist(), found.ids.tolist(), strict=True))
    assert len(pairs) == len(set(after.tolist())) == len(set(found.ids.tolist()))
    fresh = sorted(set(found.ids[found.ids >= 6].tolist()))
    assert fresh == list(range(6, found.next_id))
    old = set(before.tolist()) - {NEW}
    told = {e.kind: [] for e in found.events} | {"merged": [], "created": []}
    for event in found.events:
        told[event.kind].append(event)
    gone = old - set(found.ids.tolist())
    assert gone == {other for event in told["merged"] for other in event.others}
    for id in set(found.ids.tolist()):
        came_from = set(before[found.ids == id].tolist()) - {NEW}
        if id < 6:
            assert id in came_from
            # No larger part of it is elsewhere.
            mine = np.bincount(after[before == id], minlength=5)
            assert mine[after[(found.ids == id)][0]] == mine.max()
        if not came_from:
            assert id in [event.cluster for event in told["created"]]
