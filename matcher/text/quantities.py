"""Quantities as sellers write them, brought to one spelling: "150 ml", "150ML" and "0.15 L" agree.

Only units that name an amount of the product are known: volume, mass, length, storage,
electrical ratings and counts, in English and Indonesian spellings.

Why a grammar of our own: pint 0.25 reads no free text, and quantulum3 0.10 takes "500 gr" for
gross, "4/64GB" for a sixteenth of a gigabyte, "3,5 kg" for 5 kg and "1.000ml" for one millilitre.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod

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
        [
            *("pcs", "pc", "pce", "pieces", "piece", "buah", "lembar", "lbr", "biji", "butir"),
            *("tablet", "tablets", "kaplet", "kapsul", "capsule", "capsules", "softgel"),
            *("softgels", "sachet", "sachets", "saset", "sheet", "sheets"),
        ],
        ("pcs", 1),
    ),
    **dict.fromkeys(["lusin", "lsn", "dozen"], ("pcs", 12)),
    **dict.fromkeys(["kodi"], ("pcs", 20)),
    **dict.fromkeys(["pasang", "pair", "pairs", "psg"], ("pair", 1)),
}
# Kept unit -> what it measures. Units of one kind can be compared.
DIMENSIONS = {
    "ml": "volume",
    **dict.fromkeys(["g", "oz", "lb"], "mass"),
    **dict.fromkeys(["mm", "inch", "ft", "yard"], "length"),
    "gb": "storage",
    "mah": "charge",
    "w": "power",
    "v": "voltage",
    "mp": "resolution",
    "mhz": "frequency",
    "pcs": "count",
    "pair": "pair count",
}
# Imperial unit kept as it came -> metric unit it can be compared with, and factor.
METRIC = {
    "oz": ("g", 28.349523),
    "lb": ("g", 453.59237),
    "inch": ("mm", 25.4),
    "ft": ("mm", 304.8),
    "yard": ("mm", 914.4),
}
# A cubic centimetre of "1.000 ml" is nobody's product: a dot before three digits groups thousands.
_GROUPED = {"ml", "cc", "g", "gr", "gram", "grams", "mg", "mah", "mm", "w", "watt"}
_PACKED = {"ml", "g", "oz", "lb", "pcs"}  # "2 x 75 ml" is a pack; "10 x 20 cm" is a size
LENGTHS = tuple(u for u, kept in UNITS.items() if DIMENSIONS[kept[0]] == "length")
_RAM = r"(1|2|3|4|6|8|12|16|18|24)"


def any_of(units: Iterable[str]) -> str:
    """Pattern of any of these units, the longest first."""
    return "|".join(sorted(map(re.escape, units), key=lambda unit: (-len(unit), unit)))


SIMPLE_NUMBER = r"\d+(?:[.,]\d+)*"
_NUMBER = rf"\d{{1,2}}\s+\d/\d{{1,2}}|\d+/\d+|{SIMPLE_NUMBER}"
WORD_END = r"(?![^\W\d]|\d)"  # a unit ends where the word does
_START = r"(?<![\w.,])(?<!\d/)"
_AMOUNT = re.compile(rf"{_START}({_NUMBER})\s*(?:({any_of(UNITS)}){WORD_END})")
_PORTION = any_of(u for u, kept in UNITS.items() if kept[0] in _PACKED)
_WEIGHED = any_of(u for u, kept in UNITS.items() if kept[0] in _PACKED - {"pcs"})
_LENGTHS = any_of(LENGTHS)
_PACK = re.compile(
    r"(?<![\w.,/-])(\d{1,3}(?:\s*[x×]\s*\d{1,3})?)\s*[x×]\s*"  # noqa: RUF001
    rf"(?=(?:{_NUMBER})\s*(?:{_PORTION}){WORD_END})"
)
_PACK_BEHIND = re.compile(
    rf"{_START}(?<![^\W\d]-)((?:{SIMPLE_NUMBER})\s*(?:{_WEIGHED}))\s*[x×]\s*(\d{{1,3}})"  # noqa: RUF001
    rf"(?![\w/]|[.,]\d|\s*(?:[x×]|(?:{any_of(UNITS)}){WORD_END}))"  # noqa: RUF001
)
_RANGE = re.compile(
    rf"(?<![\w.,/-])({SIMPLE_NUMBER})(?:\s*(?:-|–|~|s/d|sampai)\s*(?=(?:{SIMPLE_NUMBER})\s*(?:{_LENGTHS}){WORD_END})"  # noqa: RUF001
    rf"|-)({SIMPLE_NUMBER})\s*({any_of(UNITS)}){WORD_END}"
)
_ALTERNATIVES = re.compile(
    rf"(?<![\w.,/-])({SIMPLE_NUMBER}(?:\s*/\s*{SIMPLE_NUMBER})+)\s*({any_of(UNITS)}){WORD_END}"
)
_HALVES = (2, 3, 4, 8, 16)  # "3/4 kg" is a part of one; "50/100 ml" is one or the other
_MEMORY = re.compile(
    rf"(?<![\w.,/-]){_RAM}\s*(?:gb)?\s*[/+]\s*(?:(8|16|32|64|128|256|512)\s*gb(?!\w)"
    r"|(32|64|128|256|512)(?![\w/]|[.,-]\d|\s*(?:\"|inch|cm|mm)))"
)
_COUNT = re.compile(r"\bisi\s*(\d{1,4})(?!\d*[.,/]\d|\d|\s*[^\W\d])|\b(\d{1,4})'s\b")
_WORDED = {
    re.compile(rf"\bsetengah(?=\s+(?:{any_of(UNITS)}){WORD_END})"): "1/2",
    re.compile(rf"\bseperempat(?=\s+(?:{any_of(UNITS)}){WORD_END})"): "1/4",
    re.compile(r"\bsepasang\b"): "1pair",
    re.compile(r"(?<!\d)(?<!\d )(?:\bper\s+lusin|\bselusin|\blusinan|\ba dozen)\b"): "12pcs",
}
_WORDS = ("setengah", "seperempat", "sepasang", "lusin", "dozen")  # of the patterns above
_BETWEEN = ("-", "–", "~", "s/d", "sampai")  # noqa: RUF001
_DIGIT = re.compile(r"\d")
_CANONICAL = re.compile(rf"(?<!\S)\d+(?:\.\d+)?(?:{any_of(DIMENSIONS)})(?!\S)")
_PARTS = re.compile(rf"(?<!\S)(\d+(?:\.\d+)?)({any_of(DIMENSIONS)})(?!\S)")


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
    text = text.replace("\u2044", "/")  # what NFKC makes of a half's slash
    if any(word in text for word in _WORDS):
        for pattern, amount in _WORDED.items():
            text = pattern.sub(f" {amount} ", text)
    if not _DIGIT.search(text):
        return text
    # A pattern that cannot match is not tried: half of the time of cleaning titles.
    if "/" in text or "+" in text:
        text = _MEMORY.sub(lambda m: f" {m[1]}gb {m[2] or m[3]}gb ", text)
        text = _ALTERNATIVES.sub(_each, text)
    if "isi" in text or "'s" in text:
        text = _COUNT.sub(lambda m: f" {int(m[1] or m[2])}pcs ", text)
    if "x" in text or "×" in text:  # noqa: RUF001
        text = _PACK_BEHIND.sub(r"\1 \2pcs ", text)
        text = _PACK.sub(lambda m: f" {prod(map(int, re.findall(r'[0-9]+', m[1])))}pcs ", text)
    if any(sign in text for sign in _BETWEEN):
        text = _RANGE.sub(_both_ends, text)
    return _AMOUNT.sub(_rewrite, text)


def find_quantities(text: str) -> list[str]:
    """Return the amounts of a text that ``normalize_quantities`` has been through.

    Example:
        >>> find_quantities(normalize_quantities("kopi 1 kg isi 3pcs"))
        ['1000g', '3pcs']
    """
    return _CANONICAL.findall(text)


def find_totals(text: str) -> list[str]:
    """Return what packs amount to: each volume and mass times each count of more than one.

    Args:
        text: A text that ``normalize_quantities`` has been through.

    Example:
        >>> find_totals(normalize_quantities("susu 2 x 75 ml"))
        ['150ml']
    """
    amounts = [(float(number), unit) for number, unit in _PARTS.findall(text)]
    counts = [number for number, unit in amounts if unit == "pcs" and number > 1]
    portions = [amount for amount in amounts if amount[1] in _PACKED - {"pcs"}]
    return [f"{number * n:.10g}{unit}" for number, unit in portions for n in counts]


def _rewrite(match: re.Match[str]) -> str:
    """One amount, spelled the one way."""
    unit, factor = UNITS[match[2]]
    number = parse_number(match[1], grouped=match[2] in _GROUPED)
    return match[0] if number is None else f" {number * factor:.10g}{unit} "


def _both_ends(match: re.Match[str]) -> str:
    """The two ends of "10-12 cm", with a unit each; what does not ascend is no range."""
    low, high = (parse_number(match[i], grouped=match[3] in _GROUPED) for i in (1, 2))
    if low is None or high is None or low >= high:
        return match[0]
    return f" {match[1]}{match[3]} {match[2]}{match[3]} "


def _each(match: re.Match[str]) -> str:
    """The alternatives of "50/100 ml", with a unit each; a fraction as it is."""
    parts = [part.strip() for part in match[1].split("/")]
    whole = UNITS[match[2]]
    if len(parts) == 2 and whole not in (("pcs", 1), ("gb", 1)) and all(map(str.isdecimal, parts)):
        over, under = map(int, parts)
        if under == 0 or (over < under and under in _HALVES):
            return match[0]
    return "".join(f" {part}{match[2]} " for part in parts)


def parse_number(number: str, grouped: bool) -> float | None:
    """Read "1/2", "1 1/2", "4,5", "1.000"; None for what is no number ("1.2.3", "3/0")."""
    if "/" in number:
        *whole, over, under = (int(part) for part in re.split(r"[\s/]+", number))
        return sum(whole) + over / under if under else None
    if grouped and re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", number):
        return float(re.sub("[.,]", "", number))
    parts = re.split("[.,]", number)
    return float(".".join(parts)) if len(parts) <= 2 else None
