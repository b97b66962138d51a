"""Adding, looking at and removing listings, and what becomes of their pictures."""

import base64
import os
import time
from hashlib import sha256
from urllib.parse import quote

import pytest

from tests.serve.conftest import encoded


def as_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def pictures(tmp_path):
    """Names of the files in the folder of the pictures, by folder and name."""
    folder = tmp_path / "shop" / "images"
    return lambda: sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def add(client, *listings):
    return client.post("/v1/listings", json={"listings": list(listings)})


def test_what_a_write_did(client):
    first = add(client, {"id": "a", "title": "red mug"}, {"id": "b", "title": "red mug"})
    assert first.status_code == 200
    assert first.json() == {
        "revision": 1,
        "added": ["a", "b"],
        "unchanged": [],
        "replaced": [],
        "removed": [],
        "unknown": [],
        "clusters": {"a": 1, "b": 1},
        "problems": {},
    }
    again = add(client, {"id": "a", "title": "red mug"}, {"id": "b", "title": "blue shirt"}).json()
    assert (again["unchanged"], again["replaced"], again["clusters"]) == (
        ["a"],
        ["b"],
        {"a": 1, "b": 2},
    )


def test_a_listing_comes_back_as_it_was_sent(client, png):
    sent = {
        "id": "a",
        "title": "red mug",
        "image": as_text(png),
        "box": [1, 2.5, 30, 20],
        "extra": {"price": "3", "seller name": "ana"},
    }
    add(client, sent, {"id": "b", "title": "other", "extra": {"size": "xl"}})
    assert client.get("/v1/listings/a").json() == {
        **sent,
        "image": "/v1/pictures/a",
        "cluster": 1,
    }
    assert client.get("/v1/listings/b").json() == {
        "id": "b",
        "title": "other",
        "image": None,
        "box": None,
        "extra": {"size": "xl"},
        "cluster": 2,
    }
    picture = client.get("/v1/pictures/a")
    assert (picture.content, picture.headers["content-type"]) == (png, "image/png")
    assert "default-src 'none'" in picture.headers["content-security-policy"]


@pytest.mark.parametrize("id", ["a/b", "ü", "a?b#c", "..", "a:b", "x" * 200, "'\"<>&"])
def test_ids_of_all_kinds(client, check_problem, id):
    assert add(client, {"id": id, "title": "red mug"}).status_code == 200
    path = f"/v1/listings/{quote(id, safe='').replace('.', '%2E')}"
    assert client.get(path).json()["id"] == id
    assert client.delete(path).json()["removed"] == [id]
    check_problem(client.delete(path), 404)
    check_problem(client.get(path), 404)


@pytest.mark.parametrize(
    "listing",
    [
        {"title": "x"},
        {"id": "", "title": "x"},
        {"id": "a b", "title": "x"},
        {"id": "a\n", "title": "x"},
        {"id": "x" * 201, "title": "x"},
        {"id": 7, "title": "x"},
        {"id": "a"},
        {"id": "a", "title": " "},
        {"id": "a", "title": "x", "box": [0, 0, 1, 1]},
        {"id": "a", "title": "x", "image": "aGk="},
        {"id": "a", "title": "x", "extra": {"price": 3}},
        {"id": "a", "title": "x", "extra": {"": "y"}},
        {"id": "a", "title": "x", "extra": {"n": "y" * 2001}},
        {"id": "a", "title": "x", "extra": {str(i): "y" for i in range(51)}},
        {"id": "a", "title": "x", "group": "7"},
    ],
)
def test_one_bad_listing_stops_all_and_nothing_is_written(client, catalog, check_problem, listing):
    answer = add(client, {"id": "good", "title": "red mug"}, listing)
    faults = check_problem(answer, 422)["errors"]
    assert all(fault["where"].startswith("body.listings.1") for fault in faults)
    assert catalog.kept == {}


@pytest.mark.parametrize(
    "sent",
    [{}, {"listings": []}, {"listings": [{"id": "a", "title": "x"}] * 2}, {"listings": "x"}, []],
)
def test_tables_that_are_none(client, check_problem, sent):
    check_problem(client.post("/v1/listings", json=sent), 422)


def test_more_listings_than_allowed(client, check_problem):
    check_problem(add(client, *({"id": str(i), "title": "x"} for i in range(101))), 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_body_that_is_no_json(client, check_problem, kind):
    """A form of another site may send these kinds without asking."""
    headers = {"content-type": kind}
    body = '{"listings": [{"id": "a", "title": "x"}]}'
    answer = client.post("/v1/listings", content=body, headers=headers)
    check_problem(answer, answer.status_code)
    assert answer.status_code in (415, 422)


def test_pictures_are_named_by_their_content(client, png, pictures):
    add(client, {"id": "a", "image": as_text(png)}, {"id": "b", "image": as_text(png)})
    digest = sha256(png).hexdigest()
    assert pictures() == [f"{digest[:2]}/{digest}.png"]


def test_a_picture_goes_with_the_last_listing_that_shows_it(client, png, pictures):
    add(client, {"id": "a", "image": as_text(png)}, {"id": "b", "image": as_text(png)})
    client.delete("/v1/listings/a")
    assert len(pictures()) == 1
    client.delete("/v1/listings/b")
    assert pictures() == []


def test_a_picture_goes_when_its_listing_gets_another(client, png, photo, pictures):
    add(client, {"id": "a", "image": as_text(png)})
    other = encoded(photo.rotate(90), "JPEG")
    add(client, {"id": "a", "image": as_text(other)})
    assert pictures() == [f"{sha256(other).hexdigest()[:2]}/{sha256(other).hexdigest()}.jpg"]
    assert client.get("/v1/pictures/a").content == other


def test_pictures_of_an_earlier_run_are_counted(start, catalog, png, pictures):
    first = start({"shop": catalog})
    add(first, {"id": "a", "image": as_text(png)}, {"id": "b", "image": as_text(png)})
    second = start({"shop": catalog})
    second.delete("/v1/listings/a")
    assert len(pictures()) == 1
    second.delete("/v1/listings/b")
    assert pictures() == []


def test_what_a_killed_process_left_is_swept_after_an_hour(start, catalog, png, tmp_path, pictures):
    first = start({"shop": catalog})
    add(first, {"id": "a", "image": as_text(png)})
    folder = tmp_path / "shop" / "images" / "00"
    folder.mkdir()
    for name, age in (("old.png", 4000), (".matcher-old.png", 4000), ("new.png", 10)):
        (folder / name).write_bytes(png)
        then = time.time() - age
        os.utime(folder / name, (then, then))
    (kept,) = (tmp_path / "shop" / "images").glob(f"??/{sha256(png).hexdigest()}.png")
    os.utime(kept, (0, 0))
    add(start({"shop": catalog}), {"id": "b", "title": "red mug"})
    assert pictures() == sorted(["00/new.png", str(kept.relative_to(folder.parent))])


def test_pictures_that_lie_elsewhere_stay(client, catalog, tmp_path, png):
    elsewhere = tmp_path / "mine.png"
    elsewhere.write_bytes(png)
    add(client, {"id": "a", "title": "red mug"})
    catalog.kept["a"]["image"] = str(elsewhere)
    assert client.get("/v1/pictures/a").content == png
    client.delete("/v1/listings/a")
    assert elsewhere.exists()


@pytest.mark.parametrize("content", [None, b"", b"<script>alert(1)</script>"])
def test_what_is_no_picture_is_not_served(client, catalog, check_problem, tmp_path, content):
    path = tmp_path / "secret.txt"
    if content is not None:
        path.write_bytes(content)
    add(client, {"id": "a", "title": "red mug"})
    catalog.kept["a"]["image"] = str(path)
    check_problem(client.get("/v1/pictures/a"), 404)


def test_a_listing_without_a_picture_has_none_to_show(filled, check_problem):
    check_problem(filled.get("/v1/pictures/a"), 404)
    check_problem(filled.get("/v1/pictures/none"), 404)


def test_formats_keep_their_endings(client, photo, pictures):
    kinds = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
    for kind in kinds:
        assert add(client, {"id": kind, "image": as_text(encoded(photo, kind))}).status_code == 200
        assert client.get(f"/v1/pictures/{kind}").headers["content-type"] == f"image/{kind.lower()}"
    assert sorted(name.rpartition(".")[2] for name in pictures()) == sorted(kinds.values())
