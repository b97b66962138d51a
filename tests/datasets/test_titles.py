"""Titles: whatever a seller does to them, they name the one product."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.datasets.catalogue import COLOURS
from matcher.datasets.options import Options
from matcher.datasets.products import make_products
from matcher.datasets.titles import misspell, write_terse_title, write_title
from matcher.datasets.units import spell_amount, write_amount

# A second reading of amounts, which knows nothing of how they were written.
BASE = {
    "ml": ("ml", 1), "mililiter": ("ml", 1), "l": ("ml", 1000), "liter": ("ml", 1000),
    "ltr": ("ml", 1000), "g": ("g", 1), "gr": ("g", 1), "gram": ("g", 1), "kg": ("g", 1000),
    "kilo": ("g", 1000), "pcs": ("pcs", 1), "pc": ("pcs", 1), "biji": ("pcs", 1),
    "'s": ("pcs", 1), "cm": ("cm", 1), "m": ("cm", 100), "meter": ("cm", 100), "w": ("w", 1),
    "watt": ("w", 1), "mah": ("mah", 1),
}  # fmt: skip
AMOUNT = re.compile(rf"(?<![\w.-])(\d+(?:\.\d+)?) ?({'|'.join(sorted(BASE, key=len)[::-1])})\b")


def read_amounts(title: str) -> set[tuple[int, str]]:
    found = set()
    for number, unit in AMOUNT.findall(re.sub(r"isi (\d+)", r"\1 pcs", title.lower())):
        base, size = BASE[unit]
        found.add((round(float(number) * size), base))
    return found


@pytest.fixture(scope="module")
def titled() -> list[tuple]:
    rng = np.random.default_rng(0)
    products = make_products(Options(n_products=300, seed=2))
    return [(product, write_title(product, rng)) for product in products for _ in range(4)]


def test_every_title_gives_the_amount_and_no_other(titled):
    for product, title in titled:
        truth = {(product.amount, product.kind.unit)} if product.amount else set()
        assert read_amounts(title) == truth, title


def test_every_title_gives_the_model(titled):
    with_model = [(product, title) for product, title in titled if product.model]
    assert len(with_model) > 100
    for product, title in with_model:
        bare = re.sub(r"[\s-]", "", title).lower()
        assert product.model.replace("-", "").lower() in bare


def test_every_title_gives_the_colour_and_no_other(titled):
    coloured = [(product, title) for product, title in titled if product.colour]
    assert len(coloured) > 200
    for product, title in coloured:
        named = {
            colour.word.english
            for colour in COLOURS
            for word in (colour.word.english, colour.word.indonesian)
            if re.search(rf"\b{word}\b", title.lower())
        }
        # "merah muda", pink, holds "merah", red.
        assert product.colour.word.english in named
        assert named <= {product.colour.word.english, "red"}


def test_sellers_of_one_product_write_it_in_many_ways(titled):
    titles = [title for _, title in titled]
    assert len(set(titles)) == len(titles)
    assert any(title.isupper() for title in titles)
    assert any(title.islower() for title in titles)
    for pair in (("shampoo", "sampo"), ("coffee", "kopi"), ("red", "merah")):
        for word in pair:
            assert any(word in title.lower() for title in titles)


def test_terse_titles_tell_siblings_nothing():
    rng = np.random.default_rng(0)
    for product in make_products(Options(n_products=60)):
        title = write_terse_title(product, rng)
        noun = title.removeprefix(f"{product.brand} ")
        assert noun in (product.kind.word.english, product.kind.word.indonesian)


@given(st.text(alphabet="abcdefg", max_size=12), st.integers(0, 1000))
def test_a_slip_changes_one_letter_at_most(word, seed):
    slipped = misspell(word, np.random.default_rng(seed))
    assert abs(len(slipped) - len(word)) <= 1
    assert slipped[:1] == word[:1]
    if len(slipped) == len(word):
        assert sorted(slipped) == sorted(word)
        assert sum(a != b for a, b in zip(slipped, word, strict=True)) in (0, 2)
    else:
        shorter, longer = sorted((slipped, word), key=len)
        assert any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def test_short_words_are_never_misspelt():
    rng = np.random.default_rng(0)
    assert {misspell("kaos", rng) for _ in range(300)} == {"kaos"}


def test_longer_words_are_misspelt_now_and_then():
    rng = np.random.default_rng(0)
    slips = [misspell("sampo", rng) for _ in range(2000)]
    # 8 % are touched: a letter of "amp" is dropped, doubled or swapped with the next.
    assert 0.05 < np.mean([slip != "sampo" for slip in slips]) < 0.11
    assert set(slips) == {"sampo", "sapo", "saampo", "smapo", "samo", "sammpo", "sapmo"}


@pytest.mark.parametrize(
    ("amount", "unit", "written"),
    [
        (150, "ml", "150 ml"),
        (1000, "ml", "1 L"),
        (1800, "g", "1.8 kg"),
        (50, "cm", "50 cm"),
        (150, "cm", "1.5 m"),
        (10000, "mah", "10000 mAh"),
        (25, "pcs", "25 pcs"),
        (0, "", ""),
    ],
)
def test_amounts_on_packages(amount, unit, written):
    assert write_amount(amount, unit) == written


def test_amounts_in_titles():
    ways = spell_amount(150, "ml")
    assert ways[:2] == ["150ml", "150 ml"]
    assert {"150 ML", "150 mililiter", "0.15L", "0.15 liter"} <= set(ways)
    # Nobody writes 0.03 L of perfume.
    assert not any(way.startswith("0.03") for way in spell_amount(30, "ml"))
    assert {"isi 10", "10's", "10 pcs"} <= set(spell_amount(10, "pcs"))
