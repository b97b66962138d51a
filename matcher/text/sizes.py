"""Sizes in titles: "XXL", "size M", "S/M/L", "ukuran 38-40", "EU 42", "12-18 bulan".

Single letters are sizes only behind a word such as "size" or in a list of sizes: alone they are
litres, metres or part of a name ("Galaxy S 10"). Ages need a range or a word such as "usia":
"1 tahun" alone is a warranty.
"""

from __future__ import annotations

import re

from matcher.text.dimensions import find_dimensions
from matcher.text.quantities import any_of

LETTERS = ("xs", "s", "m", "l", "xl", "2xl", "3xl", "4xl", "5xl", "6xl", "7xl", "8xl")
ONE_SIZE = "onesize"
MOST_IN_RANGE = 20  # "27-40" is every size between; "1-99" is something else
_NAMED = {
    **dict.fromkeys(["small", "kecil"], "s"),
    **dict.fromkeys(["medium", "sedang"], "m"),
    **dict.fromkeys(["large", "besar"], "l"),
    **dict.fromkeys(["jumbo"], "jumbo"),
}
_KEY = r"(?<![\w'’])(?:ukuran|size|sizes|sz|uk|fit to|fit)(?![\w'])[\s.:=\"“(]*"  # noqa: RUF001
_LETTER = r"(?:\d?xs|[2-8]\s?xl|x{1,6}l|s|m|l)"
_JOINT = r"(?:\s*(?:[-/,|&+.~–]|s/d|sampai|dan|to|fit)\s*|\s+)"  # noqa: RUF001
_LIST = re.compile(
    rf"({_KEY})?(?<![\w'’&/])(?<!\w[.-])({_LETTER}(?:{_JOINT}{_LETTER})*)(?![\w'’&]|[-.]\w)"  # noqa: RUF001
)
_WORD = re.compile(rf"{_KEY}({any_of(_NAMED)})(?!\w)")
_ONE = re.compile(r"\b(?:all|one|free)[\s-]?size\b")
_YEARS = ("tahun", "thn", "th", "years", "year", "yrs", "y")
_MONTHS = ("bulan", "bln", "months", "month", "mos", "mo")
_NUMBER = r"\d{1,2}(?:[.,]5)?"
_NUMBERS = re.compile(
    rf"(?:{_KEY}|(?<!\w)(?:eu|eur|no|nomor|nomer)(?:[\s.:]+|(?=\d)))"
    rf"({_NUMBER}(?:(?:\s*[-/,~]\s*|\s+){_NUMBER}(?!\w))*)"
    rf"(?!\w|[.,/]\d|-\w|\s*(?:[x×*%\"'+]|(?:{any_of((*_YEARS, *_MONTHS))})(?!\w)))"  # noqa: RUF001
)
_AGES = re.compile(
    r"(?<![\w.,/])(\d{1,2})\s*(?:-|–|~|_|s/d|sampai|sd|to)\s*(\d{1,2})\s*"  # noqa: RUF001
    rf"({any_of((*_YEARS, *_MONTHS))})(?!\w)"
)
_AGE = re.compile(
    rf"\b(?:usia|umur|ages?|ukuran|size)\s*(\d{{1,2}})\s*({any_of((*_YEARS, *_MONTHS))})(?!\w)"
)


def find_letter_sizes(text: str) -> list[str]:
    """Return sizes by letter: those of ``LETTERS``, "jumbo" or "onesize".

    Args:
        text: Cleaned title. "XXL" and "2 XL" both become "2xl"; "S-XL" is every size between.

    Example:
        >>> find_letter_sizes("kaos polos size m, xxl / samsung galaxy s 10")
        ['m', '2xl']
    """
    found: list[str] = []
    for match in _LIST.finditer(text):
        sizes = re.findall(_LETTER, match[2])
        if match[1] or _is_list(sizes, match[2]):
            found += _between(match[2], [_canonical(size) for size in sizes])
    found += [_NAMED[word] for word in _WORD.findall(text)]
    return found + [ONE_SIZE] * bool(_ONE.search(text))


def find_numbered_sizes(text: str) -> list[str]:
    """Return sizes by number, of shoes and the like; "38-40" is every whole one between.

    Example:
        >>> find_numbered_sizes("sandal wanita size 36-38 no. 10,5")
        ['36', '37', '38', '10.5']
    """
    found: list[str] = []
    for numbers in _NUMBERS.findall(text):
        parts = [part.replace(",", ".") for part in re.findall(_NUMBER, numbers)]
        low, high = float(parts[0]), float(parts[-1])
        spans = len(parts) == 2 and re.search("[-~]", numbers) and 0 < high - low <= MOST_IN_RANGE
        if spans and low.is_integer() and high.is_integer():
            parts = [str(size) for size in range(int(low), int(high) + 1)]
        found += [part.lstrip("0") or "0" for part in parts]
    return found


def find_ages(text: str) -> list[str]:
    """Return the ages that children's things are for, in months.

    Example:
        >>> find_ages("setelan 1-2 tahun, garansi 1 tahun, usia 6 bln")
        ['12-24months', '6months']
    """
    found = []
    for low, high, unit in _AGES.findall(text):
        factor = 12 if unit in _YEARS else 1
        found.append(f"{int(low) * factor}-{int(high) * factor}months")
    return found + [
        f"{int(age) * (12 if unit in _YEARS else 1)}months" for age, unit in _AGE.findall(text)
    ]


def find_sizes(text: str) -> list[str]:
    """Return all sizes: letters, numbers, ages and dimensions.

    Args:
        text: Cleaned title, see ``words.clean_title``.
    """
    worn = find_letter_sizes(text) + find_numbered_sizes(text) + find_ages(text)
    return worn + find_dimensions(text)


def _is_list(sizes: list[str], written: str) -> bool:
    """Whether letters without a word such as "size" before them are sizes."""
    if any(size.endswith("xl") for size in sizes):  # "xs" alone is a telephone
        return True
    joined = re.search(r"\w\s*[-/,|&]\s*\w", written) is not None
    return len(set(sizes)) >= (2 if joined else 3)


def _canonical(size: str) -> str:
    """Turn "xxl" and "2 xl" into "2xl"."""
    size = size.replace(" ", "")
    if size.endswith("xs"):
        return "xs"
    n = size.count("x") if size[0] == "x" else 0
    return f"{n}xl" if n > 1 else size


def _between(written: str, sizes: list[str]) -> list[str]:
    """Every size of a range "S-XL"; a list as it is."""
    if len(sizes) != 2 or not re.search(r"[-~–]|s/d|sampai|to", written):  # noqa: RUF001
        return sizes
    low, high = LETTERS.index(sizes[0]), LETTERS.index(sizes[1])
    return list(LETTERS[low : high + 1]) or sizes
