"""Older tables made new, all steps or none."""

import pytest

from matcher.errors import StoreError
from matcher.store import _migrations, create_store, open_store


def add_table(session):
    session.execute("CREATE TABLE notes (row_no BIGINT PRIMARY KEY, note TEXT NOT NULL)")


def fill_table(session):
    session.execute("INSERT INTO notes SELECT row_no, title FROM listings")


def fail(session):
    session.execute("DELETE FROM listings")
    raise RuntimeError("a step that fails")


@pytest.fixture
def old(place, about, columns):
    """Place of a store of version 1, with two listings."""
    with create_store(place, about) as store, store.write() as write:
        write.add_listings(columns("a", "b"))
    return place


def notes(place):
    with open_store(place) as store, store.read() as read:
        return store.about.schema, read._session.select("SELECT * FROM notes ORDER BY row_no")


def test_all_steps_are_taken_in_order(old, monkeypatch):
    monkeypatch.setattr(_migrations, "STEPS", (add_table, fill_table))
    assert notes(old) == (3, [(1, "title of a"), (2, "title of b")])
    assert notes(old) == (3, [(1, "title of a"), (2, "title of b")])  # once and for all


def test_only_the_steps_that_are_missing_are_taken(old, monkeypatch):
    monkeypatch.setattr(_migrations, "STEPS", (add_table,))
    assert notes(old) == (2, [])
    monkeypatch.setattr(_migrations, "STEPS", (fail, fill_table))
    assert notes(old) == (3, [(1, "title of a"), (2, "title of b")])


def test_a_step_that_fails_leaves_the_store_as_it_was(old, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_migrations, "STEPS", (add_table, fail))
        with pytest.raises(RuntimeError):
            open_store(old)
    with open_store(old) as store, store.read() as read:
        assert store.about.schema == 1
        assert read.listings().ids == ("a", "b")
        with pytest.raises(StoreError):
            read._session.select("SELECT * FROM notes")


def test_a_newer_store_is_refused(old, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_migrations, "STEPS", (add_table,))
        open_store(old).close()
    with pytest.raises(StoreError, match="newer version of this program"):
        open_store(old)


def test_a_new_store_is_of_the_newest_version(place, about, monkeypatch):
    monkeypatch.setattr(_migrations, "STEPS", (fail, fail))
    with create_store(place, about) as store:
        assert store.about.schema == 3
    with open_store(place) as store:
        assert store.about.schema == 3
