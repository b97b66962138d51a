"""How long titles are: a few figures and a histogram that one endless title cannot flatten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from matcher.types import Int64

MOST_BINS = 32
# The last bin takes what lies above this quantile, so that the others show the bulk.
BULK = 0.995
WIDTHS = tuple(step * 10**power for power in range(8) for step in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class LengthBin:
    """Titles whose length lies from ``start`` to ``end``, both included."""

    start: int
    end: int
    titles: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of the titles, in characters or in words.

    Attributes:
        shortest: The least.
        median: Middle one; the mean of the two middle ones where their number is even.
        mean: Average.
        percentile_95: 95 of 100 titles are at most this long.
        longest: The most.
        bins: Histogram from the shortest to the longest; all bins are of one width but the
            last, which takes the rest.
    """

    shortest: int
    median: float
    mean: float
    percentile_95: int
    longest: int
    bins: tuple[LengthBin, ...]


def describe_lengths(lengths: Sequence[int], titles: Sequence[int]) -> Lengths | None:
    """Sum up lengths.

    Args:
        lengths: Lengths that occur, at least 0.
        titles: How many titles have each, at least 1; as many as ``lengths``.

    Returns:
        None where there are no titles.

    Example:
        >>> describe_lengths([2, 9], [3, 1]).bins[0]
        LengthBin(start=2, end=2, titles=3)
    """
    if not len(lengths):
        return None
    values = np.repeat(np.asarray(lengths, np.int64), np.asarray(titles, np.int64))
    return Lengths(
        shortest=int(values.min()),
        median=float(np.median(values)),
        mean=round(float(values.mean()), 2),
        percentile_95=int(np.quantile(values, 0.95, method="inverted_cdf")),
        longest=int(values.max()),
        bins=tuple(_bins(values)),
    )


def _bins(values: Int64) -> list[LengthBin]:
    """Count lengths in bins whose borders are round numbers."""
    low, high = int(values.min()), int(values.max())
    bulk = int(np.quantile(values, BULK, method="inverted_cdf"))
    width = next(w for w in WIDTHS if bulk // w - low // w < MOST_BINS)
    borders = [*range(low // width * width, bulk + 1, width)]
    borders.append(max(borders[-1] + width, high + 1))
    counts = np.histogram(values, borders)[0].tolist()
    spans = zip(pairwise(borders), counts, strict=True)
    return [LengthBin(start, after - 1, n) for (start, after), n in spans]
