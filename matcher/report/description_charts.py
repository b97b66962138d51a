"""The figures behind the charts of the page about a table."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from matcher.description import Languages, Titles
from matcher.description.lengths import Lengths
from matcher.description.titles import Term
from matcher.report import wording
from matcher.report.charts import Bar, Bin, Histogram, Tick

GROUP_SIZES = (1, 2, 3, 4, 5, 6, 11, 21, 51, 101, 501)
CLOUD_WORDS = 70
SMALLEST, LARGEST = 0.9, 3.4
SHOWN_TERM = 32
TICKS = 6


@dataclass(frozen=True, slots=True)
class LengthSpan(Bin):
    """Titles whose length lies from ``start`` to ``end``, both included."""

    @property
    def span(self) -> str:
        """The lengths, in words."""
        first, last = wording.count(int(self.start)), wording.count(int(self.end))
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True, slots=True)
class CloudWord:
    """A word, ``size`` rem high, and how many titles hold it."""

    text: str
    titles: int
    size: float


def chart_lengths(title: str, lengths: Lengths | None) -> Iterator[Histogram]:
    """Lengths of titles as a histogram; nothing where there are no titles."""
    if lengths is None:
        return
    most = max(b.titles for b in lengths.bins)
    bins = [
        LengthSpan(b.start, b.end, b.titles, 0, round(100 * b.titles / most, 2), 0.0)
        for b in lengths.bins
    ]
    summary = (
        f"Median {lengths.median:g}, mean {lengths.mean:.1f}; 95% are at most "
        f"{wording.count(lengths.percentile_95)} long, the longest "
        f"{wording.count(lengths.longest)}."
    )
    yield Histogram(
        title=title,
        summary=summary,
        bins=tuple(bins),
        x_ticks=tuple(_length_ticks(bins)),
        y_ticks=(Tick(0, "0"), Tick(100, wording.count(most))),
        zero=100.0,
    )


def _length_ticks(bins: Sequence[Bin]) -> Iterator[Tick]:
    """Lengths at which some bins start; the last bin, which may be open, says so."""
    step = math.ceil(len(bins) / TICKS)
    regular = len(bins) < 2 or bins[-1].end - bins[-1].start == bins[0].end - bins[0].start
    for place in range(0, len(bins) - (not regular), step):
        if regular or place < len(bins) - 2:
            yield Tick(round(100 * place / len(bins), 2), wording.count(int(bins[place].start)))
    if not regular:
        at = round(100 * (len(bins) - 0.5) / len(bins), 2)
        yield Tick(at, f"{wording.count(int(bins[-1].start))}+")


def chart_sizes(sizes: Mapping[int, int]) -> list[Bar]:
    """How many groups there are of each size."""
    groups: Counter[int] = Counter()
    for size, n in sizes.items():
        groups[bisect_right(GROUP_SIZES, size) - 1] += n
    labels = [_size_label(place) for place in range(max(groups, default=-1) + 1)]
    return list(_bars((label, groups[place]) for place, label in enumerate(labels)))


def _size_label(place: int) -> str:
    start = GROUP_SIZES[place]
    if place + 1 == len(GROUP_SIZES):
        return f"{start} or more"
    last = GROUP_SIZES[place + 1] - 1
    return str(start) if last == start else f"{start} to {last}"


def chart_kinds(titles: Titles) -> list[tuple[str, str, str, float]]:
    """By kind of characters: its name, their share, titles that hold one, and percent of those."""
    total = sum(kind.characters for kind in titles.kinds)
    return [
        (
            kind.kind,
            wording.share(kind.characters, total),
            wording.count(kind.titles),
            round(100 * kind.titles / titles.titles, 2),
        )
        for kind in titles.kinds
    ]


def chart_languages(languages: Languages) -> list[Bar]:
    """Titles by language, as shares of those read."""
    most = max(languages.counts.values(), default=1)
    return [
        Bar(name.capitalize(), wording.share(n, languages.sampled), round(100 * n / most, 2))
        for name, n in languages.counts.items()
    ]


def chart_titles(titles: Titles) -> list[Bar]:
    """Shares of titles that hold an attribute."""
    if not titles.titles:
        return []
    found = {
        "a quantity, such as 500 ml": titles.with_quantity,
        "a model number or code": titles.with_model_number,
    }
    return [
        Bar(name, wording.share(n, titles.titles), round(100 * n / titles.titles, 2))
        for name, n in found.items()
    ]


def chart_terms(terms: Sequence[Term]) -> list[Bar]:
    """Terms by the number of titles that hold them."""
    return list(_bars((wording.shorten(term.text, SHOWN_TERM), term.titles) for term in terms))


def make_cloud(terms: Sequence[Term]) -> list[CloudWord]:
    """The most frequent words by alphabet; their areas grow with their numbers of titles."""
    shown = terms[:CLOUD_WORDS]
    if not shown:
        return []
    most, least = (math.sqrt(terms[0].titles), math.sqrt(shown[-1].titles))
    span = most - least or 1.0
    words = [
        CloudWord(
            wording.shorten(term.text, SHOWN_TERM),
            term.titles,
            round(SMALLEST + (LARGEST - SMALLEST) * (math.sqrt(term.titles) - least) / span, 2),
        )
        for term in shown
    ]
    return sorted(words, key=lambda word: word.text)


def _bars(rows: Iterable[tuple[str, int]]) -> Iterator[Bar]:
    """Labelled counts, the greatest as wide as there is room."""
    counted = list(rows)
    most = max((n for _, n in counted), default=1) or 1
    for label, n in counted:
        yield Bar(label, wording.count(n), round(100 * n / most, 2))
