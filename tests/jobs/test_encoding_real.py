"""Every encoder that ships, behind the cache (a new file is tested unasked); many rows."""

import tracemalloc
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from matcher.encoders import available_encoders, make_encoder
from matcher.io.vector_files import list_vectors, vectors_folder
from matcher.jobs.encoding import encode_table
from matcher.types import Embeddings, Hashes, ImageRef, Listings

QUICK = {"tfidf", "phash"}
WORDS = ("red", "cotton", "shirt", "data", "usb", "150ml", "1m", "the", "case", "for", "phone")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def listings(tmp_path) -> Listings:
    """Seventy listings; two lack a title or a picture, two repeat one."""
    noise = np.random.default_rng(0)
    refs = []
    for i in range(70):
        refs.append(ImageRef(tmp_path / f"{i}.png"))
        Image.fromarray(noise.integers(0, 255, (40, 40, 3), np.uint8)).save(refs[i].path)
    titles = [" ".join(noise.choice(WORDS, 3 + i % 5)) for i in range(70)]
    titles[3], refs[4] = "", None
    titles[5], refs[6] = titles[7], refs[8]
    ids = tuple(map(str, range(70)))
    return Listings(ids=ids, titles=tuple(titles), images=tuple(refs))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else (pytest.mark.keras, pytest.mark.slow))
        for name in available_encoders()
    ],
)
def test_an_encoder_gives_the_same_behind_the_cache(name, listings):
    encoder = make_encoder(name, **import_module(f"matcher.encoders.{name}").TINY).fit(listings)
    plain = encoder.encode(listings)
    first, second = (encode_table(encoder, listings, name) for _ in range(2))
    for made in (first.encoded, second.encoded):
        assert (made.source, dict(made.problems)) == (plain.source, dict(plain.problems))
        np.testing.assert_array_equal(made.present, plain.present)
    if name == "tfidf":  # it learns from the table
        assert first.n_cached is None
        assert list_vectors(vectors_folder()) == []
        return
    assert first.n_cached == 0
    assert second.n_cached == plain.present.sum()
    if isinstance(plain, Hashes):
        np.testing.assert_array_equal(first.encoded.codes, plain.codes)
        np.testing.assert_array_equal(second.encoded.codes, plain.codes)
        return
    # copies are left out of the batches, which may change how sums are rounded
    np.testing.assert_allclose(first.encoded.vectors, plain.vectors, atol=1e-5)
    np.testing.assert_array_equal(first.encoded.vectors, second.encoded.vectors)


class Wide:
    """Large vectors, made at once."""

    def contents(self, listings):
        return listings.titles

    def encode(self, listings):
        vectors = np.zeros((len(listings), 512), np.float32)
        vectors[:, 0] = 1
        return Embeddings(vectors, "wide")


def test_memory_beyond_the_answer_stays_flat():
    n = 40_000
    titles = tuple(f"title {i}" for i in range(n))
    listings = Listings(ids=titles, titles=titles, images=(None,) * n)
    for _ in range(2):
        tracemalloc.start()
        encode_table(Wide(), listings, "wide")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < n * 512 * 4 + 60e6
