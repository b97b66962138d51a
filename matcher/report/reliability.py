"""One HTML file that shows how far the probabilities of a pair model are true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.fusion._reliability import Reliability
from matcher.report import wording
from matcher.report.html import _environment
from matcher.report.summary import Tile
from matcher.types import Float64

TEMPLATE = "reliability.html.j2"
FEW = 30  # pairs: the share of matches among fewer says little
ERRORS = 3  # standard errors beyond which a difference is called more than chance
# The diagram in units of its own: a square, and bars of counts below it.
LEFT, TOP, SIDE = 56, 16, 400
BARS_TOP, BARS_HEIGHT = 476, 72


@dataclass(frozen=True, slots=True)
class Point:
    """One bin with pairs in it, as the diagram and the table show it.

    Attributes:
        span: Its probabilities, in words.
        n_pairs: Number of pairs.
        brief: The same in at most five characters.
        values: Mean probability, share of matches and their difference, in words.
        few: Whether they are so few that their share of matches says little.
        x: Place of the mean probability.
        y: Height of the share of matches.
        ideal: Height at which it would equal the mean probability.
        bar: Left end of the bar of counts.
        height: Its height, on a log scale.
    """

    span: str
    n_pairs: int
    brief: str
    values: tuple[str, ...]
    few: bool
    x: float
    y: float
    ideal: float
    bar: float
    height: float


def render_reliability(reliability: Reliability, name: str, told: Sequence[str] = ()) -> str:
    """Write the page; like that of ``render_report`` it needs neither scripts nor a network.

    Args:
        reliability: What to show.
        name: What to call the config that holds the pair model.
        told: What else to say of it, a sentence or two each.

    Returns:
        HTML, to be saved as UTF-8.
    """
    n = int(reliability.n_pairs.sum())
    context: dict[str, Any] = {
        "name": name,
        "headline": f"Probabilities are off by {_figure(reliability.error)} on average",
        "tiles": _tiles(reliability, n),
        "points": list(_points(reliability)),
        "told": told,
        "lines": describe(reliability),
        "n_pairs": n,
        "few": FEW,
        "frame": {"left": LEFT, "top": TOP, "side": SIDE, "bars": BARS_TOP, "deep": BARS_HEIGHT},
        "width": SIDE / len(reliability.predicted),
    }
    return _environment().get_template(TEMPLATE).render(context)


def describe(reliability: Reliability) -> list[str]:
    """Say in sentences what the diagram shows."""
    n, share = int(reliability.n_pairs.sum()), _share_of_matches(reliability)
    sure = int(reliability.n_pairs[[0, -1]].sum())
    bins = len(reliability.predicted)
    return [
        f"It shows {wording.plural(n, 'labelled pair')}, {wording.share(round(share * n), n)} of "
        "them matches. Each was judged by models that were not trained on it.",
        f"The calibration error is {_figure(reliability.error)}: so far is the mean "
        f"probability of a bin from its share of matches, on average over the pairs. 0 is perfect.",
        f"The Brier score is {_figure(reliability.brier)}, the mean squared difference "
        "between probability and truth. 0 is perfect; giving every pair the share of all matches "
        f"would come to {_figure(share * (1 - share))}.",
        f"{wording.share(sure, n)} of the pairs lie below {1 / bins:g} or from {1 - 1 / bins:g} "
        "on, where the model is sure.",
        *_furthest_off(reliability),
        "All this holds for pairs found and labelled as these were. In a catalogue many times as "
        "large more listings look alike, and fewer pairs of a given probability are matches.",
    ]


def _furthest_off(reliability: Reliability) -> Iterator[str]:
    """The bin with the largest difference, and whether that is more than chance."""
    enough = np.flatnonzero((reliability.n_pairs >= FEW) & (reliability.weight > 0))
    if not enough.size:
        yield f"No bin has {FEW} pairs or more: label more pairs before relying on the diagram."
        return
    gaps = reliability.predicted - reliability.observed
    worst = int(enough[np.argmax(np.abs(gaps[enough]))])
    n, predicted = int(reliability.n_pairs[worst]), float(reliability.predicted[worst])
    gap = float(gaps[worst])
    error = ERRORS * float(np.sqrt(predicted * (1 - predicted) / n))
    verdict = "more than" if abs(gap) > error else "no more than"
    yield (
        f"Of the bins with {FEW} pairs or more, the one from {_span(reliability, worst)} is "
        f"furthest off: its {wording.plural(n, 'pair')} have a mean probability of "
        f"{predicted:.3f}, and {reliability.observed[worst]:.3f} of them are matches. The "
        f"probabilities there are too {'high' if gap > 0 else 'low'} by "
        f"{_figure(abs(gap))}, {verdict} chance would do to as many independent "
        f"pairs ({ERRORS} standard errors: {error:.3f})."
    )


def _figure(value: float) -> str:
    return "under 0.001" if 0 < value < 0.001 else f"{value:.3f}"


def _share_of_matches(reliability: Reliability) -> float:
    some = reliability.weight > 0
    return float(np.average(reliability.observed[some], weights=reliability.weight[some]))


def _tiles(reliability: Reliability, n: int) -> list[Tile]:
    """The figures at the top of the page."""
    share = _share_of_matches(reliability)
    return [
        Tile("Calibration error", _figure(reliability.error), "0 is perfect"),
        Tile(
            "Brier score",
            _figure(reliability.brier),
            f"0 is perfect; {_figure(share * (1 - share))} without a model",
        ),
        Tile("Labelled pairs", wording.count(n), f"{wording.share(round(share * n), n)} matches"),
    ]


def _points(reliability: Reliability) -> Iterator[Point]:
    """The bins that hold pairs, from the lowest probability to the highest."""
    heights = np.log1p(reliability.n_pairs) / max(np.log1p(reliability.n_pairs.max()), 1e-9)
    bins = len(heights)
    for place in np.flatnonzero(reliability.weight > 0).tolist():
        n = int(reliability.n_pairs[place])
        predicted = float(reliability.predicted[place])
        observed = float(reliability.observed[place])
        yield Point(
            span=_span(reliability, place),
            n_pairs=n,
            brief=_brief(n),
            values=(f"{predicted:.3f}", f"{observed:.3f}", f"{observed - predicted:+.3f}"),
            few=n < FEW,
            x=round(LEFT + SIDE * predicted, 2),
            y=_height(observed),
            ideal=_height(predicted),
            bar=round(LEFT + SIDE * place / bins, 2),
            height=round(BARS_HEIGHT * float(heights[place]), 2),
        )


def _height(share: float) -> float:
    return round(TOP + SIDE * (1 - share), 2)


def _span(reliability: Reliability, place: int) -> str:
    edges: Float64 = np.round(np.linspace(0, 1, len(reliability.predicted) + 1), 4)
    return f"{edges[place]:g} to {edges[place + 1]:g}"


def _brief(n: int) -> str:
    """A count in at most five characters: 9,999, then 10k, then 1.2M."""
    if n < 10_000:
        return wording.count(n)
    return f"{n // 1000}k" if n < 1_000_000 else f"{n / 1e6:.1f}M"
