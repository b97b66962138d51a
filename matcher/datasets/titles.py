"""Titles as sellers write them, in English, Indonesian or both."""

from __future__ import annotations

import numpy as np

from matcher.datasets.catalogue import Word
from matcher.datasets.products import Product, pick
from matcher.datasets.units import spell_amount

BEFORE = (
    "READY STOCK",
    "[COD]",
    "(BISA COD)",
    "PROMO",
    "TERMURAH",
    "[READY]",
    "BEST SELLER",
    "Paling Laris",
    "NEW",
    "SALE",
)
AFTER = (
    "ORIGINAL",
    "100% ori",
    "termurah",
    "free ongkir",
    "best seller",
    "READY STOCK",
    "murah",
    "grosir",
    "bisa COD",
    "asli",
    "premium",
    "import",
    "garansi",
    "promo",
    "fast delivery",
)
EMOJI = ("🔥", "⭐", "✅", "💯", "🎁")
JOINS = (" ", " ", " ", " - ", " / ", " | ")
SHORT_FORMS = {"phone case": "case hp", "power bank": "PB", "t-shirt": "tshirt"}


def write_title(product: Product, rng: np.random.Generator) -> str:
    """Write the title of one listing; it always gives amount, colour and model, if any."""
    facts = write_facts(product, rng)
    name = write_name(product, rng)
    if rng.random() < 0.25:
        facts.insert(int(rng.integers(len(facts) + 1)), write_variant(product, rng))
    else:
        name.append(write_variant(product, rng))
    order = rng.random()
    if order < 0.7:
        words = name + facts
    elif order < 0.9:
        words = name[:1] + facts + name[1:]
    else:
        words = facts + name
    title = change_case(" ".join(words), rng)
    return add_shop_words(title, rng)


def write_terse_title(product: Product, rng: np.random.Generator) -> str:
    """Write what a seller in a hurry types: the kind, perhaps the brand, no more."""
    noun = say(product.kind.word, rng)
    return f"{product.brand} {noun}" if rng.random() < 0.4 else noun


def say(word: Word, rng: np.random.Generator) -> str:
    """Choose a language."""
    return word.english if rng.random() < 0.45 else word.indonesian


def write_variant(product: Product, rng: np.random.Generator) -> str:
    """Name scent, flavour or make."""
    return misspell(say(product.variant.word, rng), rng)


def write_name(product: Product, rng: np.random.Generator) -> list[str]:
    """Name brand and kind, in either order, the kind sometimes in both languages."""
    kind = product.kind.word
    noun = misspell(say(kind, rng), rng)
    if rng.random() < 0.15 and kind.english != kind.indonesian:
        noun = f"{kind.indonesian}{pick(rng, JOINS)}{kind.english}"
    elif rng.random() < 0.2:
        noun = SHORT_FORMS.get(kind.english, noun)
    words = [misspell(product.brand, rng), noun]
    return words if rng.random() < 0.7 else words[::-1]


def write_facts(product: Product, rng: np.random.Generator) -> list[str]:
    """Write colour, amount and model, never misspelt, in any order."""
    facts = []
    if product.colour:
        facts.append(say(product.colour.word, rng))
    if product.amount:
        ways = spell_amount(product.amount, product.kind.unit)
        facts.append(pick(rng, ways[:2] if rng.random() < 0.4 else ways))
    if product.model:
        letters, number = product.model.split("-")
        facts.append(letters + pick(rng, ("-", "", " ", "-")) + number)
    rng.shuffle(facts)
    return facts


def misspell(text: str, rng: np.random.Generator) -> str:
    """Drop, double or swap one letter, now and then."""
    if rng.random() > 0.08 or len(text) < 5:
        return text
    at = int(rng.integers(1, len(text) - 2))
    first, second = text[at], text[at + 1]
    slips = (first, first + first + second, second + first)
    return text[:at] + pick(rng, slips) + text[at + 2 :]


def change_case(text: str, rng: np.random.Generator) -> str:
    """Write in small letters, in capitals or with capital initials."""
    way = rng.random()
    if way < 0.3:
        return text.title()
    if way < 0.5:
        return text.upper()
    return text.lower() if way < 0.7 else text


def add_shop_words(title: str, rng: np.random.Generator) -> str:
    """Add what is meant to sell: up to three shop words and an emoji."""
    if rng.random() < 0.3:
        title = f"{pick(rng, BEFORE)} {title}"
    for _ in range(int(rng.integers(3))):
        word = pick(rng, AFTER)
        if word.lower() not in title.lower():
            title = f"{title}{pick(rng, JOINS)}{word}"
    if rng.random() < 0.07:
        emoji = pick(rng, EMOJI)
        title = f"{emoji}{title}{emoji}" if rng.random() < 0.5 else f"{title} {emoji}"
    return title
