"""A full disk, another writer, a store that breaks: what the service says, and what it leaves."""

import base64
import errno
import os
from pathlib import Path

import pytest

from matcher.errors import StoreError, StoreFullError
from tests.serve.conftest import *  # noqa: F403, its fixtures


@pytest.fixture
def files(tmp_path):
    """All files below the catalogue."""
    return lambda: sorted(path for path in (tmp_path / "shop").rglob("*") if path.is_file())


def writes(client, png=b""):
    """Every kind of request that writes, for a catalogue filled with a, b and c."""
    listing = {"id": "new", "title": "green hat"}
    if png:
        listing["image"] = base64.b64encode(png).decode()
    yield client.post("/v1/listings", json={"listings": [listing]})
    yield client.delete("/v1/listings/a")
    yield client.post("/v1/decisions", json={"kind": "accept", "cluster": 1})
    yield client.post("/v1/decisions", json={"kind": "reject", "left": "a", "right": "b"})


def test_a_full_disk_is_told_and_what_was_there_is_served(
    filled, catalog, check_problem, png, files
):
    catalog.fails = StoreFullError("/srv/shop is full")
    for answer in writes(filled, png):
        body = check_problem(answer, 507)
        assert "/srv/shop" not in body["detail"]
    assert files() == []  # the picture went again
    assert filled.get("/v1/clusters/1").status_code == 200
    assert filled.post("/v1/match", json={"title": "red mug"}).json()["candidates"]
    catalog.fails = None
    assert [answer.status_code for answer in writes(filled, png)] == [200, 200, 201, 404]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_for_a_picture(filled, catalog, check_problem, monkeypatch, png, files, code):
    def write(path, content):
        path.touch()
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_bytes", write)
    sent = {"id": "new", "title": "green hat", "image": base64.b64encode(png).decode()}
    added = filled.post("/v1/listings", json={"listings": [sent]})
    check_problem(added, 507)
    assert files() == []
    assert "new" not in catalog.kept


def test_a_folder_that_cannot_be_written(filled, catalog, check_problem, tmp_path, png):
    (tmp_path / "shop").write_text("in the way")
    sent = {"id": "new", "image": base64.b64encode(png).decode()}
    body = check_problem(filled.post("/v1/listings", json={"listings": [sent]}), 503)
    assert str(tmp_path) not in body["detail"]
    assert "new" not in catalog.kept


def test_another_writer_is_waited_for_and_then_told(filled, catalog, check_problem):
    catalog.fails = StoreError("/srv/shop cannot be used: database is locked.")
    for answer in writes(filled):
        body = check_problem(answer, 503)
        assert "/srv/shop" not in body["detail"]


def test_a_store_that_cannot_be_read(filled, catalog, check_problem, monkeypatch):
    def fail(*given):
        raise StoreError("/srv/shop is damaged: disk image is malformed.")

    for name in ("query", "clusters", "cluster", "statistics", "review", "decisions", "cluster_of"):
        monkeypatch.setattr(catalog, name, fail)
    batcher = next(iter(filled.app.state.tenants._by_place.values())).batcher
    monkeypatch.setattr(batcher, "_ask", fail)
    for method, path in (
        ("GET", "/v1/clusters"),
        ("GET", "/v1/clusters/1"),
        ("GET", "/v1/statistics"),
        ("GET", "/v1/review"),
        ("GET", "/v1/decisions"),
        ("GET", "/v1/listings/a"),
        ("GET", "/v1/pictures/a"),
    ):
        check_problem(filled.request(method, path), 503)
    check_problem(filled.post("/v1/match", json={"title": "red"}), 503)


def test_a_picture_of_another_listing_stays_when_adding_fails(filled, catalog, png, files):
    image = base64.b64encode(png).decode()
    filled.post("/v1/listings", json={"listings": [{"id": "kept", "image": image}]})
    before = files()
    assert len(before) == 1
    catalog.fails = StoreFullError("full")
    sent = {"id": "new", "image": image}
    assert filled.post("/v1/listings", json={"listings": [sent]}).status_code == 507
    assert files() == before


def test_pictures_are_counted_anew_after_another_process_wrote(filled, catalog, png, files):
    """What another process has come to show is not removed."""
    image = base64.b64encode(png).decode()
    filled.post("/v1/listings", json={"listings": [{"id": "mine", "image": image}]})
    catalog.kept["theirs"] = {**catalog.kept["mine"]}
    catalog.members[99] = ["theirs"]
    catalog.revision += 1
    filled.delete("/v1/listings/mine")
    assert len(files()) == 1
    filled.delete("/v1/listings/theirs")
    assert files() == []
