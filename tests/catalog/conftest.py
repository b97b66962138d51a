"""Small catalogues of made-up titles and hashes, quick to make."""

import numpy as np
import pytest

from matcher.catalog import create_catalog
from matcher.types import Hashes, Listings

CONFIG = {
    "encoders": {
        "words": {"encoder": "tfidf", "tokens": "words", "min_score": 0.2},
        "phash": {"min_score": 0.6},
    },
    "fusion": {"method": "boundary", "thresholds": {"words": 0.7, "phash": 0.8}, "power": 2},
    "clustering": {"method": "average", "min_score": 0.47, "max_size": 50},
    "cache": False,
}
TITLES = {
    "a": "red soap bar 250ml",
    "b": "soap bar red 250ml new",
    "c": "hdmi cable black",
    "d": "black hdmi cable long",
    "e": "wooden chair",
    "f": "red soap",
}


def make_table(titles, codes=None, groups=None):
    """Listings of titles by id; some with hashes by id."""
    ids = tuple(titles)
    hashes = None
    if codes is not None:
        present = np.array([codes.get(id) is not None for id in ids], bool)
        values = np.array([codes.get(id) or 0 for id in ids], np.uint64)
        hashes = Hashes(values, present)
    return Listings(
        ids,
        tuple(titles.values()),
        (None,) * len(ids),
        phashes=hashes,
        groups=None if groups is None else np.array(groups),
    )


@pytest.fixture(scope="session")
def table():
    return make_table


@pytest.fixture(scope="session")
def partition():
    """Ids of each cluster, whatever its number."""

    def of(catalog):
        return {frozenset(view.ids) for view in catalog.clusters(min_size=1, limit=10_000)}

    return of


@pytest.fixture(scope="session")
def config():
    """The settings, with another clusterer if one is named."""

    def of(method="average", **settings):
        chosen = {"method": method, "min_score": 0.47, **settings}
        return {**CONFIG, "clustering": chosen}

    return of


@pytest.fixture
def make(tmp_path):
    """Makes catalogues, each in a folder of its own."""
    made = []

    def create(listings, config=CONFIG, **more):
        catalog = create_catalog(tmp_path / f"catalog{len(made)}", listings, config=config, **more)
        made.append(catalog)
        return catalog

    yield create
    for catalog in made:
        catalog.close()


@pytest.fixture
def catalog(make):
    return make(make_table(TITLES))
