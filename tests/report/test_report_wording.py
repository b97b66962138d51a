import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.report import wording

# Every character, halves of UTF-16 pairs as well: titles come from anywhere.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\u202egnp.exe", "gnp.exe"),  # right-to-left override
        ("a\u2066b\u2069c\u200e\u200f\u061c", "abc"),  # isolates and marks
        ("bell\x07 null\x00 escape\x1b[31m", "bell null escape[31m"),
        ("half \ud800 pair", "half  pair"),
        ("tab\there\u3000wide", "tab here wide"),
        ("kept\nline", "kept\nline"),
        ("soft\u00adhyphen \ufeffmark", "softhyphen mark"),
        ("👩\u200d👧 family", "👩\u200d👧 family"),  # joined emoji stay joined
        ("می\u200cخواهم", "می\u200cخواهم"),  # as do Persian words
    ],
)
def test_clean_drops_what_disturbs_and_keeps_what_is_read(text, shown):
    assert wording.clean(text) == shown


@given(ANY_TEXT)
def test_clean_text_is_utf8_without_controls(text):
    shown = wording.clean(text)
    shown.encode("utf-8")
    assert not {unicodedata.category(c) for c in shown if c != "\n"} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert wording.clean(shown) == shown


@given(ANY_TEXT, st.integers(2, 50))
def test_short_text_keeps_its_limit_and_says_that_it_was_cut(text, limit):
    shown = wording.shorten(text, limit)
    whole = " ".join(wording.clean(text).split())
    assert len(shown) <= limit
    if shown != whole:
        assert shown.endswith("…")
        assert whole.startswith(shown[:-1])


def test_a_text_that_fits_exactly_is_not_cut():
    assert wording.shorten("x" * 10, 10) == "x" * 10
    assert wording.shorten("x" * 11, 10) == "x" * 9 + "…"


def test_no_accent_or_joiner_is_left_over_at_the_cut():
    assert wording.shorten("abcd" + "\u0301" * 99, 6) == "abcd…"
    assert wording.shorten("abc👩\u200d👩\u200d👧", 6) == "abc👩…"


def test_ten_million_characters_cost_no_more_than_ten_thousand():
    assert wording.shorten("\u202e" * 10_000_000, 140) == "…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.5, "0.50"),
        (0.4999, "0.49"),  # rounded it would seem to be accepted
        (0.57, "0.57"),
        (0.5699999928474426, "0.57"),  # 0.57 as float32
        (1.0, "1.00"),
        (0.9999, "0.99"),
        (-0.125, "-0.13"),
        (float("nan"), "—"),
    ],
)
def test_a_score_below_a_bound_never_looks_as_if_it_reached_it(value, shown):
    assert wording.score(value) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "0.0%"),
        (0, 5, "0.0%"),
        (1, 3000, "under 0.1%"),
        (1, 30, "3.3%"),
        (999, 1000, "99%"),  # never 100% unless it is
        (7, 7, "100%"),
    ],
)
def test_shares(part, whole, shown):
    assert wording.share(part, whole) == shown


def test_counts_and_nouns():
    assert wording.plural(1, "listing") == "1 listing"
    assert wording.plural(24_172, "listing") == "24,172 listings"
    assert wording.plural(2, "match") == "2 matches"
    assert wording.plural(0, "pair") == "0 pairs"
    assert wording.decimal(1234.5678, 1) == "1,234.6"
    assert wording.decimal(float("nan")) == "—"
