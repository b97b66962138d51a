import time

import pytest

from matcher.errors import ConfigError
from matcher.text.words import clean_title, split_words, word_filter


def test_compatibility_forms_and_case_are_folded():
    assert clean_title("ＳＡＢＵＮ ﬁne Ⅳ") == "sabun fine iv"


def test_spelled_out_bytes_and_control_characters_become_spaces():
    assert split_words(clean_title("susu\\xe2\\x80\\x99s \x00\x1b[31mred\u202e")) == [
        "susu", "s", "31mred",
    ]  # fmt: skip


@pytest.mark.parametrize("title", ['b"Sprei 180x200"', "b'Sprei 180x200'"])
def test_the_wrapping_of_raw_bytes_is_dropped(title):
    assert split_words(clean_title(title)) == ["sprei", "1800x2000mm"]  # not of inches


def test_a_megabyte_of_accents_does_not_hang():
    start = time.process_time()
    clean_title("a" + "\u0300\u0301" * 500_000)
    assert time.process_time() - start < 5  # NFKC of the whole takes minutes


def test_words_of_any_script():
    assert split_words(clean_title("Кроссовки 運動鞋 ÉTÉ")) == ["кроссовки", "運動鞋", "été"]


def test_stop_words_stems_and_lemmas():
    terms = word_filter(("english",), stop_words=True, stem=True, lemmatize=False)
    assert terms(["the", "running", "shoes"]) == ["run", "shoe"]
    terms = word_filter(("english",), stop_words=False, stem=False, lemmatize=True)
    assert terms(["mice", "shoes"]) == ["mouse", "shoe"]
    terms = word_filter(("indonesian",), stop_words=True, stem=True, lemmatize=False)
    assert terms(["dengan", "makanan"]) == ["makan"]


def test_unknown_language_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'englsh'\. Did you mean 'english'"):
        word_filter(("englsh",), True, False, False)
