"""Encoders are replaced in one write: vectors and edges go, all else stays."""

import numpy as np
import pytest

from matcher.errors import StoreError
from matcher.store import Edges, KeptEncoder, open_store

NEW = (
    KeptEncoder("words", "print-2", "sparse", 7, state=b"other words"),
    KeptEncoder("wide", "print-d", "dense", 2),
)


@pytest.fixture
def filled(store, columns, vectors):
    with store.write() as write:
        rows = write.add_listings(columns("a", "b"))
        for name, (fingerprint, values) in vectors(2).items():
            write.add_vectors(name, fingerprint, rows, values)
        write.add_edges(Edges(rows[:1], rows[1:], np.float32([0.75])))
        write.assign(rows, write.add_clusters(1).repeat(2))
        write.add_events(["created"], np.array([1]), [[]])
    return store


def test_vectors_and_edges_go_and_all_else_stays(filled):
    with filled.write() as write:
        write.replace_encoders("other settings", NEW)
        assert write.about.encoders == NEW
        assert write.vectors("wide").values.shape == (0, 2)
        write.add_vectors("wide", "print-d", write.rows(), np.eye(2, dtype=np.float32))
    with filled.read() as read:
        assert (read.about.config, read.about.encoders) == ("other settings", NEW)
        assert read.about.created == filled.about.created
        assert read.listings().ids == ("a", "b")
        assert len(read.edges()) == 0
        assert read.membership().clusters.tolist() == [1, 1]
        assert read.events().kinds == ("created",)
        assert read.vectors("words").values.shape == (0, 7)
        np.testing.assert_array_equal(read.vectors("wide").values, np.eye(2))
        with pytest.raises(StoreError, match="no encoder 'picture'"):
            read.vectors("picture")
    assert filled.about.encoders == NEW


def test_it_can_be_done_again_and_listings_removed(filled):
    for number in range(3):
        with filled.write() as write:
            write.replace_encoders(f"settings {number}", NEW[: 1 + number % 2])
    with filled.write() as write:
        write.remove_listings(write.rows()[:1])
    with filled.read() as read:
        assert read.about.config == "settings 2"
        assert read.listings().ids == ("b",)


def test_a_write_that_fails_leaves_the_old_ones(filled, vectors):
    before = filled.about

    def fail():
        with filled.write() as write:
            write.replace_encoders("other", NEW)
            write.remove_listings(np.array([9]))

    with pytest.raises(StoreError, match="no row 9"):
        fail()
    with filled.read() as read:
        assert read.about == before
        assert len(read.edges()) == 1
        np.testing.assert_array_equal(read.vectors("picture").values, vectors(2)["picture"][1])


def test_another_store_notices(filled, place):
    with open_store(place) as other:
        with other.read() as read:
            assert read.about.encoders != NEW
        with filled.write() as write:
            write.replace_encoders("other", NEW)
        with other.read() as read:
            assert read.about.encoders == NEW
            assert read.vectors("wide").values.shape == (0, 2)
        with other.write() as write:
            write.add_vectors("wide", "print-d", write.rows(), np.eye(2, dtype=np.float32))


def test_what_was_made_by_old_encoders_is_refused(filled, vectors):
    with filled.write() as write:
        write.replace_encoders("other", NEW)
        with pytest.raises(StoreError, match="never mixed"):
            write.add_vectors("words", "print-w", write.rows(), vectors(2)["words"][1])


def test_two_of_one_name_are_refused(filled):
    with pytest.raises(StoreError, match="names of their own"), filled.write() as write:
        write.replace_encoders("other", (NEW[0], NEW[0]))


def test_events_of_some_clusters(filled):
    with filled.write() as write:
        ids = write.add_clusters(3)
        write.add_events(["created", "split", "created"], ids, [[], [1], []])
    with filled.read() as read:
        assert read.events(clusters=ids[[2, 0]]).clusters.tolist() == [2, 4]
        assert read.events(since=1, clusters=np.array([1, 3])).kinds == ("split",)
        assert len(read.events(clusters=ids[:0])) == 0
