"""What is of PostgreSQL alone: addresses, schemas, its types and its failures."""

import sys

import numpy as np
import pytest

from matcher.errors import BackendError, StoreError, StoreFullError
from matcher.store import About, KeptEncoder, create_store, open_store

psycopg = pytest.importorskip("psycopg")
from matcher.store._postgres import split_address  # noqa: E402

real = [pytest.mark.postgres, pytest.mark.slow]


def marked(test):
    for mark in real:
        test = mark(test)
    return test


@pytest.fixture
def address(postgres_address, request):
    return f"{postgres_address}&schema={request.node.name.split('[')[0][:63]}"


@pytest.fixture
def made(address, about):
    with create_store(address, about, timeout=0.2) as store:
        yield store


@pytest.fixture
def direct(postgres_address):
    """A connection beside the store."""
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        yield connection


ADDRESSES = {
    "postgresql://ann:secret@db:5432/shop?schema=toys": (
        "postgresql://ann:secret@db:5432/shop",
        "toys",
        "postgresql://ann@db:5432/shop?schema=toys",
    ),
    "postgresql://db/shop": (
        "postgresql://db/shop",
        "matcher",
        "postgresql://db/shop?schema=matcher",
    ),
    "postgres://ann@/shop?host=/run/pg&schema=x&sslmode=require": (
        "postgresql://ann@/shop?host=/run/pg&sslmode=require",
        "x",
        "postgresql://ann@/shop?host=/run/pg&sslmode=require&schema=x",
    ),
    "postgresql:///shop?host=/run/pg": (
        "postgresql:///shop?host=/run/pg",
        "matcher",
        "postgresql:///shop?host=/run/pg&schema=matcher",
    ),
    "postgresql://db/shop?password=secret": (
        "postgresql://db/shop?password=secret",
        "matcher",
        "postgresql://db/shop?schema=matcher",
    ),
}


@pytest.mark.parametrize("given", ADDRESSES)
def test_addresses(given):
    assert split_address(given) == ADDRESSES[given]


@pytest.mark.parametrize("name", ["Toys", "1st", "pg_toys", "a-b", "", "x" * 64, 'a"b', "a%22b"])
def test_names_of_schemas(name):
    with pytest.raises(StoreError, match="name of a schema"):
        split_address(f"postgresql://db/shop?schema={name}")


def test_a_server_that_is_not_there(about):
    for use in (lambda a: create_store(a, about), open_store):
        with pytest.raises(StoreError, match="cannot be used") as caught:
            use("postgresql://ann:secret@127.0.0.1:1/shop")
        assert "secret" not in str(caught.value)


def test_without_psycopg_it_says_how_to_get_it(monkeypatch):
    for name in list(sys.modules):
        if name.startswith("matcher.store._postgres"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BackendError, match=r"pip install 'matcher\[postgres\]'"):
        open_store("postgresql://db/shop")


def test_vectors_too_wide_for_it():
    about = About("", (KeptEncoder("wide", "w", "dense", 16_001),))
    with pytest.raises(StoreError, match="at most 16,000"):
        create_store("postgresql://127.0.0.1:1/shop", about)


@marked
def test_the_widest_vectors(address):
    wide = np.linspace(-1, 1, 32_000, dtype=np.float32).reshape(2, 16_000)
    from matcher.store import ListingColumns

    with create_store(address, About("", (KeptEncoder("wide", "w", "dense", 16_000),))) as store:
        with store.write() as write:
            ids = ["a", "b"]
            rows = write.add_listings(ListingColumns(ids=ids, titles=ids, digests=ids))
            write.add_vectors("wide", "w", rows, wide)
        with store.read() as read:
            np.testing.assert_array_equal(read.vectors("wide").values, wide)


@marked
def test_a_sparse_row_of_many_entries(made, columns):
    from scipy.sparse import csr_array

    about = About("", (KeptEncoder("words", "w", "sparse", 50_000),))
    many = csr_array(np.ones((1, 50_000), np.float32))
    with create_store(f"{made.place}_more", about) as store:  # a place is an address
        with store.write() as write:
            write.add_vectors("words", "w", write.add_listings(columns("a")), many)
        with store.read() as read:
            assert read.vectors("words").values.nnz == 50_000


@marked
def test_vectors_are_what_pgvector_reads(made, columns, vectors, direct):
    register = pytest.importorskip("pgvector.psycopg").register_vector
    register(direct)
    with made.write() as write:
        rows = write.add_listings(columns("a", "b"))
        for name, (mark, values) in vectors(2).items():
            write.add_vectors(name, mark, rows, values)
    schema = made.place.partition("schema=")[2]
    query = f"SELECT value FROM {schema}.vectors_{{}} ORDER BY row_no"
    dense = [row[0].to_list() for row in direct.execute(query.format(0))]
    halves = [row[0].to_list() for row in direct.execute(query.format(1))]
    hashes = [row[0] for row in direct.execute(query.format(3))]
    assert dense == vectors(2)["picture"][1].tolist()
    assert halves == vectors(2)["half"][1].tolist()
    assert hashes == vectors(2)["hash"][1].view(np.int64).tolist()


@marked
def test_catalogues_of_one_database_do_not_meet(made, address, about, columns):
    with create_store(f"{address}_2", about) as other:
        with made.write() as write, other.write() as beside:  # each has a lock of its own
            write.add_listings(columns("a"))
            beside.add_listings(columns("a", "b"))
        with made.read() as read, other.read() as beside:
            assert (read.count(), beside.count()) == (1, 2)


@marked
def test_another_programs_schema_is_left_alone(address, about, direct):
    schema = address.partition("schema=")[2]
    direct.execute(f"CREATE SCHEMA {schema}")
    with pytest.raises(StoreError, match="already"):
        create_store(address, about)
    with pytest.raises(StoreError, match="holds no catalogue"):
        open_store(address)


@marked
def test_a_creation_that_fails_leaves_nothing(address, about, monkeypatch):
    from matcher.store._postgres_session import PostgresSession

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PostgresSession, "set_version", fail)
        with pytest.raises(KeyboardInterrupt):
            create_store(address, about)
    create_store(address, about).close()


@marked
def test_a_full_disk_costs_the_write_alone(made, columns, direct):
    schema = made.place.partition("schema=")[2]
    direct.execute(
        f"CREATE FUNCTION {schema}.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    )
    with made.write() as write:
        write.add_listings(columns("a"))
    direct.execute(
        f"CREATE TRIGGER full_disk AFTER INSERT ON {schema}.listings FOR EACH ROW "
        f"WHEN (NEW.id = 'c') EXECUTE FUNCTION {schema}.full()"
    )
    with pytest.raises(StoreFullError, match="Make room"), made.write() as write:
        write.add_listings(columns("b", "c"))
    with made.read() as read:
        assert read.listings().ids == ("a",)
    with made.write() as write:
        write.add_listings(columns("b"))


def end_others(direct):
    direct.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


@marked
def test_connections_that_the_server_ended_are_made_anew(made, columns, direct):
    with made.read(), made.read():
        pass  # leaves two connections for later
    end_others(direct)
    with made.write() as write:
        write.add_listings(columns("a"))
    with made.read() as read:
        assert read.count() == 1


@marked
def test_a_write_that_the_server_ended_leaves_nothing(made, columns, direct):
    def write_and_lose(write):
        write.add_listings(columns("a"))
        end_others(direct)
        write.add_listings(columns("b"))

    with pytest.raises(StoreError, match="cannot be used"), made.write() as write:
        write_and_lose(write)
    with made.read() as read:
        assert read.count() == read.revision == 0


@marked
def test_a_careless_server_default_does_not_count(address, about):
    careless = address.replace("&schema", "&options=-c%20synchronous_commit%3Doff&schema")
    with create_store(careless, about) as store:
        with store.read() as read:
            assert read._session.select("SHOW synchronous_commit") == [("off",)]
        with store.write() as write:
            assert write._session.select("SHOW synchronous_commit") == [("on",)]
