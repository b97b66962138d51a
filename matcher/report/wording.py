"""Text and numbers the way the page shows them."""

from __future__ import annotations

import math
import unicodedata

# Joiners inside emoji and Persian words, and the letters of flags such as Scotland's.
_HARMLESS = {0x200C, 0x200D, *range(0xE0020, 0xE0080)}
_UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
NO_VALUE = "—"
# What must not end a text that was cut: it belongs to the character that is gone.
_DANGLING = {"Mn", "Me", "Mc", "Cf"}


def clean(text: str) -> str:
    """Drop what is not shown itself but changes how its surroundings are.

    That is control characters, direction marks and overrides, and halves of UTF-16 pairs,
    which UTF-8 cannot hold. Spaces of any kind become plain ones; line breaks stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_keep(c) for c in text)


def _keep(character: str) -> str:
    if character.isspace():
        return "\n" if character == "\n" else " "
    hidden = unicodedata.category(character) in _UNSHOWN and ord(character) not in _HARMLESS
    return "" if hidden else character


def shorten(text: str, limit: int) -> str:
    """Clean a text and cut it to at most ``limit`` characters, the last one then an ellipsis."""
    # Cleaning costs time for every character, and a title may have millions.
    whole = " ".join(clean(text[: 4 * limit]).split())
    if len(whole) <= limit and len(text) <= 4 * limit:
        return whole
    kept = whole[: limit - 1]
    while kept and unicodedata.category(kept[-1]) in _DANGLING:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def count(number: int) -> str:
    """Group the digits of a whole number: 24,172."""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """Say how much of the whole a part is, such as "3.5%"; nothing of nothing is 0%."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.1:
        return "under 0.1%"
    return f"{percent:.1f}%" if percent < 10 else f"{math.floor(percent)}%"


def score(value: float) -> str:
    """Two decimals, rounded down so that no score below a bound looks as if it reached it."""
    # Scores are float32: 0.57 is 0.5699999 there.
    return f"{math.floor(value * 100 + 1e-5) / 100:.2f}" if math.isfinite(value) else NO_VALUE


def decimal(value: float, digits: int = 3) -> str:
    """Fixed decimals; a dash where there is no value."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else NO_VALUE


def plural(number: int, noun: str) -> str:
    """Count a noun: "1 listing", "2,000 listings", "2 matches"."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{ending}"
