"""The choice of cuML or scikit-learn, without a GPU: cuML is played by a stub."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import issparse

from matcher.search import ExactIndex, NeighborsIndex, SparseIndex
from matcher.search.neighbors import nearest_neighbors
from matcher.similarity import l2_normalize
from matcher.types import Embeddings


class OnGpu:
    """As a CuPy array: NumPy gets it by ``get`` alone."""

    def __init__(self, values):
        self.values = values

    def get(self):
        return self.values

    def __array__(self, *_args, **_kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


class StubNeighbors:
    """cuML's interface: keyword arguments, distances of float32, no radius search."""

    asked = []  # noqa: RUF012

    def __init__(self, *, metric, algorithm):
        assert (metric, algorithm) == ("cosine", "brute")

    def fit(self, vectors):
        self.vectors = vectors.toarray() if issparse(vectors) else vectors
        return self

    def kneighbors(self, queries, n_neighbors):
        assert n_neighbors <= len(self.vectors)
        self.asked.append(n_neighbors)
        queries = queries.toarray() if issparse(queries) else queries
        distances = 1 - l2_normalize(queries) @ l2_normalize(self.vectors).T
        order = np.argsort(distances, axis=1)[:, :n_neighbors]  # ties in any order
        return OnGpu(np.take_along_axis(distances, order, axis=1)), OnGpu(order)


@pytest.fixture
def gpu(monkeypatch):
    """Pretend that cuML is installed; ``count`` tells how many GPUs answer."""
    runtime = SimpleNamespace(getDeviceCount=lambda: 1)
    cuml, cupy = ModuleType("cuml.neighbors"), ModuleType("cupy")
    cuml.NearestNeighbors, cupy.cuda = StubNeighbors, SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cuml", ModuleType("cuml"))
    monkeypatch.setitem(sys.modules, "cuml.neighbors", cuml)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    StubNeighbors.asked.clear()
    return runtime


def rows(rng, kind, reference):
    return reference.encode(rng.integers(-1, 2, (150, 5)), kind)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("wanted", [(3, None), (50, 0.2), (None, 0.5), (2, -1.0), (500, None)])
def test_cuml_gives_the_same_answers(reference, rng, gpu, kind, wanted):
    held, queries = rows(rng, kind, reference), rows(rng, kind, reference)
    index = NeighborsIndex(held)
    assert reference.by_row(index.search(queries, *wanted)) == reference.search(
        held, queries, *wanted
    )
    assert reference.by_row(index.search_within(*wanted)) == reference.search_within(held, *wanted)
    assert StubNeighbors.asked


def test_more_is_asked_for_only_while_ties_hide_some(gpu):
    """30 rows tie at the last place wanted: 1 + 16 asked for first, then four times that."""
    angles = np.concatenate([np.zeros(1), np.full(30, 0.5), np.full(60, 1.0)])
    around = np.linspace(0, 2 * np.pi, 91)  # different rows, all at the same angle from (1, 0, 0)
    table = np.stack(
        [np.cos(angles), np.sin(angles) * np.cos(around), np.sin(angles) * np.sin(around)], axis=1
    )
    index = NeighborsIndex(Embeddings(l2_normalize(table.astype(np.float32)), "cone"))
    query = Embeddings(np.float32([[1, 0, 0]]), "cone")
    assert index.search(query, k=1).indices.tolist() == [0]
    assert StubNeighbors.asked == [17]
    index.search(query, k=2)
    assert StubNeighbors.asked == [17, 18, 72]


def test_sklearn_is_taken_where_no_gpu_answers(gpu):
    from sklearn.neighbors import NearestNeighbors

    assert nearest_neighbors() is StubNeighbors
    gpu.getDeviceCount = lambda: 0
    assert nearest_neighbors() is NearestNeighbors

    def no_driver():
        raise RuntimeError("cudaErrorNoDevice")

    gpu.getDeviceCount = no_driver
    assert nearest_neighbors() is NearestNeighbors


def test_sklearn_is_taken_where_cuml_is_broken(monkeypatch):
    from sklearn.neighbors import NearestNeighbors

    monkeypatch.setitem(sys.modules, "cuml", None)
    assert nearest_neighbors() is NearestNeighbors


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_sklearn_gives_the_answers_of_the_other_index(reference, rng, kind):
    held = rows(rng, kind, reference)
    other = ExactIndex if kind == "dense" else SparseIndex
    for wanted in ((7, None), (7, 0.3), (None, 0.3)):
        found = NeighborsIndex(held).search_within(*wanted)
        assert reference.by_row(found) == reference.by_row(other(held).search_within(*wanted))


def test_norms_slightly_off_do_not_change_the_order(reference, rng):
    vectors = l2_normalize(rng.normal(size=(80, 3)).astype(np.float32))
    held = Embeddings(vectors * rng.uniform(0.9992, 1.0008, (80, 1)).astype(np.float32), "off")
    found = NeighborsIndex(held).search_within(k=3)
    assert reference.by_row(found) == reference.search_within(held, 3)
