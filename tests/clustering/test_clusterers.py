"""What every clusterer promises, and each against a slower, obviously right way."""

import itertools
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.clustering import Constraints, available_clusterers, make_clusterer
from matcher.errors import DataError
from matcher.similarity import build_graph

N = 9
PAIRS = list(itertools.combinations(range(N), 2))
EDGES = st.dictionaries(st.sampled_from(PAIRS), st.floats(0.0625, 1, width=32), max_size=20)

NEEDS = {"leiden": "igraph"}
NAMES = [n for n in available_clusterers() if find_spec(NEEDS.get(n, "numpy"))]


def graph(edges: dict[tuple[int, int], float], n: int = N):
    rows = np.array([a for a, _ in edges] + [b for _, b in edges], np.int64)
    cols = np.array([b for _, b in edges] + [a for a, _ in edges], np.int64)
    return build_graph(rows, cols, np.float32([*edges.values()] * 2), n, n)


@st.composite
def decisions(draw) -> Constraints:
    """Constraints that a partition fulfils, so that they don't contradict each other."""
    truth = draw(st.lists(st.integers(0, 3), min_size=N, max_size=N))
    chosen = draw(st.lists(st.sampled_from(PAIRS), max_size=8))
    sides = {True: [], False: []}
    for a, b in chosen:
        sides[truth[a] == truth[b]].append((b, a) if (a + b) % 2 else (a, b))
    return Constraints(cannot_link=pairs(sides[False]), must_link=pairs(sides[True]))


def pairs(given) -> np.ndarray:
    return np.array(given, np.int64).reshape(-1, 2)


def keeps_to(labels, constraints: Constraints) -> bool:
    (a, b), (c, d) = constraints.cannot_link.T, constraints.must_link.T
    return bool((labels[a] != labels[b]).all() and (labels[c] == labels[d]).all())


@pytest.fixture(params=NAMES)
def clusterer(request):
    return make_clusterer(request.param)


def test_no_listings_and_no_edges(clusterer):
    assert len(clusterer(graph({}, 0))) == 0
    np.testing.assert_array_equal(clusterer(graph({}, 1)).labels, [0])
    np.testing.assert_array_equal(clusterer(graph({}, 3)).labels, [0, 1, 2])


def test_no_listings_and_nothing_decided(clusterer):
    assert len(clusterer(graph({}, 0), Constraints())) == 0
    found = clusterer(graph({}, 4), Constraints(pairs([(0, 1)]), pairs([(3, 1)])))
    np.testing.assert_array_equal(found.labels, [0, 1, 2, 1])


def test_pairs_that_all_fall_short_leave_everyone_alone(clusterer):
    below = graph(dict.fromkeys(PAIRS, 0.15))
    np.testing.assert_array_equal(clusterer(below).labels, np.arange(N))


@pytest.mark.parametrize("shape", ["chain", "clique", "star"])
def test_one_giant_component_is_cut_to_the_cap(clusterer, shape):
    n = 120
    edges = {
        "chain": [(i, i + 1) for i in range(n - 1)],
        "clique": [*itertools.combinations(range(n), 2)],
        "star": [(0, i) for i in range(1, n)],
    }[shape]
    found = clusterer(graph(dict.fromkeys(edges, 1.0), n)).labels
    assert 1 < np.bincount(found).max() <= 50
    decided = Constraints(cannot_link=pairs([(0, 1)]))
    found = clusterer(graph(dict.fromkeys(edges, 1.0), n), decided).labels
    assert found[0] != found[1]
    assert 1 < np.bincount(found).max() <= 50


def test_a_strong_pair_joins_and_a_weak_one_does_not(clusterer):
    found = clusterer(graph({(0, 3): 0.5, (1, 2): 0.49}, 4)).labels
    np.testing.assert_array_equal(found, [0, 1, 2, 0])


@settings(max_examples=60, deadline=None)
@given(EDGES, st.integers(1, 4), st.sampled_from(NAMES))
def test_size_cap_and_numbering(edges, cap, name):
    labels = make_clusterer(name, max_size=cap)(graph(edges)).labels
    assert np.bincount(labels).max() <= cap
    firsts = [labels.tolist().index(c) for c in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


@settings(max_examples=250, deadline=None)
@given(
    EDGES, decisions(), st.sampled_from([0, 0.3, 0.5]), st.integers(1, 4), st.sampled_from(NAMES)
)
def test_what_has_been_decided_holds_whatever_the_scores(edges, decided, cut, cap, name):
    found = make_clusterer(name, min_score=cut, max_size=cap)(graph(edges), decided).labels
    assert keeps_to(found, decided)
    firsts = [found.tolist().index(c) for c in range(found.max() + 1)]
    assert firsts == sorted(firsts)
    # Only those that must-link pairs alone put together may be too many.
    linked = np.array(flood_fill(decided.must_link.tolist(), N))
    for cluster in range(found.max() + 1):
        members = found == cluster
        assert members.sum() <= cap or len(set(linked[members])) == 1


@settings(max_examples=60, deadline=None)
@given(EDGES, st.sampled_from(NAMES))
def test_no_decisions_change_nothing(edges, name):
    found = make_clusterer(name)(graph(edges))
    nothing = make_clusterer(name)(graph(edges), Constraints())
    np.testing.assert_array_equal(found.labels, nothing.labels)


def test_a_listing_that_resembles_two_joins_one_of_them(clusterer):
    # 0 and 1 are close to 2, and decided to be two products; 0 is closer.
    edges = {(0, 2): 0.95, (1, 2): 0.9, (0, 1): 0.99}
    found = clusterer(graph(edges, 3), Constraints(cannot_link=pairs([(0, 1)]))).labels
    np.testing.assert_array_equal(found, [0, 1, 0])


def test_what_is_linked_passes_on_what_it_is_kept_from(clusterer):
    # 0 must be with 1, and 1 not with 2: that 0 and 2 are identical is of no avail.
    decided = Constraints(cannot_link=pairs([(2, 1)]), must_link=pairs([(0, 1)]))
    found = clusterer(graph({(0, 2): 1.0}, 3), decided).labels
    np.testing.assert_array_equal(found, [0, 0, 1])


def test_persons_win_over_the_cap(clusterer):
    chain = pairs([(i, i + 1) for i in range(59)])
    found = clusterer(graph({(0, 60): 1.0}, 61), Constraints(must_link=chain)).labels
    np.testing.assert_array_equal(found, [0] * 60 + [1])


def test_a_row_that_is_not_there_is_refused(clusterer):
    with pytest.raises(DataError, match=r"0 to 2\. Received: row 3"):
        clusterer(graph({}, 3), Constraints(must_link=pairs([(0, 3)])))


@settings(max_examples=60, deadline=None)
@given(EDGES, decisions(), st.sampled_from(NAMES))
def test_sweep_equals_one_run_a_bound(edges, decided, name):
    cuts = (0.3, 0.5, 0.7)
    for given_ in (None, decided):
        swept = make_clusterer(name).sweep(graph(edges), cuts, given_)
        alone = [make_clusterer(name, min_score=c)(graph(edges), given_) for c in cuts]
        assert [c.labels.tolist() for c in swept] == [c.labels.tolist() for c in alone]


def same_partition(a, b) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("max_size", [3, 50])
@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_does_not_matter_where_scores_are_distinct(name, max_size, constrained):
    # Irregular scores, so that sums and means are distinct too.
    clusterer = make_clusterer(name, max_size=max_size)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        n = 14
        chosen = [p for p in itertools.combinations(range(n), 2) if rng.random() < 0.4]
        edges = {pair: rng.uniform(0.3, 1) for pair in chosen}
        new = rng.permutation(n)
        moved = {tuple(sorted((int(new[a]), int(new[b])))): s for (a, b), s in edges.items()}
        must, cannot = pairs([(0, 1), (1, 5)]), pairs([(0, 2), (3, 4), (6, 2)])
        before = clusterer(graph(edges, n), Constraints(cannot, must) if constrained else None)
        decided = Constraints(new[cannot], new[must]) if constrained else None
        after = clusterer(graph(moved, n), decided).labels[new]
        assert same_partition(before.labels.tolist(), after.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_two_cliques_with_a_weak_bridge_stay_two(name):
    left, right = range(4), range(4, 8)
    edges = {p: 0.9 for side in (left, right) for p in itertools.combinations(side, 2)}
    labels = make_clusterer(name)(graph(edges | {(3, 4): 0.49}, 8)).labels
    np.testing.assert_array_equal(labels, [0] * 4 + [1] * 4)


def flood_fill(edges, n):
    label = list(range(n))
    while True:
        before = list(label)
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
        if label == before:
            return label


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_components_are_those_of_flood_fill(edges):
    strong = [pair for pair, score in edges.items() if score >= 0.5]
    expected = np.unique(flood_fill(strong, N), return_inverse=True)[1]
    np.testing.assert_array_equal(make_clusterer("components")(graph(edges)).labels, expected)


def test_a_large_component_keeps_its_strongest_pairs():
    edges = {(0, 1): 0.9, (1, 2): 0.8, (2, 3): 0.95}
    labels = make_clusterer("components", max_size=2)(graph(edges, 4)).labels
    np.testing.assert_array_equal(labels, [0, 0, 1, 1])
