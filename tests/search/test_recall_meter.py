"""The recall of an answer with known gaps."""

import numpy as np
import pytest

from matcher.search import ExactIndex, IvfIndex, Recall, measure_recall
from matcher.search.ivf import Spec
from matcher.similarity import build_graph
from matcher.types import Embeddings, SimilarityGraph

ANGLES = np.radians([0, 10, 30, 60])


def on_a_circle(angles=ANGLES):
    return Embeddings(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), "toy")


def whole_index(held):
    return IvfIndex(held, Spec(n_lists=1, n_probes=1))


def without(graph, *gone):
    """The graph without some edges."""
    edges = zip(graph.rows().tolist(), graph.indices.tolist(), strict=True)
    kept = np.array([edge not in gone for edge in edges])
    return build_graph(
        graph.rows()[kept], graph.indices[kept], graph.scores[kept], graph.n_rows, graph.n_cols
    )


def test_golden():
    """Two nearest of each: 0: 1, 2; 1: 0, 2; 2: 1, 0; 3: 2, 1. Two of the eight are missing."""
    held = on_a_circle()
    graph = without(ExactIndex(held).search_within(k=2), (0, 2), (3, 2))
    recall = measure_recall(whole_index(held), graph, k=2)
    assert recall == Recall(n_queries=4, n_wanted=8, n_found=6)
    assert recall.value == 0.75


def test_the_bound_limits_what_is_wanted():
    """Within 25 degrees: 0-1, 1-2, both ways."""
    held, bound = on_a_circle(), float(np.cos(np.radians(25)))
    graph = without(ExactIndex(held).search_within(min_score=bound), (2, 1))
    recall = measure_recall(whole_index(held), graph, min_score=bound)
    assert (recall.n_wanted, recall.n_found) == (4, 3)


def test_a_farther_neighbour_in_the_place_of_the_nearest_does_not_count():
    """Nearest of 0 is 1, of 1: 0, of 2: 1, of 3: 2; all but that of 2 are missing."""
    held = on_a_circle()
    graph = without(ExactIndex(held).search_within(k=3), (0, 1), (1, 0), (3, 2))
    assert measure_recall(whole_index(held), graph, k=1) == Recall(4, 4, 1)


def test_of_neighbours_that_tie_one_is_as_good_as_another():
    held, query = on_a_circle(np.radians([20, -20])), on_a_circle(np.radians([0.0]))
    index = whole_index(held)
    assert index.search(query, k=1).indices.tolist() == [0]
    second = index.search(query, k=2)
    other = SimilarityGraph(np.array([0, 1]), second.indices[1:], second.scores[1:], 2)
    assert measure_recall(index, other, k=1, queries=query) == Recall(1, 1, 1)


def test_only_a_seeded_sample_of_those_with_signal_is_asked(rng, monkeypatch):
    vectors = on_a_circle(rng.uniform(0, 6, 50)).vectors
    vectors[::2] = 0
    index = whole_index(Embeddings(vectors, "toy"))
    graph = index.search_within(k=3)
    assert measure_recall(index, graph, k=3).n_queries == 25
    asked = []
    monkeypatch.setattr(
        "matcher.search._recall.take_rows",
        lambda encoded, rows: asked.append(rows.tolist()) or Embeddings(vectors[rows], "toy"),
    )
    for seed in (3, 3, 4):
        recall = measure_recall(index, graph, k=3, n_sample=7, seed=seed)
        assert (recall.n_queries, recall.value) == (7, 1)
    assert asked[0] == asked[1] == sorted(asked[0])
    assert asked[0] != asked[2]
    assert all(row % 2 for rows in asked for row in rows)


@pytest.mark.parametrize("rows", [[], [[0, 0]], [[1, 0]], [[1, 0], [0, 0]]])
def test_where_nothing_is_to_be_found_it_is_unknown(reference, rows):
    held = reference.encode(rows, "dense", 2)
    index = IvfIndex(held)
    recall = measure_recall(index, index.search_within(k=3), k=3)
    assert recall.value is None
    assert recall.n_wanted == 0


def test_twins_at_the_place_of_self_are_wanted(reference):
    held = reference.encode([[1, 1]] * 4, "dense")
    index = IvfIndex(held)
    recall = measure_recall(index, index.search_within(k=2), k=2)
    assert recall == Recall(4, 8, 8)
