"""What every encoder promises. A new file in matcher/encoders is tested here unasked."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from matcher.encoders import available_encoders, make_encoder
from matcher.types import Hashes, ImageRef, Listings

QUICK = {"tfidf", "phash"}


@pytest.fixture(scope="module")
def listings(tmp_path_factory) -> Listings:
    """Four listings: 0 and 1 alike; 2 has no picture; 3 has no title."""
    folder = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0)
    refs = []
    for name in "abcd":
        path = folder / f"{name}.png"
        Image.fromarray(noise.integers(0, 255, (40, 40, 3), np.uint8)).save(path)
        refs.append(ImageRef(path))
    return Listings(
        ids=("a", "b", "c", "d"),
        titles=("red cotton shirt 150ml kx100", "red cotton shirts", "usb c cable 1m", ""),
        images=(refs[0], refs[1], None, refs[3]),
    )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in QUICK else (pytest.mark.keras, pytest.mark.slow))
        for name in available_encoders()
    ],
)
def encoder(request, listings):
    module = import_module(f"matcher.encoders.{request.param}")
    return make_encoder(request.param, **module.TINY).fit(listings)


def take(listings: Listings, rows: list[int]) -> Listings:
    columns = {n: tuple(getattr(listings, n)[i] for i in rows) for n in ("ids", "titles", "images")}
    return replace(listings, **columns)


def rows_of(encoded) -> np.ndarray:
    if isinstance(encoded, Hashes):
        return np.where(encoded.present, encoded.codes, np.uint64(0))[:, None]
    dense = encoded.vectors
    return dense if isinstance(dense, np.ndarray) else dense.toarray()


def test_one_row_per_listing(encoder, listings):
    assert len(encoder.encode(listings)) == len(listings)


def test_a_listing_encodes_the_same_in_any_company(encoder, listings):
    whole = rows_of(encoder.encode(listings))
    part = rows_of(encoder.encode(take(listings, [1, 0])))
    np.testing.assert_allclose(part, whole[[1, 0]], atol=1e-5)


def test_encoding_twice_gives_the_same_numbers(encoder, listings):
    first, second = encoder.encode(listings), encoder.encode(listings)
    np.testing.assert_array_equal(rows_of(first), rows_of(second))


def test_no_listings_is_fine(encoder, listings):
    assert len(encoder.encode(take(listings, []))) == 0


def test_what_a_listing_lacks_is_not_present(encoder, listings):
    present = encoder.encode(listings).present
    assert present[:2].all()
    assert not present[2:].all()
