"""Made-up products, among them siblings that differ in one thing only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

import numpy as np

from matcher.datasets.catalogue import (
    COLOURS,
    DARK,
    KINDS,
    WHITE,
    Colour,
    Kind,
    Rgb,
    Variant,
    mix,
    name_brand,
)
from matcher.datasets.options import Options

T = TypeVar("T")

ACCENTS: tuple[Rgb, ...] = (
    (34, 62, 104),
    (176, 58, 46),
    (30, 106, 92),
    (212, 146, 44),
    (88, 54, 110),
    (52, 52, 58),
    (190, 78, 112),
    (62, 122, 160),
)
PATTERNS = ("plain", "stripes", "diagonals", "dots", "waves", "checks", "fade", "band")
LABELS = ("panel", "oval", "strip", "bare")
EMBLEMS = ("leaves", "drop", "sun", "star", "flower", "hills")


class Stream(IntEnum):
    """What random numbers are for, so that a change to one thing leaves the rest alone."""

    DESIGN = 0
    TITLES = 1
    PICTURES = 2
    SCENES = 3


@dataclass(frozen=True, slots=True)
class Look:
    """How a product is printed.

    Attributes:
        accent: Colour of caps, bands and letters.
        pattern: One of ``PATTERNS``.
        label: One of ``LABELS``.
        emblem: One of ``EMBLEMS``.
        pitch: Distance between repeats of the pattern, in hundredths of the picture's side.
        slender: Width of the product against its usual width.
        tone: How much lighter (up to 1) or darker (down to -1) than is usual.
    """

    accent: Rgb
    pattern: str
    label: str
    emblem: str
    pitch: float
    slender: float
    tone: float


@dataclass(frozen=True, slots=True)
class Product:
    """One product: what its listings have in common.

    Attributes:
        group: Its number; the label of its listings.
        kind: What it is.
        brand: Who makes it.
        variant: Scent, flavour or make.
        colour: What titles call its colour; None where they do not.
        amount: How much is in it, in ``kind.unit``; 0 where nobody counts.
        model: Model number such as ``CH-210``; empty where it has none.
        look: How it is printed.
    """

    group: int
    kind: Kind
    brand: str
    variant: Variant
    colour: Colour | None
    amount: int
    model: str
    look: Look

    @property
    def rgb(self) -> Rgb:
        """Main colour of the package."""
        usual = self.colour.rgb if self.colour else self.variant.rgb
        return mix(usual, WHITE if self.look.tone > 0 else DARK, abs(self.look.tone))

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells it from every other product in words."""
        colour = self.colour.word.english if self.colour else ""
        words = (self.kind.word.english, self.brand, self.variant.word.english, colour)
        return (*words, str(self.amount), self.model)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Draw one of ``options``, all equally likely."""
    return options[int(rng.integers(len(options)))]


def draw_generator(seed: int, group: int, stream: Stream) -> np.random.Generator:
    """Return the random numbers of one product for one purpose."""
    return np.random.default_rng([seed, group, stream])


def make_products(options: Options) -> list[Product]:
    """Draw products that all differ in words.

    Products come in twos. In the share ``hard_negatives`` of the twos, spread evenly, the
    second is a sibling of the first: the same but for its amount, its colour or its model.
    Product ``i`` does not depend on ``n_products``.
    """
    n_products, share = options.n_products, options.hard_negatives
    products: list[Product] = []
    seen: set[tuple[str, ...]] = set()
    for two in range((n_products + 1) // 2):
        is_pair = math.floor((two + 1) * share) > math.floor(two * share)
        rng = draw_generator(options.seed, two, Stream.DESIGN)
        names: set[tuple[str, ...]] = set()
        while len(names) < 2 or names & seen:
            first = draw_product(2 * two, rng)
            second = draw_sibling(first, rng) if is_pair else draw_product(2 * two + 1, rng)
            names = {first.identity, second.identity}
        seen |= names
        products += [first, second]
    return products[:n_products]


def draw_product(group: int, rng: np.random.Generator) -> Product:
    """Draw a product; the number of brands grows with ``group``, as on a market that grows."""
    kind = pick(rng, KINDS)
    return Product(
        group=group,
        kind=kind,
        brand=name_brand(int(rng.integers(16 + group // 8))),
        variant=pick(rng, kind.variants),
        colour=pick(rng, COLOURS) if kind.coloured else None,
        amount=pick(rng, kind.amounts) if kind.amounts else 0,
        model=draw_model(kind, rng),
        look=Look(
            accent=pick(rng, ACCENTS),
            pattern=pick(rng, PATTERNS),
            label=pick(rng, LABELS),
            emblem=pick(rng, EMBLEMS),
            pitch=float(rng.uniform(4, 9)),
            slender=float(rng.uniform(0.88, 1.08)),
            tone=float(rng.uniform(-0.2, 0.25)),
        ),
    )


def draw_model(kind: Kind, rng: np.random.Generator) -> str:
    """Draw a model number, or nothing where the kind has none."""
    return f"{kind.model}-{rng.integers(100, 1000)}" if kind.model else ""


def draw_sibling(product: Product, rng: np.random.Generator) -> Product:
    """Return the next product: ``product`` with one of amount, colour and model drawn again."""
    kind = product.kind
    sibling = replace(product, group=product.group + 1)
    way = pick(rng, [name for name in ("amount", "colour", "model") if getattr(product, name)])
    if way == "amount":
        return replace(sibling, amount=pick(rng, kind.amounts))
    if way == "colour":
        return replace(sibling, colour=pick(rng, COLOURS))
    return replace(sibling, model=draw_model(kind, rng))
