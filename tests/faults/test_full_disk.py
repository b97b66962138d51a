"""A disk that is full a page sooner each time: told as such, and nothing else is lost by it."""

import base64
import io
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from matcher.catalog import create_catalog, open_catalog
from matcher.serve.app import make_app
from matcher.serve.keys import Keys
from matcher.serve.settings import ServeSettings
from matcher.serve.tenants import open_all
from matcher.types import Listings
from tests.catalog.conftest import CONFIG

PAGE = 4096
MOST_PAGES = 400


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, of 24 MB."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def shop(disk):
    titles = tuple(f"product number {i} of brand {i % 3}" for i in range(12))
    ids = tuple(f"first-{i}" for i in range(12))
    create_catalog(disk / "shop", Listings(ids, titles, (None,) * 12), config=CONFIG).close()
    return str(disk / "shop")


@pytest.fixture
def served(shop):
    settings = ServeSettings(write_seconds=0.2)
    app = make_app(open_all([shop], settings), Keys(place=shop), settings)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


@contextmanager
def room_for(disk, pages):
    """Fill the disk up but for so many pages."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail - pages
    ballast.write_bytes(bytes(PAGE * max(0, free)))
    try:
        yield
    finally:
        ballast.unlink()


def picture(number):
    content = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(pixels).resize((80, 80)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def writes(client, number):
    """Requests that change something, each in turn."""
    new = {"id": f"new-{number}", "title": f"hat {number}", "image": picture(number)}
    yield lambda: client.post("/v1/listings", json={"listings": [new]})
    pair = {"left": "first-1", "right": f"first-{2 + number % 9}"}
    yield lambda: client.post("/v1/decisions", json={"kind": "reject", **pair})
    yield lambda: client.delete(f"/v1/listings/new-{number}")


def seen(client):
    """What a catalogue shows."""
    paths = ("/v1/statistics", "/v1/clusters", "/v1/decisions", "/v1/review")
    answers = [client.get(path) for path in paths]
    answers.append(client.post("/v1/match", json={"title": "product number 3", "k": 3}))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


def pictures(disk):
    return sorted(path for path in (disk / "shop" / "images").rglob("*") if path.is_file())


@pytest.mark.slow
def test_wherever_the_room_ends(served, disk, shop):
    full, done = 0, 0
    for pages in [*range(24), *range(24, MOST_PAGES, 32)]:
        for write in writes(served, pages):
            before = seen(served)
            files = pictures(disk)
            with room_for(disk, pages):
                status = write().status_code
                if status == 507:
                    assert seen(served) == before  # reads go on
            if status == 507:
                full += 1
                assert pictures(disk) == files
                assert write().status_code in (200, 201)  # once there is room again
            else:
                done += 1
                assert status in (200, 201), (pages, status)
    assert full > 10
    assert done > 10
    with open_catalog(shop) as again:
        assert again.statistics().n_listings == seen(served)[0]["listings"]
