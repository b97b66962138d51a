"""What cannot even be said to a store."""

from datetime import UTC, datetime

import pytest

from matcher.errors import StoreError
from matcher.store import About, Decision, KeptEncoder

WHEN = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "loud"}, "dense, sparse, hash"),
        ({"precision": "float64"}, "float32 or float16"),
        ({"width": 0}, "one dimension or more"),
        ({"kind": "hash", "width": 32}, "64 bits"),
    ],
)
def test_encoders_are_of_a_kind(wrong, why):
    with pytest.raises(StoreError, match=why):
        KeptEncoder(**{"name": "x", "fingerprint": "y", "kind": "dense", "width": 3, **wrong})


def test_encoders_have_names_of_their_own():
    encoder = KeptEncoder("x", "y", "dense", 3)
    with pytest.raises(StoreError, match="names of their own"):
        About("", (encoder, encoder))


@pytest.mark.parametrize(("kind", "undoes"), [("undo", None), ("accept", 1), ("perhaps", None)])
def test_a_decision_is_one_of_its_kinds(kind, undoes):
    with pytest.raises(StoreError, match="A decision is one of"):
        Decision("ann", WHEN, kind, undoes=undoes)


def test_a_time_needs_its_zone():
    with pytest.raises(StoreError, match="time zone"):
        Decision("ann", WHEN.replace(tzinfo=None), "accept")
