"""Model numbers and article codes in titles: "KD-55X9005C", "g950f", "1163641"."""

from __future__ import annotations

import re
from itertools import pairwise

from matcher.text.dimensions import find_dimensions
from matcher.text.quantities import find_quantities

_CODE = re.compile(r"[^\W_](?:[\w/.+-]*[^\W_])?")
_JOINTS = re.compile(r"[-/._+]")
_RATING = re.compile(r"\d+(?:\.\d+)?(?:[a-z]{1,3})|\d+(?:x|in)\d+")
MIN_LENGTH = 4
MIN_DIGITS = 5
MAX_SERIES_NAME = 4
MIN_SERIES_NUMBER = 3


def find_model_numbers(text: str) -> list[str]:
    """Return the words of a cleaned title that look like a maker's code.

    A code mixes letters and digits and has at least four characters once hyphens and
    slashes are dropped, or is a number of at least five digits. A short series name and the
    number behind it ("ch 936") make a code as well. Amounts ("64gb"), dimensions ("10x20 cm")
    and short ratings ("5mp", "1080p", "4x4", "2in1") are no codes.

    Args:
        text: Lower-cased title that ``normalize_quantities`` has been through.

    Example:
        >>> find_model_numbers("sony kd-55x9005c 55inch 4k tv")
        ['kd55x9005c', 'sonykd55x9005c']
        >>> find_model_numbers("velora charger ch 936")
        ['ch936']
    """
    amounts = {*find_quantities(text), *find_dimensions(text)}
    found = _CODE.findall(text)
    words = ["" if word in amounts else _JOINTS.sub("", word) for word in found]
    series = [first + second for first, second in pairwise(words) if _is_series(first, second)]
    return [word for word in words + series if _is_code(word)]


def _is_series(first: str, second: str) -> bool:
    """Whether two words may be a series name and a number in it."""
    numbered = len(second) >= MIN_SERIES_NUMBER and any(c.isdigit() for c in second)
    return numbered and first.isalpha() and len(first) <= MAX_SERIES_NAME


def _is_code(word: str) -> bool:
    """Whether a bare word is a maker's code."""
    if word.isdecimal():
        return len(word) >= MIN_DIGITS
    mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return mixed and len(word) >= MIN_LENGTH and not _RATING.fullmatch(word)
