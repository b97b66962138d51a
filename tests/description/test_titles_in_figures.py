from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.description import describe_titles, detect_languages
from matcher.description.lengths import MOST_BINS, describe_lengths
from matcher.description.titles import READ_WORDS, TOP_TERMS
from matcher.text.words import clean_title, split_words


def terms(found):
    return [(term.text, term.titles) for term in found]


def test_figures_worked_out_by_hand():
    found = describe_titles(["Red Tea 50 g", "red tea cup", "red tea cup", "the cup!", "", " \n"])
    assert (found.titles, found.distinct) == (4, 3)
    assert terms(found.top_words) == [("cup", 3), ("red", 3), ("tea", 3), ("50g", 1)]
    assert terms(found.top_pairs) == [("red tea", 3), ("tea cup", 2), ("tea 50g", 1)]
    assert (found.characters.shortest, found.characters.longest) == (8, 12)
    assert found.characters.median == 11
    assert found.characters.mean == pytest.approx((12 + 11 + 11 + 8) / 4)
    assert (found.words.shortest, found.words.median, found.words.longest) == (2, 3, 3)
    assert (found.with_quantity, found.with_model_number) == (1, 0)


def test_characters_by_kind():
    found = describe_titles(["ab 1!", "\u0430\u0431\u0432\u0433\u0434\u0435", "ｚ💯e\u0301\t"])
    assert [(k.kind, k.characters, k.titles) for k in found.kinds] == [
        ("Cyrillic letters", 6, 1),
        ("Latin letters", 4, 2),
        ("spaces", 2, 2),
        ("accents and marks", 1, 1),
        ("digits", 1, 1),
        ("punctuation", 1, 1),
        ("symbols and emoji", 1, 1),
    ]


def test_scripts_are_told_apart():
    kinds = {k.kind for k in describe_titles(["手", "한", "ש", "ت", "ก", "\U0001d400"]).kinds}
    assert kinds == {
        *("CJK letters", "Hangul letters", "Hebrew letters", "Arabic letters"),
        *("Thai letters", "Latin letters"),
    }


def test_no_titles_at_all():
    for titles in ([], [""], [" ", "\t"]):
        found = describe_titles(titles)
        assert (found.titles, found.characters, found.words) == (0, None, None)
        assert found.top_words == found.top_pairs == found.kinds == ()


def test_stop_words_bare_numbers_and_single_letters_are_no_terms():
    found = describe_titles(["the dan 12 x 7 yang soap"])
    assert terms(found.top_words) == [("soap", 1)]
    assert terms(describe_titles(["iphone 7 soap"]).top_pairs) == [("7 soap", 1), ("iphone 7", 1)]
    assert describe_titles(["12 13"]).top_pairs == ()


def test_a_title_counts_once_for_a_word_it_repeats():
    assert terms(describe_titles(["soap soap soap"]).top_words) == [("soap", 1)]
    assert terms(describe_titles(["soap soap soap"]).top_pairs) == [("soap soap", 1)]


def test_what_is_kept_of_many_words_is_bounded():
    words = [f"w{a}{b}q" for a in "abcdefghij" for b in "abcdefghijklmnopqrstuvwxyz"]
    found = describe_titles([" ".join(words)])
    assert found.words.longest == len(words) > READ_WORDS
    assert [t.text for t in found.top_words] == words[:TOP_TERMS]
    late = describe_titles([" ".join([*["soap"] * READ_WORDS, "late"])])
    assert terms(late.top_words) == [("soap", 1)]


WORDS = st.sampled_from(["soap", "tea", "cup", "red", "the", "7", "x"])
TITLES = st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=12)


@given(TITLES)
def test_words_agree_with_counting_title_by_title(titles):
    kept = {"soap", "tea", "cup", "red"}
    words, pairs = Counter(), Counter()
    for title in titles:
        found = split_words(clean_title(title))
        words.update({w for w in found if w in kept})
        pairs.update(
            {f"{a} {b}" for a, b in pairwise(found) if {a, b} <= {*kept, "7"} and {a, b} != {"7"}}
        )
    found = describe_titles(titles)
    assert terms(found.top_words) == sorted(words.items(), key=lambda item: (-item[1], item[0]))
    assert terms(found.top_pairs) == sorted(pairs.items(), key=lambda item: (-item[1], item[0]))


@given(TITLES, st.randoms())
def test_the_order_of_titles_does_not_matter(titles, random):
    shuffled = random.sample(titles, len(titles))
    assert describe_titles(shuffled) == describe_titles(titles)


@given(st.lists(st.integers(0, 12_000), min_size=1, max_size=60))
def test_bins_hold_every_length_once(values):
    found = describe_lengths(values, [1] * len(values))
    assert len(found.bins) <= MOST_BINS + 1
    assert found.bins[0].start <= min(values)
    assert found.bins[-1].end >= max(values)
    assert all(a.end + 1 == b.start for a, b in pairwise(found.bins))
    for span in found.bins:
        assert span.titles == sum(span.start <= value <= span.end for value in values)
    assert len({span.end - span.start for span in found.bins[:-1]}) <= 1
    assert found.median == np.median(values)


def test_one_endless_title_does_not_flatten_the_others():
    found = describe_lengths([*range(20, 60), 10_000], [10] * 40 + [1])
    assert len(found.bins) > 10
    assert found.bins[-1].end == 10_000
    assert found.percentile_95 < 60


def test_languages_of_plain_sentences():
    found = detect_languages(
        ["the children are sleeping in the house", "saya mau membeli sepatu baru untuk anak"]
    )
    assert found.counts == {"english": 1, "indonesian": 1}
    assert detect_languages(["zzxqv 123", "!!!"]).counts == {"unknown": 2}


def test_languages_of_no_titles():
    found = detect_languages(["", " "])
    assert (found.sampled, found.titles, found.counts) == (0, 0, {})


def test_the_sample_of_titles_is_bounded_and_seeded():
    titles = ["the children are sleeping in the house", *(f"zzxqv{i}" for i in range(99))]
    found = detect_languages(titles, seed=3, most_read=10)
    assert (found.sampled, found.titles, sum(found.counts.values())) == (10, 100, 10)
    assert detect_languages(titles[::-1], seed=3, most_read=10) == found
    drawn = {"english" in detect_languages(titles, s, most_read=10).counts for s in range(40)}
    assert drawn == {True, False}
