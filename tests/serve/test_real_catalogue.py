"""The service on a catalogue that lasts: the same routes, the real thing."""

import base64
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from fastapi.testclient import TestClient

from matcher.catalog import create_catalog
from matcher.io.images import HeldImage
from matcher.serve.app import make_app
from matcher.serve.keys import Keys
from matcher.serve.settings import ServeSettings
from matcher.serve.tenants import open_all
from matcher.types import ImageRef, Listings


@pytest.fixture(scope="session")
def template(root, tmp_path_factory):
    """A catalogue of the example listings, to be copied."""
    place = tmp_path_factory.mktemp("catalogues") / "examples"
    examples = root / "examples"
    create_catalog(place, examples / "listings.csv", examples / "images").close()
    return place


@pytest.fixture
def place(template, tmp_path):
    return shutil.copytree(template, tmp_path / "shop")


@pytest.fixture
def served(place):
    """A service on a copy of it."""
    settings = ServeSettings(write_seconds=0.2)
    catalogs = open_all([str(place)], settings)
    with TestClient(
        make_app(catalogs, Keys(place=str(place)), settings), base_url="http://localhost"
    ) as c:
        yield c


@pytest.fixture
def picture(root):
    return (root / "examples" / "images" / "post_0000000000.jpg").read_bytes()


def as_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_repost_is_found_by_its_picture(served, picture):
    for answer in (
        served.post("/v1/match", json={"image": as_text(picture), "k": 3}),
        served.post("/v1/match", data={"k": "3"}, files={"image": ("p.jpg", picture)}),
    ):
        first = answer.json()["candidates"][0]
        assert first["match"]
        assert first["scores"]["phash"] == 1.0
        assert served.get(first["image"]).content == picture


def test_a_batch_is_answered_as_each_alone(served, place, root, picture):
    """Whoever else asks changes nothing."""
    catalog = served.app.state.tenants[str(place)].catalog
    held = HeldImage(root / "p.jpg", content=picture)
    titles = ("aloe vera soap", "", "harele kabel data", "")
    images = (None, held, held, ImageRef(root / "examples" / "images" / "post_0000000000.jpg"))
    together = catalog.query(Listings(tuple("abcd"), titles, images), 5)
    for i in range(4):
        (alone,) = catalog.query(Listings(("a",), titles[i : i + 1], images[i : i + 1]), 5)
        assert [found.id for found in alone] == [found.id for found in together[i]]
        np.testing.assert_allclose(
            [found.score for found in alone], [found.score for found in together[i]], atol=1e-6
        )
    assert [f.id for f in together[1]] == [f.id for f in together[3]]


def test_from_arrival_to_correction(served, picture, place):
    sent = {
        "listings": [
            {
                "id": "n1",
                "title": "zzgreen qqhat",
                "image": as_text(picture),
                "extra": {"price": "3"},
            },
            {"id": "n2", "title": "zzgreen qqhat new", "box": None},
        ]
    }
    added = served.post("/v1/listings", json=sent).json()
    assert added["added"] == ["n1", "n2"]
    assert served.post("/v1/listings", json=sent).json()["unchanged"] == ["n1", "n2"]
    cluster = added["clusters"]["n1"]
    assert served.get("/v1/listings/n1").json()["extra"] == {"price": "3"}
    members = [one["id"] for one in served.get(f"/v1/clusters/{cluster}").json()["listings"]]
    if "n2" in members:
        parted = served.post(
            "/v1/decisions", json={"kind": "split", "cluster": cluster, "out": ["n2"]}
        )
        assert parted.status_code == 201
    apart = [served.get(f"/v1/listings/{id}").json()["cluster"] for id in ("n1", "n2")]
    assert apart[0] != apart[1]
    merged = served.post("/v1/decisions", json={"kind": "merge", "clusters": apart})
    assert merged.status_code == (409 if "n2" in members else 201)
    assert len([p for p in (place / "images").rglob("*") if p.is_file()]) == 1
    assert served.delete("/v1/listings/n1").json()["removed"] == ["n1"]
    assert not [p for p in (place / "images").rglob("*") if p.is_file()]
    assert served.get("/v1/pictures/n1").status_code == 404


def test_columns_of_the_catalogue_s_own_are_not_shown(served):
    extra = served.get("/v1/listings/post_0000000000").json()["extra"]
    assert extra["label_group"] == "0"
    assert not [name for name in extra if name.startswith("matcher:")]


def test_a_contradiction_names_what_to_undo(served, check_problem):
    cluster = served.get("/v1/clusters?limit=1").json()["clusters"][0]
    first, second, *_ = [one["id"] for one in cluster["listings"]]
    said = {"kind": "reject", "left": first, "right": second, "who": "ana"}
    assert served.post("/v1/decisions", json=said).status_code == 201
    both = [served.get(f"/v1/listings/{id}").json()["cluster"] for id in (first, second)]
    body = check_problem(
        served.post("/v1/decisions", json={"kind": "merge", "clusters": both}), 409
    )
    assert "undo 1 first" in body["detail"]
    assert served.post("/v1/decisions/1/undo", json={"who": "bo"}).status_code == 201
    assert served.post("/v1/decisions", json={"kind": "merge", "clusters": both}).status_code in (
        201,
        404,
        410,
    )


def test_another_process_that_writes_is_waited_for_while_questions_are_answered(
    served, place, check_problem
):
    new = {"listings": [{"id": "n1", "title": "green hat"}]}
    with closing(sqlite3.connect(place / "catalog.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        check_problem(served.post("/v1/listings", json=new), 503)
        check_problem(served.delete("/v1/listings/post_0000000000"), 503)
        assert served.post("/v1/match", json={"title": "aloe vera"}).status_code == 200
        assert served.get("/v1/listings/post_0000000000").status_code == 200
        other.execute("ROLLBACK")
    assert served.post("/v1/listings", json=new).json()["added"] == ["n1"]


def test_what_another_process_adds_is_found(served, place):
    from matcher.catalog import open_catalog

    with open_catalog(place) as other:
        other.add(Listings(("other-1",), ("zzunheard qqwords",), (None,)))
    found = served.post("/v1/match", json={"title": "zzunheard qqwords", "k": 1}).json()
    assert served.get("/v1/listings/other-1").status_code == 200
    assert all(one["id"] for one in found["candidates"])


def test_it_closes_and_opens_again(place):
    for n in (219, 220):
        catalogs = open_all([str(place)], ServeSettings())
        app = make_app(catalogs, Keys(place=str(place)))
        with TestClient(app, base_url="http://localhost") as client:
            assert client.get("/v1/statistics").json()["listings"] == n
            new = {"listings": [{"id": f"n{n}", "title": "green hat"}]}
            assert client.post("/v1/listings", json=new).status_code == 200
