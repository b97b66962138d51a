"""What the made-up shop sells: kinds of product, colours and brands, in English and Indonesian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

DARK: Rgb = (48, 48, 54)
WHITE: Rgb = (250, 249, 246)


@dataclass(frozen=True, slots=True)
class Word:
    """One meaning in the two languages of the titles."""

    english: str
    indonesian: str


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour that a title can name."""

    word: Word
    rgb: Rgb


@dataclass(frozen=True, slots=True)
class Variant:
    """A scent, a flavour or a make, with the colour its package has by habit."""

    word: Word
    rgb: Rgb


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product.

    Attributes:
        word: What it is called.
        shape: Its outline, a name in ``shapes.SHAPES``.
        variants: What it comes in.
        unit: Of ``amounts``: ml, g, pcs, cm, w (watt) or mah (milliampere-hour).
        amounts: How much is in it; empty where nobody counts.
        coloured: Whether titles name its colour; else the variant gives the colour.
        model: Letters that its model numbers begin with; empty where it has none.
    """

    word: Word
    shape: str
    variants: tuple[Variant, ...]
    unit: str = ""
    amounts: tuple[int, ...] = ()
    coloured: bool = False
    model: str = ""


COLOURS = (
    Colour(Word("red", "merah"), (205, 48, 52)),
    Colour(Word("blue", "biru"), (52, 104, 190)),
    Colour(Word("green", "hijau"), (62, 140, 84)),
    Colour(Word("yellow", "kuning"), (240, 196, 62)),
    Colour(Word("black", "hitam"), (44, 45, 50)),
    Colour(Word("white", "putih"), (240, 240, 236)),
    Colour(Word("pink", "merah muda"), (240, 160, 182)),
    Colour(Word("purple", "ungu"), (126, 88, 172)),
    Colour(Word("grey", "abu-abu"), (150, 154, 160)),
    Colour(Word("brown", "cokelat"), (134, 92, 62)),
    Colour(Word("orange", "oranye"), (236, 132, 50)),
    Colour(Word("mint", "mint"), (150, 214, 190)),
)

_ALOE = Variant(Word("aloe vera", "lidah buaya"), (120, 176, 92))
_ROSE = Variant(Word("rose", "mawar"), (224, 128, 150))
_TEA = Variant(Word("green tea", "teh hijau"), (142, 170, 92))
_COCONUT = Variant(Word("coconut", "kelapa"), (232, 222, 200))
_LEMON = Variant(Word("lemon", "jeruk lemon"), (240, 206, 70))
_LAVENDER = Variant(Word("lavender", "lavender"), (162, 138, 206))
_MINT = Variant(Word("mint", "daun mint"), (110, 194, 178))
_CHARCOAL = Variant(Word("charcoal", "arang"), (66, 68, 74))
_CHOCOLATE = Variant(Word("chocolate", "cokelat"), (108, 68, 46))
_VANILLA = Variant(Word("vanilla", "vanila"), (236, 214, 160))
_ORANGE = Variant(Word("orange", "jeruk"), (240, 142, 48))
_MANGO = Variant(Word("mango", "mangga"), (246, 178, 62))
_GRAPE = Variant(Word("grape", "anggur"), (122, 72, 136))
_OCEAN = Variant(Word("ocean", "samudra"), (70, 138, 196))
_BRIGHT = Variant(Word("brightening", "mencerahkan"), (246, 212, 196))
_NIGHT = Variant(Word("night repair", "perawatan malam"), (72, 80, 132))
_PLAIN = Variant(Word("plain", "polos"), (200, 200, 200))
_SOFT = Variant(Word("soft", "lembut"), (200, 200, 200))
_STURDY = Variant(Word("sturdy", "kuat"), (200, 200, 200))
_CLASSIC = Variant(Word("classic", "klasik"), (200, 200, 200))


KINDS = (
    Kind(
        Word("shampoo", "sampo"),
        "flip_bottle",
        (_ALOE, _ROSE, _TEA, _COCONUT, _CHARCOAL),
        "ml",
        (90, 170, 250, 340),
    ),
    Kind(
        Word("liquid soap", "sabun cair"),
        "pump_bottle",
        (_ALOE, _ROSE, _LEMON, _LAVENDER, _OCEAN),
        "ml",
        (250, 450, 900),
    ),
    Kind(
        Word("face cream", "krim wajah"),
        "jar",
        (_BRIGHT, _NIGHT, _ROSE, _ALOE),
        "g",
        (15, 30, 50, 100),
    ),
    Kind(
        Word("sunscreen", "tabir surya"),
        "tube",
        (_ALOE, _BRIGHT, _TEA, _ORANGE),
        "ml",
        (30, 50, 100),
    ),
    Kind(
        Word("toothpaste", "pasta gigi"),
        "lying_tube",
        (_MINT, _CHARCOAL, _LEMON, _COCONUT),
        "g",
        (75, 120, 190),
    ),
    Kind(
        Word("ground coffee", "kopi bubuk"),
        "pouch",
        (_CHOCOLATE, _VANILLA, _COCONUT, _CHARCOAL),
        "g",
        (100, 250, 500, 1000),
    ),
    Kind(
        Word("tea bags", "teh celup"),
        "carton",
        (_TEA, _ROSE, _LEMON, _MINT, _VANILLA),
        "pcs",
        (10, 25, 50, 100),
    ),
    Kind(
        Word("cookies", "biskuit"),
        "pouch",
        (_CHOCOLATE, _VANILLA, _COCONUT, _LEMON),
        "g",
        (80, 150, 300),
    ),
    Kind(
        Word("juice drink", "minuman jus"),
        "can",
        (_ORANGE, _MANGO, _GRAPE, _LEMON),
        "ml",
        (250, 330, 500),
    ),
    Kind(
        Word("honey", "madu"),
        "honey_jar",
        (_MANGO, _LEMON, _VANILLA, _ORANGE),
        "g",
        (150, 350, 650, 1000),
    ),
    Kind(
        Word("detergent", "deterjen"),
        "pouch",
        (_OCEAN, _LAVENDER, _LEMON, _ROSE),
        "g",
        (500, 800, 1000, 1800),
    ),
    Kind(
        Word("vitamin tablets", "tablet vitamin"),
        "pill_bottle",
        (_ORANGE, _GRAPE, _LEMON, _MINT),
        "pcs",
        (30, 60, 120),
    ),
    Kind(
        Word("perfume", "parfum"),
        "flacon",
        (_ROSE, _OCEAN, _VANILLA, _LAVENDER, _NIGHT),
        "ml",
        (30, 50, 100),
    ),
    Kind(Word("t-shirt", "kaos"), "shirt", (_PLAIN, _SOFT, _CLASSIC), coloured=True),
    Kind(Word("tote bag", "tas jinjing"), "tote", (_PLAIN, _STURDY, _CLASSIC), coloured=True),
    Kind(
        Word("phone case", "casing hp"),
        "phone_case",
        (_SOFT, _STURDY, _CLASSIC),
        coloured=True,
        model="X",
    ),
    Kind(
        Word("charger", "kepala charger"), "charger", (_CLASSIC,), "w", (10, 20, 33, 65), model="CH"
    ),
    Kind(
        Word("data cable", "kabel data"),
        "cable",
        (_SOFT, _STURDY),
        "cm",
        (50, 100, 150, 200),
        coloured=True,
    ),
    Kind(
        Word("power bank", "bank daya"),
        "power_bank",
        (_CLASSIC,),
        "mah",
        (5000, 10000, 20000),
        coloured=True,
        model="PB",
    ),
    Kind(Word("mug", "cangkir"), "mug", (_CLASSIC, _PLAIN), "ml", (250, 300, 350), coloured=True),
    Kind(
        Word("tumbler", "botol minum"),
        "tumbler",
        (_CLASSIC, _STURDY),
        "ml",
        (350, 500, 750, 1000),
        coloured=True,
    ),
)

# Syllables of two letters: 23, 17 and 13 of them, which share no factor.
_FIRST = "VeKaLuMoSaRiTaNoBiZuHaPeDoKiMaFaYoGiSuLeNaJuRo"
_MIDDLE = "lomiranevitasodunikaremolasipobagu"
_LAST = "ranavolikorixasamadolenota"


def name_brand(number: int) -> str:
    """Name the ``number``-th brand; the first 23 · 17 · 13 = 5,083 are all different.

    Example:
        >>> name_brand(0), name_brand(1), name_brand(23)
        ('Velora', 'Kamina', 'Vesole')
    """
    name = ""
    for column in (_FIRST, _MIDDLE, _LAST):
        start = 2 * number % len(column)
        name += column[start : start + 2]
    return name


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Blend two colours; ``share`` of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
