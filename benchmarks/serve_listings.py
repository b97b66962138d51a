"""What a catalogue is measured on: made-up listings with groups, and questions about them."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np

from benchmarks.made_up import group_sizes
from matcher.types import Embeddings, Hashes, Int64, Listings, UInt64

SYLLABLES = ("ba", "de", "ki", "lo", "mu", "na", "po", "ra", "si", "tu", "ve", "xi", "yo", "za")
UNITS = ("ml", "g", "pcs", "cm", "w")
NOBODY = Listings((), (), ())
N_KINDS, N_BRANDS, N_WORDS = 800, 4_000, 40_000


def make_catalogue(place: Path, n: int, seed: int = 0) -> None:
    """Make a catalogue of ``n`` listings with all modalities of the default, unless it is there.

    Their pictures are known by hash and vector alone: encoding as many would take half an hour.
    """
    from matcher.catalog import create_catalog

    if (place / "catalog.sqlite").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    listings = make_up(n, seed)
    create_catalog(place, listings, vectors={"photos": photo_vectors(listings, seed)}).close()


def photo_vectors(listings: Listings, seed: int = 0) -> Embeddings:
    """Vectors as the image encoder's: a product's are close, those of its kind less so."""
    from matcher.config import RunConfig
    from matcher.similarity import l2_normalize

    nothing = RunConfig.default().encoders["photos"].make().fit(NOBODY).encode(NOBODY)
    width = int(nothing.vectors.shape[1])
    rng, group = np.random.default_rng(seed), listings.groups
    assert group is not None
    n_products = int(group.max()) + 1
    kinds = rng.normal(size=(N_KINDS, width)).astype(np.float32)
    products = rng.normal(size=(n_products, width)).astype(np.float32)
    products += 0.7 * kinds[rng.integers(0, N_KINDS, n_products)]
    vectors = products[group]
    vectors += 0.8 * rng.normal(size=vectors.shape).astype(np.float32)
    return Embeddings(l2_normalize(vectors), nothing.source)


def make_up(n: int, seed: int = 0) -> Listings:
    """Listings of products: titles that share most words, hashes that differ in few bits."""
    rng = np.random.default_rng(seed)
    sizes = group_sizes(n, rng)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    names = [_name(rng) for _ in sizes]
    titles = tuple(vary(names[product], rng) for product in group.tolist())
    codes = _hashes(group, len(sizes), rng)
    ids = tuple(f"listing-{i}" for i in range(n))
    hashes = Hashes(codes, np.ones(n, np.bool_))
    return Listings(ids=ids, titles=titles, images=(None,) * n, phashes=hashes, groups=group)


def _name(rng: np.random.Generator) -> list[str]:
    """Words of a product: its kind, which is common, its brand, its own, an amount or a model."""
    kind = _word(int(N_KINDS * rng.random() ** 2))
    brand = _word(N_KINDS + int(N_BRANDS * rng.random() ** 2))
    own = [_word(N_KINDS + N_BRANDS + int(w)) for w in rng.integers(0, N_WORDS, rng.integers(2, 6))]
    if rng.random() < 0.5:
        return [brand, kind, *own, str(50 * int(rng.integers(1, 40))), str(rng.choice(UNITS))]
    return [brand, kind, *own, f"{str(rng.choice(SYLLABLES)).upper()}{rng.integers(100, 9999)}"]


def _word(number: int) -> str:
    """A word of its own for each number: its digits, said in syllables."""
    number += len(SYLLABLES) ** 2
    said = ""
    while number:
        number, digit = divmod(number, len(SYLLABLES))
        said += SYLLABLES[digit]
    return said


def vary(words: list[str], rng: np.random.Generator) -> str:
    """A seller's own wording: a word left out, one moved, one added."""
    kept = list(words)
    if rng.random() < 0.3:
        del kept[int(rng.integers(len(kept)))]
    if rng.random() < 0.5:
        kept.insert(int(rng.integers(len(kept))), kept.pop(int(rng.integers(len(kept)))))
    if rng.random() < 0.3:
        kept.append(str(rng.choice(("promo", "new", "original", "cheap", "ready"))))
    return " ".join(kept)


def _hashes(group: Int64, n_products: int, rng: np.random.Generator) -> UInt64:
    """A hash of each product, with up to three bits turned for each listing."""
    first = rng.integers(0, 2**63, n_products, dtype=np.uint64) * np.uint64(2)
    codes: UInt64 = first[group]
    for _ in range(3):
        turned = np.uint64(1) << rng.integers(0, 64, len(group)).astype(np.uint64)
        codes ^= np.where(rng.random(len(group)) < 0.8, turned, np.uint64(0))
    return codes


def title_questions(listings: Listings, n: int, seed: int = 1) -> list[bytes]:
    """Requests that ask with titles of the catalogue, worded anew."""
    rng = np.random.default_rng(seed)
    asked = rng.integers(0, len(listings), n).tolist()
    return [_request({"title": vary(listings.titles[row].split(), rng)}) for row in asked]


def image_questions(n: int, side: int = 640, seed: int = 2) -> list[bytes]:
    """Requests that ask with JPEGs of soft shapes, as large as a shop's."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    requests = []
    for _ in range(n):
        small = rng.integers(0, 256, (9, 9, 3), np.uint8)
        picture = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
        grain = rng.normal(0, 4, (side, side, 1))
        pixels = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
        content = BytesIO()
        Image.fromarray(pixels).save(content, "JPEG", quality=85)
        requests.append(_request({"image": base64.b64encode(content.getvalue()).decode()}))
    return requests


def _request(asked: dict[str, object]) -> bytes:
    """A whole request."""
    body = json.dumps(asked).encode()
    head = (
        "POST /v1/match HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
