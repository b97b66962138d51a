"""Colours in titles, English and Indonesian, brought to one English name.

Why a list of our own: webcolors 25.10 knows the 147 names of CSS, none of them Indonesian, and
neither "light blue" as two words nor "rose gold", "army" or "cream".
"""

from __future__ import annotations

import re
from functools import cache

# Name -> other words for it.
_PLAIN = {
    "black": ("hitam",),
    "white": ("putih",),
    "red": ("merah",),
    "blue": ("biru",),
    "green": ("hijau", "ijo"),
    "yellow": ("kuning",),
    "purple": ("ungu", "violet"),
    "pink": ("merah muda", "merah jambu", "pingky"),
    "gray": ("grey", "abu", "abu abu", "abu2"),
    "brown": ("coklat", "cokelat", "coklat kayu"),
    "orange": ("oranye", "jingga", "orens"),
    "gold": ("emas", "keemasan"),
    "silver": ("perak",),
    "navy": ("navy blue", "blue navy", "biru navy", "dongker", "biru dongker", "biru benhur"),
    "maroon": ("marun", "merah maroon", "merah marun", "burgundy", "merah hati"),
    "turquoise": ("tosca", "toska", "turkis", "hijau tosca", "hijau toska", "biru tosca", "teal"),
    "army": ("army green", "green army", "hijau army", "hijau lumut"),
    "cream": ("krem",),
    "beige": ("krem muda",),
    "khaki": (),
    "lilac": (),
    "magenta": (),
    "fuchsia": ("fuschia", "fusia", "pink fanta", "hot pink"),
    "rose gold": (),
    "ivory": ("putih gading", "putih tulang", "broken white", "off white"),
    "bronze": ("perunggu",),
    "dusty pink": ("pink dusty",),
    "electric blue": ("biru elektrik",),
    "royal blue": ("biru royal",),
    "transparent": ("transparan", "bening"),
    "multicolor": ("multi color", "multicolour", "warna warni", "colorful"),
    "rainbow": ("pelangi",),
}
# Goods as often as colours: read only behind "warna" or "color", or after another colour.
_GOODS = {
    **{"cream": "cream", "krim": "cream", "mocca": "mocha", "moca": "mocha", "moka": "mocha"},
    **{word: word for word in ("mocha", "olive", "peach", "salmon", "mint", "lavender", "sage")},
    **{word: word for word in ("mustard", "coral", "nude", "wine", "taro", "lime", "champagne")},
}
_SHADED = ("red", "blue", "green", "yellow", "purple", "pink", "gray", "brown")
# Shade -> words before a colour, words behind it.
_SHADES = {
    "light": (("light", "soft", "pastel"), ("muda", "soft", "pastel")),
    "dark": (("dark", "deep"), ("tua", "gelap")),
}
# Colour that a seller may write instead of the finer one.
_BASE = {
    "navy": "blue",
    "maroon": "red",
    "turquoise": "green",
    "army": "green",
    "lilac": "purple",
    "magenta": "pink",
    "fuchsia": "pink",
    "ivory": "white",
    "mocha": "brown",
    "khaki": "brown",
    "olive": "green",
    "beige": "cream",
    "mint": "green",
}
# Food and plants that are called by a colour.
_NO_COLORS = (
    *("bawang merah", "bawang putih", "kayu putih", "beras merah", "beras hitam", "beras putih"),
    *("kacang merah", "kacang hijau", "gula merah", "jahe merah", "sirih merah", "teh hijau"),
    *("kunyit putih", "temu putih", "lada hitam", "lada putih", "ketan hitam", "ketan putih"),
    *("telur putih", "putih telur", "kuning telur", "buah merah", "jinten hitam", "cabe hijau"),
    *("kuning dan putih telur", "putih dan kuning telur", "putih kuning telur"),
    *("green tea", "black tea", "white tea", "white coffee", "black coffee", "red velvet"),
    *("black pepper", "black forest", "white musk", "red bull", "red wine", "olive oil"),
    *("orange juice", "coklat bubuk", "silver queen", "warna random", "green coffee"),
)
_GAP = r"[\s-]*"
_BESIDE = re.compile(r"\s*(?:[/,&+-]|\bdan\b|\band\b)\s*")
_CALLED = re.compile(r"\b(?:warna|colou?rs?)[\s:=(]*$")


def find_colors(text: str) -> list[str]:
    """Return the colours of a lower-cased title by their English names, in order.

    Words that are goods as often as colours ("cream", "olive") are read only behind "warna" or
    "color" and after another colour ("black/cream").

    Example:
        >>> find_colors("tas merah muda, biru-muda & abu abu; krim malam")
        ['pink', 'light blue', 'gray']
        >>> find_colors("kaos warna cream, bawang merah")
        ['cream']
    """
    pattern, names = _lexicon()
    found, sure, end = [], False, -1
    for match in pattern.finditer(text):
        word = re.sub(r"[\s-]+", "", match[0])
        name = names[word]
        beside = end >= 0 and sure and _BESIDE.fullmatch(text, end, match.start())
        called = _CALLED.search(text, max(0, match.start() - 12), match.start())
        sure = bool(name) and (word not in _GOODS or bool(beside or called))
        found += [name] * sure
        end = match.end()
    return found


def same_color(one: str, other: str) -> bool:
    """Whether two names may be one colour: equal, or one the plain name of the other's shade.

    Example:
        >>> same_color("light blue", "blue"), same_color("navy", "light blue")
        (True, False)
    """
    return one == other or base_color(one) == other or base_color(other) == one


def base_color(name: str) -> str:
    """The plain colour that a shade belongs to; plain ones belong to themselves."""
    return _BASE.get(name, name.rpartition(" ")[2])


@cache
def _lexicon() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of all spellings, and the name of each without its gaps."""
    spellings = {word: name for name, words in _PLAIN.items() for word in (name, *words)}
    spellings |= _GOODS | {"baby blue": "light blue", "sky blue": "light blue"}
    spellings |= {"baby pink": "light pink"}
    for name in _SHADED:
        for word in (name, *_PLAIN[name][:2]):
            for shade, (before, behind) in _SHADES.items():
                phrases = [f"{mark} {word}" for mark in before]
                phrases += [f"{word} {mark}" for mark in behind]
                spellings = dict.fromkeys(phrases, f"{shade} {name}") | spellings
    spellings |= dict.fromkeys(_NO_COLORS, "")
    longest_first = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
    options = "|".join(spelling.replace(" ", _GAP) for spelling in longest_first)
    pattern = re.compile(rf"(?<![^\W_])(?:{options})(?![^\W_])")
    return pattern, {spelling.replace(" ", ""): name for spelling, name in spellings.items()}
