"""What the shipped encoders must reach, and the tables that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.weights_costs import (
    SIZE_IMAGE,
    SIZE_TITLE,
    SIZE_WHEEL,
    TITLES,
    WHEEL,
)
from benchmarks.weights_encoders import BASE, MINILM, MOBILENET, PHASH, RANDOM, Row
from benchmarks.weights_pictures import COPIES, GROCERY, HM
from benchmarks.weights_titles import FUSED, PRICERUNNER, SHOPEE, TFIDF, WITH_WORDS

TEACHERS = (MOBILENET, MINILM)
COLUMNS = ("measure", "base", "teacher", "random", "others", "gallery")


@dataclass(frozen=True, slots=True)
class Bar:
    """What one figure must be.

    Attributes:
        name: Short name.
        measure: Which figure.
        times: By other encoder, the share of its figure that is the least.
        above: Encoders whose figure must be passed.
        least: Lowest value allowed.
        most: Highest value allowed.
        of: Encoder whose figure it is.
    """

    name: str
    measure: str
    times: Mapping[str, float] = field(default_factory=dict)
    above: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    of: str = BASE

    def demands(self) -> str:
        """The bar in words."""
        parts = [f">= {share:g} x {name}" for name, share in self.times.items()]
        parts += [f"> {name}" for name in self.above]
        parts += [] if self.least is None else [f">= {self.least:g}"]
        parts += [] if self.most is None else [f"<= {self.most:g}"]
        return " and ".join(parts)

    def holds(self, values: Mapping[str, float]) -> bool | None:
        """Whether it is reached by the values of its measure, by encoder; None: not known."""
        own = values.get(self.of)
        if own is None or not {*self.times, *self.above} <= set(values):
            return None
        return all(
            (
                all(own >= share * values[name] for name, share in self.times.items()),
                all(own > values[name] for name in self.above),
                self.least is None or own >= self.least,
                self.most is None or own <= self.most,
            )
        )


BARS = (
    Bar("1a", GROCERY, {MOBILENET: 1.0}),
    Bar("2", f"{HM}top1", {MOBILENET: 0.9, RANDOM: 3.0}),
    Bar("2", f"{HM}top5", {MOBILENET: 0.9, RANDOM: 3.0}),
    Bar("3", COPIES, above=(MOBILENET, PHASH), least=0.95),
    Bar("4", SHOPEE, {MINILM: 1.0}),
    Bar("4", FUSED, above=(TFIDF,)),
    Bar("4", WITH_WORDS, above=(TFIDF,)),
    Bar("5", PRICERUNNER, {MINILM: 1.0}),
    Bar("6", TITLES, {MINILM: 3.0}),
    Bar("7", SIZE_IMAGE, most=10),
    Bar("7", SIZE_TITLE, most=12),
    Bar("7", SIZE_WHEEL, most=30, of=WHEEL),
)


def by_measure(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Figures by measure, then by encoder, in the order in which they came."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["measure"], {})[row["encoder"]] = row["value"]
    return found


def judge_bars(rows: Sequence[Row], bars: Sequence[Bar] = BARS) -> list[tuple[Bar, bool | None]]:
    """Each bar, and whether it is reached."""
    found = by_measure(rows)
    return [(bar, bar.holds(found.get(bar.measure, {}))) for bar in bars]


def bar_lines(rows: Sequence[Row]) -> Iterator[str]:
    """A line a bar, to be printed."""
    found, words = by_measure(rows), {True: "reached", False: "MISSED", None: "not measured"}
    for bar, holds in judge_bars(rows):
        values = found.get(bar.measure, {})
        own = show(values[bar.of]) if bar.of in values else "-"
        needed = (name for name in (*bar.times, *bar.above) if name in values)
        beside = ", ".join(f"{name} {show(values[name])}" for name in needed)
        told = f"{bar.demands()} ({beside})" if beside else bar.demands()
        yield f"{words[holds]:12}  {bar.name:2}  {bar.measure}: {own}, {told}"


def table_lines(rows: Sequence[Row], *, splits: bool) -> list[str]:
    """A line a measure; ``splits`` adds how each came about."""
    head = (*COLUMNS, "how") if splits else COLUMNS
    firsts = {row["measure"]: row for row in reversed(rows)}
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for measure, values in by_measure(rows).items():
        first = firsts[measure]
        gallery = f"{first['gallery']:,}" if first["gallery"] else ""
        cells = [measure, *_cells(values), gallery, *([first["split"]] if splits else [])]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def barred(rows: Sequence[Row]) -> list[Row]:
    """Rows of the measures that have a bar, in the order of the bars."""
    return [row for bar in BARS for row in rows if row["measure"] == bar.measure]


def show(value: float) -> str:
    """A figure with the digits that it deserves."""
    if value > 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value <= 1 else f"{value:.{2 if value < 10 else 1}f}"


def _cells(values: Mapping[str, float]) -> list[str]:
    """Figures of the shipped encoder, of its teacher, of random weights, and of others."""
    teacher = next((name for name in TEACHERS if name in values), None)
    own = next((name for name in (BASE, WHEEL) if name in values), None)
    rest = {k: v for k, v in values.items() if k not in (own, teacher, RANDOM)}
    return [
        f"**{show(values[own])}**" if own else "",
        f"{teacher} {show(values[teacher])}" if teacher else "",
        show(values[RANDOM]) if RANDOM in values else "",
        ", ".join(f"{name} {show(value)}" for name, value in rest.items()),
    ]
