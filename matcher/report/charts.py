"""The figures behind the charts; the template draws them as SVG and HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.fusion import ACCEPTED
from matcher.report import wording
from matcher.results import MatchResult
from matcher.types import Bool, Clusters, Float32, Float64, Int64

# Two steps of a 64-bit hash make a coarse bin; one step would leave gaps between bars.
FINE, COARSE = 0.025, 0.0625
STEP = 0.25
SIZE_BOUNDS = (2, 3, 4, 5, 6, 11, 21, 51, 101, 501)
ONE_PRODUCT, OTHERS = "same product", "different products"
NOT_LABELLED = "different products, or not labelled"


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs whose scores lie from ``start`` up to ``end``.

    Attributes:
        start: Lowest score, included.
        end: Bound above, left out unless it is 1.
        n_up: Pairs drawn above the axis: those of one product, or all without labels.
        n_down: Pairs drawn below it.
        up: Height above the axis in percent of the chart.
        down: Height below it.
    """

    start: float
    end: float
    n_up: int
    n_down: int
    up: float
    down: float

    @property
    def span(self) -> str:
        """The scores, in words."""
        return f"{self.start:g} to {self.end:g}"


@dataclass(frozen=True, slots=True)
class Tick:
    """A label beside an axis, ``at`` percent of its length."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many pairs have which score.

    Attributes:
        title: Heading.
        summary: What one sees, in a sentence or two, for those who do not see it.
        bins: From the lowest score to the highest.
        x_ticks: Scores along the axis.
        y_ticks: Counts, from the bottom.
        zero: Where the axis lies, in percent from the top.
        line: Where 0.5 lies, in percent; None leaves the line out.
        legend: Names of what stands above and below the axis; empty if nothing is below.
        log_scale: Whether heights are logarithms, so that one pair shows beside a million.
    """

    title: str
    summary: str
    bins: tuple[Bin, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zero: float
    line: float | None = None
    legend: tuple[str, ...] = ()
    log_scale: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled amount, drawn ``width`` percent wide."""

    label: str
    value: str
    width: float


def chart_candidates(result: MatchResult) -> Histogram | None:
    """Fused scores of all candidate pairs; None where there are none."""
    scores = result.candidate_scores
    truth = result.candidate_truth if true_pairs(result) is not None else None
    if not len(scores):
        return None
    reached = int((scores >= ACCEPTED).sum())
    summary = (
        f"Of {wording.plural(len(scores), 'candidate pair')}, {wording.count(reached)} "
        f"({wording.share(reached, len(scores))}) reach {ACCEPTED}."
    )
    if truth is not None:
        right = int((truth & (scores >= ACCEPTED)).sum())
        summary += (
            f" Of those, {wording.count(right)} ({wording.share(right, reached)}) are of one "
            f"product; below {ACCEPTED} it is {wording.count(int(truth.sum()) - right)} of "
            f"{wording.count(len(scores) - reached)}."
        )
    return _histogram(
        "Fused scores of the candidate pairs",
        summary,
        scores,
        truth,
        legend=_legend(result, truth),
        log_scale=True,
        line=100 * ACCEPTED,
    )


def chart_modalities(result: MatchResult) -> list[Histogram]:
    """Scores of the accepted pairs, one histogram a modality, all on the same axis."""
    truth = true_pairs(result)
    n_pairs = len(result.accepted)
    measured = {name: np.isfinite(values) for name, values in result.accepted.scores.items()}
    found = [v[measured[name]] for name, v in result.accepted.scores.items()]
    lowest = min((float(values.min()) for values in found if len(values)), default=0.0)
    low = max(min(0.0, math.floor(lowest / STEP) * STEP), -1.0)
    charts = []
    for name, values in result.accepted.scores.items():
        has = measured[name]
        if not has.any():
            continue
        middle = wording.score(float(np.median(values[has])))
        summary = f"Median {middle} of {wording.plural(int(has.sum()), 'accepted pair')}."
        if not has.all():
            summary += f" Missing for {wording.plural(n_pairs - int(has.sum()), 'pair')}."
        charts.append(
            _histogram(
                name,
                summary,
                values[has],
                None if truth is None else truth[has],
                low=low,
                width=COARSE,
                legend=_legend(result, truth),
            )
        )
    return charts


def true_pairs(result: MatchResult) -> Bool | None:
    """Whether each accepted pair is known to be of one product; None where there are no labels."""
    groups = result.listings.groups
    other = (result.right_listings or result.listings).groups
    if groups is None or other is None or not ((groups >= 0).any() and (other >= 0).any()):
        return None
    left, right = groups[result.accepted.left], other[result.accepted.right]
    return np.asarray((left == right) & (left >= 0), np.bool_)


def _legend(result: MatchResult, truth: Bool | None) -> tuple[str, ...]:
    """What stands above and below the axis."""
    if truth is None:
        return ()
    tables = [result.listings, result.right_listings or result.listings]
    known = all(t.groups is not None and (t.groups >= 0).all() for t in tables)
    return ONE_PRODUCT, OTHERS if known else NOT_LABELLED


def _histogram(
    title: str,
    summary: str,
    scores: Float32,
    truth: Bool | None,
    *,
    low: float = 0.0,
    width: float = FINE,
    legend: tuple[str, ...] = (),
    log_scale: bool = False,
    line: float | None = None,
) -> Histogram:
    """Count scores in bins of one width from ``low`` to 1; the last includes 1."""
    n_bins = round((1 - low) / width)
    edges = np.round(low + width * np.arange(n_bins + 1), 4)
    inside = np.clip(np.asarray(scores, np.float64), low, 1)
    # A float32 score may lie a rounding error below the bound it stands for.
    bins = np.minimum(((inside - low) / width + 1e-5).astype(np.int64), n_bins - 1)
    up = np.bincount(bins if truth is None else bins[truth], minlength=n_bins)
    down = np.bincount(bins[:0] if truth is None else bins[~truth], minlength=n_bins)
    heights, zero = _scale(up, down, log_scale)
    rows = zip(edges[:-1], edges[1:], up, down, *heights, strict=True)
    return Histogram(
        title=title,
        summary=summary,
        bins=tuple(Bin(*(value.item() for value in row)) for row in rows),
        x_ticks=tuple(_score_ticks(low)),
        y_ticks=tuple(_count_ticks(up, down, zero, log_scale)),
        zero=zero,
        line=line,
        legend=legend,
        log_scale=log_scale,
    )


def _scale(up: Int64, down: Int64, log_scale: bool) -> tuple[Float64, float]:
    """Heights of bars above and below the axis, in one scale that fills the chart; the axis."""
    values = np.stack([up, down]).astype(np.float64)
    values = np.log1p(values) if log_scale else values
    top, bottom = values.max(axis=1).tolist()
    heights = np.round(100 * values / (top + bottom), 2)
    return heights, round(100 * top / (top + bottom), 2)


def _score_ticks(low: float) -> Iterator[Tick]:
    """Scores from ``low``, a multiple of ``STEP``, to 1."""
    step = STEP if low >= -STEP else 2 * STEP
    for i in range(math.ceil(low / step), round(1 / step) + 1):
        yield Tick(round(100 * (i * step - low) / (1 - low), 2), f"{i * step:g}")


def _count_ticks(up: Int64, down: Int64, zero: float, log_scale: bool) -> Iterator[Tick]:
    """Counts both ways from the axis: powers of ten on a log scale, else the most alone."""
    for counts, share, sign in ((up, zero, 1), (down, 100 - zero, -1)):
        most = int(counts.max())
        if most:
            for n in _round_counts(most) if log_scale else [most]:
                part = math.log1p(n) / math.log1p(most) if log_scale else 1
                yield Tick(round(100 - zero + sign * share * part, 2), wording.count(n))


def _round_counts(most: int) -> list[int]:
    """At most four powers of ten, from 1 up to ``most``."""
    powers = range(int(math.log10(most)) + 1)
    return [10**power for power in powers[:: math.ceil(len(powers) / 4)]]


def chart_sizes(clusters: Clusters) -> list[Bar]:
    """How many clusters of two or more there are of each size."""
    sizes = np.bincount(clusters.labels)
    sizes = sizes[sizes > 1]
    if not len(sizes):
        return []
    place = np.searchsorted(SIZE_BOUNDS, sizes, side="right") - 1
    counts = np.bincount(place)
    return list(_bars(list(_size_labels(len(counts))), counts.tolist()))


def _size_labels(n: int) -> Iterator[str]:
    """Names of the first ``n`` size classes."""
    for start, after in zip(SIZE_BOUNDS[:n], [*SIZE_BOUNDS[1:], None][:n], strict=True):
        if after is None:
            yield f"{start} or more"
        elif after == start + 1:
            yield str(start)
        else:
            yield f"{start} to {after - 1}"


def chart_seconds(seconds: Mapping[str, float]) -> list[Bar]:
    """How long each step took."""
    longest = max(seconds.values(), default=0) or 1
    return [Bar(name, f"{s:,.1f} s", round(100 * s / longest, 2)) for name, s in seconds.items()]


def _bars(labels: Sequence[str], counts: Sequence[int]) -> Iterator[Bar]:
    for label, n in zip(labels, counts, strict=True):
        yield Bar(label, wording.count(n), round(100 * n / max(counts), 2))
