"""An encoder that is read back encodes to the same bits; damaged bytes are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.encoders import make_encoder
from matcher.encoders.tfidf import Spec
from matcher.errors import StoreError
from matcher.types import Listings

TOKENS = ("words", "characters", "numbers", "models", "quantities", "sizes", "colors")
TITLES = (
    "Sabun Lifebuoy 250ml merah",
    "lifebuoy sabun 250 ML",
    "HDMI cable 2 m",
    "Kaos XXL biru iPhone A1387",
    "",
    "☕ café 沙发 3 pcs",
)


def table(*titles):
    return Listings(tuple(map(str, range(len(titles)))), titles, (None,) * len(titles))


def assert_same(one, other):
    assert one.source == other.source
    assert one.terms == other.terms
    assert one.vectors.shape == other.vectors.shape
    for part in ("data", "indices", "indptr"):
        a, b = (getattr(encoded.vectors, part) for encoded in (one, other))
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("tokens", TOKENS)
def test_a_restored_encoder_gives_the_same_bits(tokens):
    spec = make_encoder("tfidf", tokens=tokens)
    learnt = spec.fit(table(*TITLES))
    restored = spec.restore(learnt.state())
    for titles in (TITLES, ("sabun 250ml unknown", "A1387 2XL", "", "red " * 40)):
        assert_same(learnt.encode(table(*titles)), restored.encode(table(*titles)))
    assert_same(learnt.encode(table(*TITLES)), restored.encode(table(*TITLES)))


@pytest.mark.parametrize(
    "settings",
    [
        {"ngrams": (1, 2), "stem": True, "stop_words": True},
        {"weight": "log", "min_titles": 2},
        {"tokens": "characters", "ngrams": (2, 9)},  # does not fit in 64 bits
        {"tokens": "characters", "weight": "each"},
    ],
)
def test_whatever_the_settings(settings):
    spec = make_encoder("tfidf", **settings)
    learnt = spec.fit(table(*TITLES))
    assert_same(learnt.encode(table(*TITLES)), spec.restore(learnt.state()).encode(table(*TITLES)))


def test_one_that_found_no_terms():
    spec = Spec(tokens="models")
    learnt = spec.fit(table("plain words"))
    restored = spec.restore(learnt.state())
    assert restored.source == learnt.source == "tfidf:models:empty"
    assert restored.encode(table("A1387")).present.tolist() == [False]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=8), st.text(max_size=20))
def test_any_titles(titles, other):
    if not any(titles):
        return
    for tokens in ("words", "characters"):
        spec = Spec(tokens=tokens)
        learnt = spec.fit(table(*titles))
        restored = spec.restore(learnt.state())
        assert_same(learnt.encode(table(*titles, other)), restored.encode(table(*titles, other)))


def test_bytes_that_are_no_state_are_refused():
    spec = Spec()
    state = spec.fit(table(*TITLES)).state()
    for damaged in (b"", b"no zip", state[:-30], b"\x80\x04N."):
        with pytest.raises(StoreError, match="cannot be read back"):
            spec.restore(damaged)


def test_a_pickle_inside_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    np.savez(path, terms=np.array([{"a": 1}], object), idf=np.ones(1))
    with pytest.raises(StoreError, match="cannot be read back"):
        Spec().restore(path.read_bytes())
