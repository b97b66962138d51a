"""What a title says of its product: amounts, sizes, dimensions, colours and model numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

from matcher.text.colors import find_colors, same_color
from matcher.text.dimensions import find_dimensions
from matcher.text.model_numbers import find_model_numbers
from matcher.text.quantities import DIMENSIONS, METRIC, find_quantities
from matcher.text.sizes import ONE_SIZE, find_ages, find_letter_sizes, find_numbered_sizes
from matcher.text.words import clean_title

# In the order in which conflicts are told. A phone's "4/64GB" is memory and storage.
KINDS = (
    *("volume", "mass", "count", "pair count", "storage", "memory", "length", "dimensions"),
    *("size", "numbered size", "age", "color", "power", "voltage", "charge", "resolution"),
    *("frequency", "model number"),
)
PACKED = ("volume", "mass")  # what a count of packs multiplies
TOLERANCE = 0.03  # between a metric and an imperial figure, which sellers round
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([a-z]+)")
_MOST_MEMORY = 24.0  # gigabytes
_MEMORY = re.compile(r"\bram\W*(\d+gb)\b|\b(\d+gb)\s+(?:of\s+)?ram\b")


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a title says, by kind.

    Attributes:
        values: Kind, one of ``KINDS``, to canonical values ("150ml", "2xl", "light blue"). A
            kind of which the title says nothing is left out. Read only.
    """

    values: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def __getitem__(self, kind: str) -> frozenset[str]:
        """Values of one kind; none where the title says nothing of it."""
        return self.values.get(kind, frozenset())


class Conflict(NamedTuple):
    """A kind of which two titles say different things.

    Attributes:
        kind: One of ``KINDS``.
        left: What the first title says, in order of size or alphabet.
        right: What the second says.
    """

    kind: str
    left: tuple[str, ...]
    right: tuple[str, ...]


@lru_cache(maxsize=1 << 17)
def read_attributes(title: str) -> Attributes:
    """Read a title as the seller wrote it.

    Example:
        >>> read = read_attributes("Kaos Polos Merah XXL isi 2 pcs")
        >>> {kind: sorted(values) for kind, values in read.values.items()}
        {'count': ['2pcs'], 'size': ['2xl'], 'color': ['red']}
    """
    text = clean_title(title)
    found: dict[str, Iterable[str]] = dict(_amounts(text))
    found["dimensions"] = find_dimensions(text)
    found["size"] = find_letter_sizes(text)
    found["numbered size"] = find_numbered_sizes(text)
    found["age"] = find_ages(text)
    found["color"] = find_colors(text)
    found["model number"] = find_model_numbers(text)
    kept = {kind: frozenset(found[kind]) for kind in KINDS if found.get(kind)}
    return Attributes(MappingProxyType(kept))


def conflicts(left: Attributes, right: Attributes) -> tuple[Conflict, ...]:
    """Kinds of which both titles say something, and nothing that agrees.

    Volume and mass agree in total as well: "2 x 75 ml" and "150 ml" are no conflict, neither of
    volume nor of count. Metric and imperial figures agree within 3 %. A plain colour agrees with
    its shades, "all size" with every size, and an age with one that overlaps it.

    Returns:
        In the order of ``KINDS``; empty if nothing contradicts.

    Example:
        >>> conflicts(read_attributes("sabun 150 ml"), read_attributes("sabun 0,25 l"))
        (Conflict(kind='volume', left=('150ml',), right=('250ml',)),)
        >>> conflicts(read_attributes("susu 2 x 75 ml"), read_attributes("susu 150ml"))
        ()
    """
    shared = [kind for kind in left.values if kind in right.values]
    differ = [kind for kind in shared if not _agree(kind, left.values[kind], right.values[kind])]
    if not differ:
        return ()
    if any(_totals_agree(kind, left, right) for kind in PACKED):
        differ = [kind for kind in differ if kind not in (*PACKED, "count")]
    return tuple(Conflict(kind, _ordered(left[kind]), _ordered(right[kind])) for kind in differ)


def _amounts(text: str) -> dict[str, set[str]]:
    """The quantities of a cleaned title by what they measure."""
    found: dict[str, set[str]] = {}
    for amount in find_quantities(text):
        found.setdefault(DIMENSIONS[_split(amount)[1]], set()).add(amount)
    stored = found.get("storage", set())
    memory = {one or other for one, other in _MEMORY.findall(text)} & stored
    most = max((_split(amount)[0] for amount in stored), default=0.0)
    memory |= {a for a in stored if _split(a)[0] <= min(_MOST_MEMORY, most / 2)}
    return found | {"storage": stored - memory, "memory": memory}


def _split(amount: str) -> tuple[float, str]:
    """Number and unit of "150ml"."""
    number, unit = _AMOUNT.fullmatch(amount).groups()  # type: ignore[union-attr]
    return float(number), unit


def _agree(kind: str, left: frozenset[str], right: frozenset[str]) -> bool:
    """Whether any value of the one goes with any of the other."""
    if left & right:
        return True
    agreeing: Callable[[str, str], bool] | None = None
    if kind == "size":
        return ONE_SIZE in left | right
    if kind == "color":
        agreeing = same_color
    elif kind == "age":
        agreeing = _overlap
    elif kind in ("mass", "length"):
        agreeing = _same_amount
    return agreeing is not None and any(agreeing(a, b) for a, b in product(left, right))


def _same_amount(one: str, other: str) -> bool:
    """Whether an imperial and a metric amount are one, but for rounding."""
    (a, unit_a), (b, unit_b) = _split(one), _split(other)
    if unit_a == unit_b:
        return a == b
    a, b = (n * METRIC.get(unit, ("", 1.0))[1] for n, unit in ((a, unit_a), (b, unit_b)))
    return abs(a - b) <= TOLERANCE * max(a, b)


def _overlap(one: str, other: str) -> bool:
    """Whether two spans of ages have a month in common."""
    (a, *b), (c, *d) = (
        [int(month) for month in age.removesuffix("months").split("-")] for age in (one, other)
    )
    return max(a, c) <= min([*b, a][0], [*d, c][0])


def _totals_agree(kind: str, left: Attributes, right: Attributes) -> bool:
    """Whether a pack of several amounts to what the other title says."""
    if not (left["count"] or right["count"]) or not (left[kind] and right[kind]):
        return False
    return _agree(kind, _totals(kind, left), _totals(kind, right))


def _totals(kind: str, said: Attributes) -> frozenset[str]:
    """Each amount times each count."""
    counts = {_split(count)[0] for count in said["count"]} or {1.0}
    amounts = [_split(amount) for amount in said[kind]]
    return frozenset(f"{n * count:f}{unit}" for (n, unit), count in product(amounts, counts))


def _ordered(values: frozenset[str]) -> tuple[str, ...]:
    """By number, then by alphabet."""

    def key(value: str) -> tuple[float, str]:
        number = re.match(r"\d+(?:\.\d+)?", value)
        return (float(number[0]) if number else 0.0, value)

    return tuple(sorted(values, key=key))
