"""Titles in figures: lengths, characters, words, attributes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from matcher.description.lengths import Lengths, describe_lengths
from matcher.progress import tracked
from matcher.text.model_numbers import find_model_numbers
from matcher.text.quantities import find_quantities
from matcher.text.words import clean_title, split_words, word_filter

T = TypeVar("T")
STOP_WORDS = ("english", "indonesian")
TOP_TERMS = 100
# Terms are taken from the first words only, lest a few endless titles fill the memory.
READ_WORDS = 200
LATIN = "Latin letters"
# By the first letter of the Unicode category; letters are told apart by script.
KINDS = {
    "N": "digits",
    "Z": "spaces",
    "P": "punctuation",
    "S": "symbols and emoji",
    "M": "accents and marks",
    "C": "control characters",
}


@dataclass(frozen=True, slots=True)
class CharacterKind:
    """One kind of characters, such as digits.

    Attributes:
        kind: Its name; letters are named by script.
        characters: How many there are in all titles.
        titles: How many titles hold one.
    """

    kind: str
    characters: int
    titles: int


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or two words side by side, and how many titles hold it."""

    text: str
    titles: int


@dataclass(frozen=True, slots=True)
class Titles:
    """Titles that are not blank, in figures.

    Attributes:
        titles: How many there are.
        distinct: How many different ones.
        characters: Lengths in characters; None where there are no titles.
        words: Lengths in words and numbers, of the first 10,000 characters.
        kinds: Kinds of characters, the most frequent first.
        top_words: Words in the most titles, then by alphabet; stop words of English and
            Indonesian, numbers and single characters are left out. Only the first
            ``READ_WORDS`` words of a title count.
        top_pairs: Likewise for two words side by side, one of which may be a number.
        with_quantity: Titles that name an amount, such as "500 ml".
        with_model_number: Titles that hold what looks like a maker's code.
    """

    titles: int
    distinct: int
    characters: Lengths | None
    words: Lengths | None
    kinds: tuple[CharacterKind, ...]
    top_words: tuple[Term, ...]
    top_pairs: tuple[Term, ...]
    with_quantity: int
    with_model_number: int


def describe_titles(titles: Sequence[str]) -> Titles:
    """Sum up titles; blank ones count as missing.

    Each distinct title is read once, however many listings have it.

    Example:
        >>> found = describe_titles(["Red soap 100 ml", "red soap", ""])
        >>> [(term.text, term.titles) for term in found.top_words][:2]
        [('red', 2), ('soap', 2)]
        >>> found.with_quantity, found.titles
        (1, 2)
    """
    copies = Counter(title for title in titles if title and not title.isspace())
    texts, counts = list(copies), list(copies.values())
    lengths: list[int] = []
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    with_quantity = with_model_number = 0
    is_term = _term_test()
    for title, n in tracked(copies.items(), "titles", len(copies)):
        cleaned = clean_title(title)
        found = split_words(cleaned)
        lengths.append(len(found))
        _count(words, _words(found[:READ_WORDS], is_term), n)
        _count(pairs, _pairs(found[:READ_WORDS], is_term), n)
        with_quantity += n * bool(find_quantities(cleaned))
        with_model_number += n * bool(find_model_numbers(cleaned))
    return Titles(
        titles=sum(counts),
        distinct=len(texts),
        characters=describe_lengths([len(title) for title in texts], counts),
        words=describe_lengths(lengths, counts),
        kinds=tuple(_count_kinds(texts, counts)),
        top_words=_top(words.items()),
        top_pairs=_top((" ".join(pair), n) for pair, n in pairs.items()),
        with_quantity=with_quantity,
        with_model_number=with_model_number,
    )


def _term_test() -> Callable[[str], bool]:
    """Tell words that say something from stop words and single letters."""
    drop_stop_words = word_filter(STOP_WORDS, stop_words=True, stem=False, lemmatize=False)

    @lru_cache(maxsize=1 << 18)
    def is_term(word: str) -> bool:
        return (len(word) > 1 or word.isdigit()) and bool(drop_stop_words([word]))

    return is_term


def _words(found: Sequence[str], is_term: Callable[[str], bool]) -> Iterator[str]:
    return (word for word in found if _has_letter(word) and is_term(word))


def _pairs(found: Sequence[str], is_term: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    for first, second in pairwise(found):
        if is_term(first) and is_term(second) and (_has_letter(first) or _has_letter(second)):
            yield first, second


@lru_cache(maxsize=1 << 18)
def _has_letter(word: str) -> bool:
    return any(c.isalpha() for c in word)


def _count(counter: Counter[T], terms: Iterable[T], n: int) -> None:
    """Count each term of a title once, for all ``n`` listings that have the title."""
    for term in set(terms):
        counter[term] += n


def _top(counts: Iterable[tuple[str, int]]) -> tuple[Term, ...]:
    """The most frequent terms, ties by alphabet."""
    from heapq import nsmallest

    best = nsmallest(TOP_TERMS, ((-n, text) for text, n in counts))
    return tuple(Term(text, -n) for n, text in best)


def _count_kinds(texts: Sequence[str], counts: Sequence[int]) -> list[CharacterKind]:
    """Count characters, and the titles that hold them, by kind."""
    characters: Counter[str] = Counter()
    titles: Counter[str] = Counter()
    for text, n in zip(texts, counts, strict=True):
        kinds: set[str] = set()
        for character, times in Counter(text).items():
            kind = _kind(character)
            characters[kind] += times * n
            kinds.add(kind)
        for kind in kinds:
            titles[kind] += n
    found = sorted(characters.items(), key=lambda item: (-item[1], item[0]))
    return [CharacterKind(kind, n, titles[kind]) for kind, n in found]


@lru_cache(maxsize=1 << 16)
def _kind(character: str) -> str:
    """Name the kind of one character.

    Letters go by the first word of their Unicode name, which is the script but for a few.
    """
    category = unicodedata.category(character)
    if category[0] != "L":
        return "spaces" if character.isspace() else KINDS[category[0]]
    # Full-width and mathematical letters are letters of their script.
    plain = unicodedata.normalize("NFKC", character)[0]
    script = unicodedata.name(plain, "other").split(" ")[0]
    return LATIN if script == "LATIN" else f"{_spelled(script)} letters"


def _spelled(script: str) -> str:
    """Names as people write them; "CJK" stays."""
    return script if script == "CJK" else script.capitalize()
