"""What people decided: kept for ever, in force until it is undone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from matcher.errors import StoreError
from matcher.store import Decision, open_store

WHEN = datetime(2025, 3, 1, 8, 0, 0, 123456, UTC)


def accept(**more):
    return Decision("ann", WHEN, "accept", "model-1", same=(("a", "b"),), **more)


def undo(number):
    return Decision("bob", WHEN, "undo", undoes=number)


def decide(store, *decisions):
    for decision in decisions:
        with store.write() as write:
            write.add_decision(decision)


def numbers(store):
    with store.read() as read:
        return [decision.number for decision in read.decisions_in_force()]


def test_a_decision_comes_back(store, place):
    given = Decision(
        "ann \0 'x'",
        WHEN.astimezone(timezone(timedelta(hours=-3))),
        "split",
        "model-1",
        same=(("a", "b"), ("c\0", "d'")),
        different=(("a", "c\0"),),
        note="these are \U0001f9e6, those are not",
    )
    with store.write() as write:
        assert write.add_decision(given) == 1
    with open_store(place) as again, again.read() as read:
        (found,) = read.decisions()
    assert found.when == given.when
    assert found.when.tzinfo is UTC
    assert found.number == 1
    for name in ("who", "kind", "model", "same", "different", "undoes", "note"):
        assert getattr(found, name) == getattr(given, name)


def test_an_undone_decision_is_kept_and_not_in_force(store):
    decide(store, accept(), accept(), undo(1))
    assert numbers(store) == [2]
    with store.read() as read:
        assert [one.kind for one in read.decisions()] == ["accept", "accept", "undo"]


def test_an_undo_can_be_undone(store):
    decide(store, accept(), undo(1), undo(2))
    assert numbers(store) == [1]
    decide(store, undo(1))
    assert numbers(store) == []


def test_what_cannot_be_undone(store):
    decide(store, accept(), undo(1))
    with pytest.raises(StoreError, match="no decision 7"):
        decide(store, undo(7))
    with pytest.raises(StoreError, match="1 is undone already"):
        decide(store, undo(1))


def test_decisions_outlast_the_listings(store, columns):
    with store.write() as write:
        rows = write.add_listings(columns("a", "b"))
        write.add_decision(accept())
    with store.write() as write:
        write.remove_listings(rows)
    assert numbers(store) == [1]
