"""Which languages titles are in, by the words that dictionaries know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.progress import tracked
from matcher.text.words import LANGUAGES, clean_title

MOST_READ = 2_000
READ_CHARACTERS = 500
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Languages:
    """How many titles are in which language.

    Attributes:
        sampled: Titles that were read.
        titles: Titles there are.
        seed: Seeds the sample.
        counts: Sampled titles by language, the most frequent first and ``UNKNOWN`` last: those
            of which no dictionary knows a word, or two languages know the same number.
    """

    sampled: int
    titles: int
    seed: int
    counts: Mapping[str, int]


def detect_languages(titles: Sequence[str], seed: int = 0, most_read: int = MOST_READ) -> Languages:
    """Tell the language of titles by the dictionaries of simplemma.

    A title is in the language that knows most of its words. Sellers mix languages: a product
    named in English may well be described in Indonesian. Names of brands and products are
    words of no language or, by chance, of several.

    Args:
        titles: Blank ones are passed over.
        seed: Seeds the sample, which does not depend on the order of the titles.
        most_read: Titles to read at most.
    """
    known = sorted(title for title in titles if title and not title.isspace())
    sample = known
    if len(known) > most_read:
        rows = np.random.default_rng(seed).choice(len(known), most_read, replace=False)
        sample = [known[row] for row in sorted(rows.tolist())]
    copies = Counter(clean_title(title[:READ_CHARACTERS]) for title in sample)
    found: Counter[str] = Counter()
    for title, n in tracked(copies.items(), "languages", len(copies)):
        found[_detect(title)] += n
    ranked = sorted(found.items(), key=lambda item: (item[0] == UNKNOWN, -item[1], item[0]))
    return Languages(len(sample), len(known), seed, dict(ranked))


def _detect(text: str) -> str:
    """Name the language that knows most words of a cleaned title."""
    from simplemma import langdetect

    names = {code: name for name, (_, code) in LANGUAGES.items()}
    shares = dict(langdetect(text, lang=tuple(names)))
    ranked = sorted((shares.get(code, 0.0) for code in names), reverse=True)
    if ranked[0] == 0 or ranked[0] == ranked[1]:
        return UNKNOWN
    return next(name for code, name in names.items() if shares.get(code) == ranked[0])
