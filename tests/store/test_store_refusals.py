"""What a store refuses; a refusal leaves nothing behind."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.errors import StoreError
from matcher.store import Edges, create_store, open_store
from matcher.types import Hashes

ONE = np.array([1])
DENSE = np.ones((1, 3), np.float32)


@pytest.fixture(autouse=True)
def filled(store, columns):
    """Listings a, b and c in rows 1 to 3; b has vectors; cluster 1 lives, 2 has ended."""
    with store.write() as write:
        rows = write.add_listings(columns("a", "b", "c"))
        write.add_vectors("picture", "print-p", rows[1:2], DENSE)
        write.add_edges(Edges(rows[:1], rows[1:2], np.float32([0.5])))
        clusters = write.add_clusters(2)
        write.assign(rows[:1], clusters[:1])
        write.end_clusters(clusters[1:])


def sparse(data, index, width=1000):
    return csr_array((np.float32([data]), np.array([index]), np.array([0, 1])), shape=(1, width))


def half_wrong():
    """A sparse row that names a dimension beyond its width."""
    vectors = sparse(1, 0)
    vectors.indices[0] = 1000
    return vectors


VECTORS = {
    "another fingerprint": ("picture", "print-q", ONE, DENSE, "never mixed"),
    "no such encoder": ("sound", "print-p", ONE, DENSE, "no encoder 'sound'"),
    "too wide": ("picture", "print-p", ONE, np.ones((1, 4), np.float32), r"shape \(1, 3\)"),
    "too many": ("picture", "print-p", ONE, np.ones((2, 3), np.float32), r"shape \(1, 3\)"),
    "another precision": ("picture", "print-p", ONE, DENSE.astype(np.float64), "float32"),
    "half": ("half", "print-h", ONE, DENSE, "float16"),
    "NaN": ("picture", "print-p", ONE, DENSE * np.float32(np.nan), "finite"),
    "infinity": ("picture", "print-p", ONE, DENSE * np.float32(np.inf), "finite"),
    "no row": ("picture", "print-p", np.array([9]), DENSE, "no row 9"),
    "a row twice": ("picture", "print-p", np.array([1, 1]), np.ones((2, 3), np.float32), "Row 1"),
    "two vectors": ("picture", "print-p", np.array([2]), DENSE, "Row 2 has a vector"),
    "rows of floats": ("picture", "print-p", np.array([1.0]), DENSE, "whole numbers"),
    "dense for sparse": ("words", "print-w", ONE, np.ones((1, 1000), np.float32), "are sparse"),
    "sparse for dense": ("picture", "print-p", ONE, sparse(1, 0, 3), "are dense"),
    "sparse NaN": ("words", "print-w", ONE, sparse(np.nan, 3), "finite"),
    "sparse too wide": ("words", "print-w", ONE, half_wrong(), "1000 dimensions"),
    "signed hash": ("hash", "print-x", ONE, np.array([1]), "uint64"),
}


@pytest.mark.parametrize("case", VECTORS)
def test_vectors(store, case):
    name, mark, rows, values, why = VECTORS[case]
    with pytest.raises(StoreError, match=why), store.write() as write:
        write.add_vectors(name, mark, rows, values)
    with store.read() as read:
        assert read.revision == 1
        assert len(read.vectors("picture").rows) == 1


EDGES = {
    "to itself": ([1], [1], [0.5], "lower row to a higher"),
    "the wrong way": ([3], [1], [0.5], "lower row to a higher"),
    "no row": ([1], [9], [0.5], "no row 9"),
    "there already": ([1], [2], [0.5], "has it already"),
    "twice": ([1, 1], [3, 3], [0.5, 0.6], "has it already"),
    "NaN": ([1], [3], [np.nan], "finite"),
    "of different lengths": ([1, 2], [3], [0.5], "one length"),
}


@pytest.mark.parametrize("case", EDGES)
def test_edges(store, case):
    left, right, scores, why = EDGES[case]
    edges = Edges(np.array(left), np.array(right), np.float32(scores))
    with pytest.raises(StoreError, match=why), store.write() as write:
        write.add_edges(edges)
    with store.read() as read:
        assert read.revision == 1
        assert len(read.edges()) == 1


LISTINGS = {
    "an id that is there": (("d", "b"), {}, "'b' already"),
    "an id twice": (("d", "d"), {}, "'d' comes more than once"),
    "a long id": (("x" * 2001,), {}, "2,000 bytes"),
    "a lone surrogate": (("d",), {"titles": ["\ud800"]}, "surrogate"),
    "a surrogate in an id": (("\udc00",), {}, "surrogate"),
    "too few titles": (("d", "e"), {"titles": ["one"]}, "one length"),
    "too few hashes": (
        ("d", "e"),
        {"phashes": Hashes(np.zeros(1, np.uint64), np.ones(1, bool))},
        "one length",
    ),
    "boxes of three": (("d",), {"boxes": np.ones((1, 3), np.float32)}, r"shape \(n, 4\)"),
}


@pytest.mark.parametrize("case", LISTINGS)
def test_listings(store, columns, case):
    ids, more, why = LISTINGS[case]
    with pytest.raises(StoreError, match=why), store.write() as write:
        write.add_listings(columns(*ids, **more))
    with store.read() as read:
        assert read.revision == 1
        assert read.count() == 3


CLUSTERS = {
    "end with members": (lambda w: w.end_clusters(ONE), "row 1 is in it"),
    "end twice": (lambda w: w.end_clusters(np.array([2])), "2 has ended"),
    "end what never was": (lambda w: w.end_clusters(np.array([3])), "3 has ended or was never"),
    "assign to an ended one": (lambda w: w.assign(ONE, np.array([2])), "2 has ended"),
    "assign no row": (lambda w: w.assign(np.array([9]), ONE), "no row 9"),
    "assign a row twice": (lambda w: w.assign(np.array([1, 1]), np.array([1, 1])), "Row 1"),
    "fewer than none": (lambda w: w.add_clusters(-1), "0 or more"),
    "an unknown event": (lambda w: w.add_events(["born"], ONE, [[]]), "'born'"),
    "an event of none": (lambda w: w.add_events(["ended"], np.array([3]), [[]]), "never made"),
    "events without others": (lambda w: w.add_events(["ended"], ONE, []), "one length"),
    "remove no row": (lambda w: w.remove_listings(np.array([1, 9])), "no row 9"),
}


@pytest.mark.parametrize("case", CLUSTERS)
def test_clusters_and_the_rest(store, case):
    change, why = CLUSTERS[case]
    with pytest.raises(StoreError, match=why), store.write() as write:
        change(write)
    with store.read() as read:
        assert read.revision == 1
        assert read.membership().rows.tolist() == [1]


def test_nothing_is_made_over_what_is_there(place, about):
    with pytest.raises(StoreError, match="already"):
        create_store(place, about)
    with open_store(place) as store, store.read() as read:
        assert read.count() == 3


def test_nothing_is_opened_where_nothing_is(new_place):
    with pytest.raises(StoreError, match="holds no catalogue"):
        open_store(new_place())
