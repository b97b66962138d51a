"""Made-up products: all different, some of them by a hair."""

from dataclasses import fields

import pytest

from matcher.datasets.catalogue import COLOURS, KINDS, name_brand
from matcher.datasets.options import Options
from matcher.datasets.products import EMBLEMS, LABELS, PATTERNS, Product, make_products
from matcher.datasets.shapes import SHAPES


def changed(first: Product, second: Product) -> list[str]:
    names = [field.name for field in fields(Product) if field.name != "group"]
    return [name for name in names if getattr(first, name) != getattr(second, name)]


def test_products_are_numbered_and_differ_in_words():
    products = make_products(Options(n_products=601))
    assert [product.group for product in products] == list(range(601))
    assert len({product.identity for product in products}) == 601


def test_siblings_differ_in_exactly_one_thing():
    products = make_products(Options(n_products=200, hard_negatives=1))
    ways = [changed(*pair) for pair in zip(products[::2], products[1::2], strict=True)]
    assert all(len(way) == 1 for way in ways)
    assert {way[0] for way in ways} == {"amount", "colour", "model"}


# Twos with a sibling among 50: two number t has one if the whole part of share · t grows.
@pytest.mark.parametrize(("share", "n_siblings"), [(0, 0), (0.25, 12), (0.4, 20), (1, 50)])
def test_as_many_siblings_as_wanted(share, n_siblings):
    products = make_products(Options(n_products=100, hard_negatives=share))
    pairs = zip(products[::2], products[1::2], strict=True)
    assert sum(a.look == b.look for a, b in pairs) == n_siblings


@pytest.mark.parametrize("n_products", [1, 2, 7, 40])
def test_a_product_does_not_depend_on_how_many_follow(n_products):
    many = make_products(Options(n_products=41, seed=5))
    assert make_products(Options(n_products=n_products, seed=5)) == many[:n_products]


def test_amounts_colours_and_models_are_those_of_the_kind():
    for product in make_products(Options(n_products=300, seed=1)):
        kind = product.kind
        assert product.amount in (kind.amounts or (0,))
        assert (product.colour in COLOURS) == kind.coloured
        assert product.model.startswith(f"{kind.model}-" if kind.model else "")
        assert bool(product.model) == bool(kind.model)
        assert product.look.pattern in PATTERNS
        assert product.look.label in LABELS
        assert product.look.emblem in EMBLEMS


def test_all_kinds_of_product_occur():
    drawn = {product.kind.word.english for product in make_products(Options(n_products=400))}
    assert drawn == {kind.word.english for kind in KINDS}


def test_every_kind_can_have_a_sibling_and_has_a_shape():
    for kind in KINDS:
        assert kind.coloured or kind.model or len(kind.amounts) > 1
    assert {kind.shape for kind in KINDS} == set(SHAPES)


def test_brands_repeat_only_after_5083():
    assert len({name_brand(number) for number in range(5083)}) == 23 * 17 * 13 == 5083
    assert name_brand(5083) == name_brand(0)
