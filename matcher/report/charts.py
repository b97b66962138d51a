"""The figures behind the charts; the template draws them as SVG and HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.fusion import ACCEPTED
from matcher.report import wording
from matcher.results import MatchResult
from matcher.types import Bool, Clusters, Float32, Int64

FINE, COARSE = 0.025, 0.05
STEP = 0.25
SIZE_BOUNDS = (2, 3, 4, 5, 6, 11, 21, 51, 101, 501)
ONE_PRODUCT, OTHERS = "same product", "different products"
NOT_LABELLED = "different products, or not labelled"


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores from ``start`` up to ``end``: how many, and how tall that is drawn, in percent.

    Pairs known to be wrong are counted in ``n_down`` and drawn below the axis, all others in
    ``n_up`` and above it.
    """

    start: float
    end: float
    n_up: int
    n_down: int
    up: float
    down: float


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
        y_ticks: Counts, upwards from the axis.
        line: Where 0.5 lies, in percent; None leaves the line out.
        legend: Names of what stands above and below the axis; empty if nothing is below.
        log_scale: Whether heights are logarithms, so that one pair shows beside a million.
    """

    title: str
    summary: str
    bins: tuple[Bin, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
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
    scores, truth = result.candidate_scores, result.candidate_truth
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
        summary = (
            f"Half of {wording.plural(int(has.sum()), 'accepted pair')} score "
            f"{wording.score(float(np.median(values[has])))} or more."
        )
        if not has.all():
            summary += f" {wording.count(n_pairs - int(has.sum()))} pairs have no such score."
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
    """Whether each accepted pair is known to be of one product; None without labels."""
    groups = result.listings.groups
    other = (result.right_listings or result.listings).groups
    if groups is None or other is None:
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
    edges = low + width * np.arange(n_bins + 1)
    inside = np.clip(np.asarray(scores, np.float64), low, 1)
    # A float32 score may lie a rounding error below the bound it stands for.
    bins = np.minimum(((inside - low) / width + 1e-5).astype(np.int64), n_bins - 1)
    up = np.bincount(bins if truth is None else bins[truth], minlength=n_bins)
    down = np.bincount(bins[:0] if truth is None else bins[~truth], minlength=n_bins)
    most = int(max(up.max(), down.max()))
    return Histogram(
        title=title,
        summary=summary,
        bins=tuple(_bins(edges, up, down, most, log_scale)),
        x_ticks=tuple(_score_ticks(low)),
        y_ticks=tuple(_count_ticks(most, log_scale)),
        line=line,
        legend=legend,
        log_scale=log_scale,
    )


def _bins(
    edges: Float32, up: Int64, down: Int64, most: int, log_scale: bool
) -> Iterator[Bin]:
    rows = zip(edges[:-1].tolist(), edges[1:].tolist(), up.tolist(), down.tolist(), strict=True)
    for start, end, n_up, n_down in rows:
        heights = (_height(n_up, most, log_scale), _height(n_down, most, log_scale))
        yield Bin(round(start, 3), round(end, 3), n_up, n_down, *heights)


def _height(n: int, most: int, log_scale: bool) -> float:
    """Height in percent of the tallest bar."""
    part = math.log1p(n) / math.log1p(most) if log_scale else n / most
    return round(100 * part, 2)


def _score_ticks(low: float) -> Iterator[Tick]:
    """Scores from ``low``, a multiple of ``STEP``, to 1."""
    step = STEP if low >= -STEP else 2 * STEP
    for i in range(math.ceil(low / step), round(1 / step) + 1):
        yield Tick(round(100 * (i * step - low) / (1 - low), 2), f"{i * step:g}")


def _count_ticks(most: int, log_scale: bool) -> Iterator[Tick]:
    """Powers of ten on a log scale, else the top alone; no more than four."""
    if not log_scale:
        yield Tick(100.0, wording.count(most))
        return
    powers = range(int(math.log10(most)) + 1)
    for power in powers[:: math.ceil(len(powers) / 4)]:
        yield Tick(_height(10**power, most, log_scale), wording.count(10**power))


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
