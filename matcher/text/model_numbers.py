"""Model numbers and article codes in titles: "KD-55X9005C", "g950f", "1163641"."""

from __future__ import annotations

import re

from matcher.text.quantities import find_quantities

_CODE = re.compile(r"[^\W_](?:[\w/.+-]*[^\W_])?")
_JOINTS = re.compile(r"[-/._+]")
_RATING = re.compile(r"\d+(?:\.\d+)?(?:[a-z]{1,3})|\d+x\d+")
MIN_LENGTH = 4
MIN_DIGITS = 5


def find_model_numbers(text: str) -> list[str]:
    """Return the words of a cleaned title that look like a maker's code.

    A code mixes letters and digits and has at least four characters once hyphens and
    slashes are dropped, or is a number of at least five digits. Amounts ("64gb") and short
    ratings ("5mp", "1080p", "4x4") are no codes.

    Args:
        text: Lower-cased title that ``normalize_quantities`` has been through.

    Example:
        >>> find_model_numbers("sony kd-55x9005c 55inch 4k tv")
        ['kd55x9005c']
    """
    amounts = set(find_quantities(text))
    words = (_JOINTS.sub("", w) for w in _CODE.findall(text) if w not in amounts)
    return [w for w in words if _is_code(w)]


def _is_code(word: str) -> bool:
    """Whether a bare word is a maker's code."""
    if word.isdecimal():
        return len(word) >= MIN_DIGITS
    mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return mixed and len(word) >= MIN_LENGTH and not _RATING.fullmatch(word)
