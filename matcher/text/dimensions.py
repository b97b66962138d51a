"""Sides of things in titles: "10x20 cm", "10 x 20 x 5cm", "2m x 150cm", "180x200"."""

from __future__ import annotations

import re

from matcher.text.quantities import (
    LENGTHS,
    METRIC,
    SIMPLE_NUMBER,
    UNITS,
    WORD_END,
    any_of,
    parse_number,
)

BARE_SIDES = (10, 300)  # "180x200" is in centimetres; "4x4" and "1920x1080" are no sides
BARE_EDGES = (2, 300)  # of three
_TIMES = r"\s*[x×*]\s*"  # noqa: RUF001
_UNIT = rf"(?:\s*({any_of(LENGTHS)})(?![^\W\dx]))?"
_SIDE = rf"({SIMPLE_NUMBER}){_UNIT}"
_SIDES = re.compile(
    rf"(?<![\w.,/*-]){_SIDE}{_TIMES}{_SIDE}(?:{_TIMES}{_SIDE})?"
    rf"(?![^\W_]|[.,/-]\d|{_TIMES}\d|\s*(?:{any_of(UNITS)}){WORD_END})"
)
_CANONICAL = re.compile(r"(?<!\S)\d+(?:\.\d+)?(?:x\d+(?:\.\d+)?){1,2}mm(?!\S)")


def normalize_dimensions(text: str) -> str:
    """Rewrite lengths times lengths as one word, in millimetres, the shortest first.

    Args:
        text: Lower-cased title.

    Returns:
        The text with the sides of each thing set apart by spaces; all else as it came. Sides
        without any unit count as centimetres: two between 10 and 300, three between 2 and 300.

    Example:
        >>> normalize_dimensions("kotak 20 x 10 x 5cm")
        'kotak  50x100x200mm '
        >>> normalize_dimensions("tenda 2m x 150 cm, ban 4x4, susu 36 x 115 ml")
        'tenda  1500x2000mm , ban 4x4, susu 36 x 115 ml'
    """
    if not any(sign in text for sign in "x×*"):  # noqa: RUF001
        return text
    return _SIDES.sub(_rewrite, text)


def find_dimensions(text: str) -> list[str]:
    """Return the dimensions of a text that ``normalize_dimensions`` has been through."""
    return _CANONICAL.findall(text)


def _rewrite(match: re.Match[str]) -> str:
    """The sides of one thing, spelled the one way; what is none is left as it came."""
    numbers = [parse_number(n, grouped=False) for n in match.groups()[::2] if n]
    units = list(match.groups()[1::2])[: len(numbers)]
    sides = [number for number in numbers if number]
    low, high = BARE_SIDES if len(sides) == 2 else BARE_EDGES
    if len(sides) < len(numbers) or (any(units) and not units[-1]):  # "5 m x 2": two of them
        return match[0]
    if not any(units) and not all(low <= side <= high for side in sides):
        return match[0]
    unit, lengths = units[-1] or "cm", []
    for side, own in zip(reversed(sides), reversed(units), strict=True):
        unit = own or unit
        lengths.append(side * _millimetres(unit))
    return f" {'x'.join(f'{length:.10g}' for length in sorted(lengths))}mm "


def _millimetres(unit: str) -> float:
    """How many there are in a unit of length."""
    kept, factor = UNITS[unit]
    return factor * METRIC.get(kept, ("mm", 1.0))[1]
