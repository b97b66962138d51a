"""The figures behind the charts; templates draw them as SVG, with a table beside each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matcher.report import wording

SIZE_BOUNDS = (1, 2, 3, 4, 5, 6, 11, 21, 51, 101)
BIN = 0.05
N_BINS = 20
# A graph of more listings is a ball of wool; the table says it better.
MAX_NODES = 24
SIDE, MARGIN = 320.0, 26.0


@dataclass(frozen=True, slots=True)
class Meter:
    """A score as a bar, in percent of its whole length.

    Attributes:
        name: What was scored.
        score: In [-1, 1].
        width: Length of the bar; 0 for a score below 0.
        high: Whether it reaches the bound; True where there is none.
    """

    name: str
    score: float
    width: float
    high: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled count, ``width`` percent of the longest."""

    label: str
    count: int
    width: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Edges whose scores lie from ``start`` up to ``end``; ``height`` in percent."""

    start: float
    end: float
    count: int
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many edges have which score.

    Attributes:
        bins: From 0 to 1, all of them.
        top: Count that the chart's height stands for.
        summary: What one sees, for those who do not see it.
    """

    bins: tuple[Bin, ...]
    top: int
    summary: str


@dataclass(frozen=True, slots=True)
class Node:
    """A listing in a graph: its number from 1, and where it stands."""

    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """An edge of a graph."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    high: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """Listings on a circle, and the edges between them, strongest on top.

    Attributes:
        nodes: The listings.
        lines: The edges.
        view: What the drawing takes up: left, top, width and height.
    """

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    view: str


def meter(name: str, score: float, bound: float | None = None) -> Meter:
    """Draw a score; one that is no number is drawn as 0."""
    known = score if math.isfinite(score) else 0.0
    width = round(100 * min(max(known, 0.0), 1.0), 1)
    return Meter(name, score, width, bound is None or known >= bound)


def chart_sizes(sizes: Mapping[int, int]) -> list[Bar]:
    """How many clusters there are of each size, large sizes put together."""
    ends = [bound - 1 for bound in SIZE_BOUNDS[1:]] + [None]
    counts = []
    for start, end in zip(SIZE_BOUNDS, ends, strict=True):
        inside = [n for size, n in sizes.items() if size >= start and (end is None or size <= end)]
        label = f"{start}" if end == start else f"{start} or more" if end is None else None
        counts.append((label or f"{start} to {end}", sum(inside)))
    return make_bars([(label, n) for label, n in counts if n])


def make_bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Bars of some counts, in their order."""
    longest = max((n for _, n in counts), default=0)
    return [Bar(label, n, round(100 * n / max(longest, 1), 2)) for label, n in counts]


def chart_scores(scores: Sequence[tuple[float, int]]) -> Histogram | None:
    """Histogram of the scores of edges, by the lower bound of their bin; None without any."""
    counts = [0] * N_BINS
    for start, n in scores:
        counts[min(max(round(start / BIN), 0), N_BINS - 1)] += n
    total, top = sum(counts), max(counts)
    if not total:
        return None
    high = sum(counts[N_BINS // 2 :])
    bins = tuple(
        Bin(round(BIN * i, 2), round(BIN * (i + 1), 2), n, round(100 * n / top, 2))
        for i, n in enumerate(counts)
    )
    told = f"{wording.plural(total, 'edge')}; {wording.share(high, total)} score 0.5 or more."
    return Histogram(bins, top, told)


def draw_graph(ids: Sequence[str], edges: Sequence[tuple[str, str, float]]) -> Graph | None:
    """Draw a cluster; None where it is too large to see anything, or has no edges."""
    if not edges or not 3 <= len(ids) <= MAX_NODES:
        return None
    places: dict[str, Node] = {}
    for i, id in enumerate(ids):
        angle = 2 * math.pi * i / len(ids) - math.pi / 2
        reach = SIDE / 2 - MARGIN
        x, y = SIDE / 2 + reach * math.cos(angle), SIDE / 2 + reach * math.sin(angle)
        places[id] = Node(i + 1, round(x, 1), round(y, 1))
    lines = []
    for left, right, score in sorted(edges, key=lambda edge: edge[2]):
        if left in places and right in places:
            a, b = places[left], places[right]
            width = round(1 + 4 * min(max(score, 0.0), 1.0), 2)
            lines.append(Line(a.x, a.y, b.x, b.y, width, score >= 0.5))
    return Graph(tuple(places.values()), tuple(lines), _view(list(places.values())))


def _view(nodes: Sequence[Node]) -> str:
    """The whole width, and no more height than the nodes need."""
    top, bottom = min(n.y for n in nodes) - MARGIN, max(n.y for n in nodes) + MARGIN
    return f"0 {top:.1f} {SIDE:g} {bottom - top:.1f}"
