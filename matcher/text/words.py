"""Titles to words: cleaning, stop words, stemming and lemmatising by libraries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from matcher.errors import ConfigError
from matcher.settings import suggest
from matcher.text.dimensions import normalize_dimensions
from matcher.text.quantities import normalize_quantities

MAX_CHARACTERS = 10_000  # NFKC takes minutes on a megabyte of stacked accents
_MIXED = re.compile(r"(?<=\d)(?=[¼½¾⅓⅔⅛])")
_BYTES = re.compile(r"""\A\s*b(["'])(.*)\1\s*\Z""", re.DOTALL)
_ESCAPED_BYTES = re.compile(r"(?:\\x[0-9a-f]{2})+")
_WORD = re.compile(r"\d+\.\d+\w*|\w+")
# language -> (name in snowballstemmer, code in simplemma and stop-words)
LANGUAGES = {
    "english": ("english", "en"),
    "indonesian": ("indonesian", "id"),
    "german": ("german", "de"),
    "french": ("french", "fr"),
    "spanish": ("spanish", "es"),
    "italian": ("italian", "it"),
    "portuguese": ("portuguese", "pt"),
    "dutch": ("dutch", "nl"),
}


@lru_cache(maxsize=1 << 17)  # every title encoder asks for the same titles
def clean_title(title: str) -> str:
    r"""Fold case and compatibility forms, drop what is no text, spell quantities one way.

    Args:
        title: As the seller wrote it; only the first 10,000 characters are read.

    Returns:
        Lower-cased text. Escapes of raw bytes ("\xe2\x80\x99" spelled out), as some exports
        hold them, and control characters become spaces; so does their wrapping, b"...".

    Example:
        >>> clean_title("READY! Sabun Cair 150 ML")
        'ready! sabun cair  150ml '
    """
    text = title[:MAX_CHARACTERS]
    # A pattern that cannot match is not tried: a third of the time of cleaning titles.
    if text[-1:].isspace() or text.endswith(("'", '"')):
        text = _BYTES.sub(r"\2", text)
    if not text.isascii():
        text = _MIXED.sub(" ", text)  # NFKC makes eleven halves of "1½"
        text = unicodedata.normalize("NFKC", text)[:MAX_CHARACTERS]
    text = text.lower()
    if r"\x" in text:
        text = _ESCAPED_BYTES.sub(" ", text)
    if not text.isprintable():
        text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return normalize_quantities(normalize_dimensions(text))


def split_words(text: str) -> list[str]:
    """Words and decimal numbers of a cleaned title, punctuation dropped.

    Example:
        >>> split_words("xiaomi redmi-5a, 4.5inch")
        ['xiaomi', 'redmi', '5a', '4.5inch']
    """
    return _WORD.findall(text)


def word_filter(
    languages: tuple[str, ...], stop_words: bool, stem: bool, lemmatize: bool
) -> Callable[[list[str]], list[str]]:
    """Build the function that turns the words of a title into index terms.

    Args:
        languages: Names from ``LANGUAGES``. Lemmas are looked up in this order; the stemmers are
            applied one after the other.
        stop_words: Drop the languages' stop words.
        stem: Cut words to their stem (Snowball).
        lemmatize: Replace words by their dictionary form (simplemma).

    Raises:
        ConfigError: If a language is not known.
    """
    for name in languages:
        if name not in LANGUAGES:
            raise ConfigError(
                f"Unknown language {name!r}.{suggest(name, list(LANGUAGES))} "
                f"Available: {', '.join(LANGUAGES)}."
            )
    steps: list[Callable[[str], str]] = []
    if lemmatize:
        steps.append(_lemmatizer(languages))
    if stem:
        steps += [_stemmer(LANGUAGES[name][0]) for name in languages]
    drop = _stop_words(languages) if stop_words else frozenset()

    @lru_cache(maxsize=1 << 18)
    def term(word: str) -> str:
        for step in steps:
            word = step(word)
        return word

    return lambda words: [term(w) for w in words if w not in drop]


def _lemmatizer(languages: tuple[str, ...]) -> Callable[[str], str]:
    """A word's dictionary form in the first language that knows it."""
    import simplemma

    codes = tuple(LANGUAGES[name][1] for name in languages)
    return lambda word: str(simplemma.lemmatize(word, lang=codes)).lower()


def _stemmer(name: str) -> Callable[[str], str]:
    """Snowball stemmer of one language."""
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer(name).stemWord
    return stem


def _stop_words(languages: tuple[str, ...]) -> frozenset[str]:
    """Stop words of all the languages."""
    from stop_words import get_stop_words

    return frozenset(w for name in languages for w in get_stop_words(LANGUAGES[name][1]))
