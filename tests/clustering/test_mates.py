"""A mate for every listing, by hand and against a slower way."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import Constraints, give_mates, make_clusterer
from matcher.errors import DataError
from matcher.similarity import build_graph
from matcher.types import Clusters

N = 8
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(-1, 1, width=32), max_size=20)


def pairs(*given):
    return np.array(given, np.int64).reshape(-1, 2)


def graph(edges, n=N):
    a, b = pairs(*edges).T
    scores = np.float32([*edges.values()])
    return build_graph(np.r_[a, b], np.r_[b, a], np.r_[scores, scores], n, n)


def mates(edges, labels, *decided, **given):
    constraints = Constraints(pairs(*decided)) if decided else None
    found = give_mates(Clusters(np.array(labels)), graph(edges, len(labels)), constraints, **given)
    return found.labels.tolist()


def test_a_listing_alone_joins_its_best_candidate_s_cluster():
    edges = {(0, 1): 0.9, (1, 2): 0.2, (2, 3): 0.3, (3, 4): 0.8}
    assert mates(edges, [0, 0, 1, 2, 2]) == [0, 0, 1, 1, 1]


def test_two_that_are_each_other_s_best_become_a_pair():
    edges = {(0, 1): 0.3, (1, 2): 0.4, (2, 3): 0.1}
    # 1 and 2 first; 0 follows 1, 3 follows 2
    assert mates(edges, [0, 1, 2, 3]) == [0, 0, 0, 0]
    assert mates(edges, [0, 1, 2, 3], max_size=2) == [0, 1, 1, 2]
    # with both mates gone to each other, 0 and 3 are what is left
    assert mates(edges | {(0, 3): 0.05}, [0, 1, 2, 3], max_size=2) == [0, 1, 1, 0]


def test_clusters_of_two_and_more_are_not_joined():
    assert mates({(0, 2): 0.4, (1, 3): 0.4}, [0, 0, 1, 1]) == [0, 0, 1, 1]


def test_ties_go_to_the_lower_row():
    assert mates({(0, 2): 0.4, (1, 2): 0.4, (0, 3): 0.9, (1, 4): 0.9}, [0, 1, 2, 0, 1]) == [
        *(0, 1, 0),
        *(0, 1),
    ]


def test_who_must_stay_apart_takes_the_next_best():
    edges = {(0, 1): 0.9, (0, 2): 0.4, (2, 3): 0.2}
    assert mates(edges, [0, 0, 1, 2], (2, 1)) == [0, 0, 1, 1]
    assert mates({(0, 2): 0.4}, [0, 0, 1], (2, 1)) == [0, 0, 1]


@pytest.mark.parametrize("score", [0.0, -0.5])
def test_a_candidate_that_does_not_score_is_none(score):
    assert mates({(0, 1): score}, [0, 1, 2]) == [0, 1, 2]


def test_no_listings():
    assert len(give_mates(Clusters(np.empty(0, np.int64)), graph({}, 0))) == 0


def test_other_listings_and_rows_are_refused():
    with pytest.raises(DataError, match="8 rows in the graph, 2 labels"):
        give_mates(Clusters(np.array([0, 1])), graph({}))
    with pytest.raises(DataError, match="row 8"):
        mates({}, range(N), (0, 8))


def slow(labels, edges, foes, cap):
    """The best pair of all that may join, one of the two alone, again and again."""
    labels = list(labels)
    while True:
        size = {label: labels.count(label) for label in labels}
        kept_apart = {frozenset((labels[a], labels[b])) for a, b in foes}
        found = [
            (-score, pair)
            for pair, score in edges.items()
            for a, b in [(labels[pair[0]], labels[pair[1]])]
            if a != b and score > 0 and 1 in (size[a], size[b]) and size[a] + size[b] <= cap
            if frozenset((a, b)) not in kept_apart
        ]
        if not found:
            return labels
        a, b = (labels[row] for row in min(found)[1])
        labels = [a if label == b else label for label in labels]


@settings(max_examples=150, deadline=None)
@given(
    EDGES,
    st.lists(st.integers(0, 5), min_size=N, max_size=N),
    st.lists(st.sampled_from(PAIRS), max_size=4),
    st.integers(1, 5),
)
def test_mates_are_those_of_the_slow_way(edges, truth, chosen, cap):
    labels = [list(dict.fromkeys(truth)).index(label) for label in truth]
    foes = [p for p in chosen if labels[p[0]] != labels[p[1]]]
    found = mates(edges, labels, *foes, max_size=cap)
    expected = slow(labels, edges, foes, cap)
    assert found == [list(dict.fromkeys(expected)).index(label) for label in expected]


def test_the_order_of_rows_does_not_matter_where_scores_are_distinct():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        edges = {p: float(rng.uniform(0.1, 1)) for p in PAIRS if rng.random() < 0.5}
        new = rng.permutation(N)
        moved = {tuple(sorted((int(new[a]), int(new[b])))): s for (a, b), s in edges.items()}
        decided, elsewhere = pairs((0, 1), (2, 3)), new[pairs((0, 1), (2, 3))]
        found = []
        for given_, cannot in ((graph(edges), decided), (graph(moved), elsewhere)):
            constraints = Constraints(cannot)
            clusters = make_clusterer("average", min_score=0.8)(given_, constraints)
            found.append(give_mates(clusters, given_, constraints, max_size=4).labels)
        before, after = found[0].tolist(), found[1][new].tolist()
        assert len({*zip(before, after, strict=True)}) == len({*before}) == len({*after})
