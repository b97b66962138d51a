"""Quantities as sellers write them, brought to one spelling: "150 ml", "150ML" and "0.15 L" agree.

Only units that name an amount of the product are known: volume, mass, length, storage,
electrical ratings and piece counts, in English and Indonesian spellings.
"""

from __future__ import annotations

import re

# Unit as written -> (unit kept, factor). One unit is kept per physical dimension.
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(["ml", "mililiter", "milliliter", "millilitre", "cc"], ("ml", 1)),
    **dict.fromkeys(["cl"], ("ml", 10)),
    **dict.fromkeys(["l", "lt", "ltr", "liter", "litre", "liters", "litres"], ("ml", 1000)),
    **dict.fromkeys(["g", "gr", "grm", "gram", "grams", "gm"], ("g", 1)),
    **dict.fromkeys(["kg", "kilo", "kilogram", "kgs"], ("g", 1000)),
    **dict.fromkeys(["mg", "miligram", "milligram"], ("g", 0.001)),
    **dict.fromkeys(["oz", "ounce", "ounces"], ("oz", 1)),
    **dict.fromkeys(["lb", "lbs"], ("lb", 1)),
    **dict.fromkeys(["mm", "milimeter"], ("mm", 1)),
    **dict.fromkeys(["cm", "centimeter", "sentimeter"], ("mm", 10)),
    **dict.fromkeys(["m", "mtr", "meter", "metre", "meters", "metres"], ("mm", 1000)),
    **dict.fromkeys(["inch", "inches", "inci", '"', "''", "”"], ("inch", 1)),
    **dict.fromkeys(["ft", "feet"], ("ft", 1)),
    **dict.fromkeys(["yard", "yards", "yd"], ("yard", 1)),
    **dict.fromkeys(["gb", "gigabyte"], ("gb", 1)),
    **dict.fromkeys(["tb", "terabyte"], ("gb", 1000)),
    **dict.fromkeys(["mb", "megabyte"], ("gb", 0.001)),
    **dict.fromkeys(["mah"], ("mah", 1)),
    **dict.fromkeys(["w", "watt", "watts"], ("w", 1)),
    **dict.fromkeys(["kw"], ("w", 1000)),
    **dict.fromkeys(["v", "volt", "volts"], ("v", 1)),
    **dict.fromkeys(["mp", "megapixel"], ("mp", 1)),
    **dict.fromkeys(["ghz"], ("mhz", 1000)),
    **dict.fromkeys(["mhz"], ("mhz", 1)),
    **dict.fromkeys(
        ["pcs", "pc", "pce", "pieces", "piece", "buah", "lembar", "biji", "butir"], ("pcs", 1)
    ),
}
# A cubic centimetre of "1.000 ml" is nobody's product: a dot before three digits groups thousands.
_GROUPED = {"ml", "cc", "g", "gr", "gram", "grams", "mg", "mah", "mm", "w", "watt"}
_PACKED = {"ml", "g", "oz", "lb", "pcs"}  # "2 x 75 ml" is a pack; "10 x 20 cm" is a size
_NUMBER = r"\d+/\d+|\d+(?:[.,]\d+)*"
_UNIT = "|".join(sorted((re.escape(u) for u in UNITS), key=len, reverse=True))
_AMOUNT = re.compile(rf"(?<![\w.,/])({_NUMBER})\s*(?:({_UNIT})(?![^\W\d]|\d))")
_PORTION = "|".join(sorted((u for u, kept in UNITS.items() if kept[0] in _PACKED), key=len)[::-1])
_PACK = re.compile(
    rf"(?<![\w.,/-])(\d{{1,3}})\s*[x×]\s*(?=(?:{_NUMBER})\s*(?:{_PORTION})(?![^\W\d]|\d))"  # noqa: RUF001
)
_COUNT = re.compile(r"\bisi\s*(\d{1,4})(?!\d*[.,/]\d|\d|\s*[^\W\d])|\b(\d{1,4})'s\b")
_KEPT = "|".join(sorted({unit for unit, _ in UNITS.values()}, key=len, reverse=True))
_CANONICAL = re.compile(rf"(?<!\S)\d+(?:\.\d+)?(?:{_KEPT})(?!\S)")


def normalize_quantities(text: str) -> str:
    """Rewrite each amount in a lower-cased text as one word: number and kept unit.

    Args:
        text: Lower-cased title.

    Returns:
        The text with every amount set apart by spaces; all else is left as it came.

    Example:
        >>> normalize_quantities("susu uht 2 x 0,15 liter")
        'susu uht   2pcs   150ml '
        >>> normalize_quantities("gula 1/2 kg")
        'gula  500g '
    """
    text = _COUNT.sub(lambda m: f" {int(m[1] or m[2])}pcs ", text)
    return _AMOUNT.sub(_rewrite, _PACK.sub(r" \1pcs ", text))


def find_quantities(text: str) -> list[str]:
    """Return the amounts of a text that ``normalize_quantities`` has been through.

    Example:
        >>> find_quantities(normalize_quantities("kopi 1 kg isi 3pcs"))
        ['1000g', '3pcs']
    """
    return _CANONICAL.findall(text)


def _rewrite(match: re.Match[str]) -> str:
    """One amount, spelled the one way."""
    unit, factor = UNITS[match[2]]
    number = _parse(match[1], grouped=match[2] in _GROUPED)
    return match[0] if number is None else f" {number * factor:.10g}{unit} "


def _parse(number: str, grouped: bool) -> float | None:
    """Read "1/2", "4,5", "1.000"; None for what is no number ("1.2.3", "3/0")."""
    if "/" in number:
        over, under = (int(part) for part in number.split("/"))
        return over / under if under else None
    if grouped and re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", number):
        return float(re.sub("[.,]", "", number))
    parts = re.split("[.,]", number)
    return float(".".join(parts)) if len(parts) <= 2 else None
