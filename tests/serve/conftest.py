"""Services on catalogues in memory, asked without a network."""

from __future__ import annotations

import io
import time
from contextlib import ExitStack
from threading import Thread

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from matcher.serve.app import make_app
from matcher.serve.keys import RIGHTS, Key, Keys, make_key
from matcher.serve.run import Server, configure
from matcher.serve.settings import ServeSettings
from tests.serve.fake import FakeCatalog


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.fixture
def photo(rng) -> Image.Image:
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(small).resize((64, 48))


@pytest.fixture
def png(photo) -> bytes:
    return encoded(photo)


@pytest.fixture
def build(tmp_path):
    """Builds applications."""

    def make(catalogs=None, keys=None, **settings):
        catalogs = catalogs or {"shop": FakeCatalog()}
        by_place = {str(tmp_path / name): one for name, one in catalogs.items()}
        allowed = keys or Keys(place=next(iter(by_place)))
        references = {place: one.references for place, one in by_place.items()}
        return make_app(by_place, allowed, ServeSettings(**settings), references=references)

    return make


@pytest.fixture
def start(build):
    """Starts services; each is stopped when the test ends."""
    with ExitStack() as stack:

        def begin(catalogs=None, keys=None, **settings) -> TestClient:
            app = build(catalogs, keys, **settings)
            return stack.enter_context(TestClient(app, base_url="http://localhost"))

        yield begin


@pytest.fixture
def listen():
    """Runs applications behind the real server, each on a port of its own; gives the address."""
    with ExitStack() as stack:

        def begin(app) -> str:
            settings = app.state.settings
            server = Server(configure(app, "127.0.0.1", 0, settings), app.state.running, 0)
            thread = Thread(target=server.run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            while not server.started:
                time.sleep(0.01)
            return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

        yield begin


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def client(start, catalog) -> TestClient:
    """A service without keys, as on one's own machine, its catalogue empty."""
    return start({"shop": catalog})


@pytest.fixture
def filled(client) -> TestClient:
    """The same with three listings: a and b in cluster 1, c in cluster 2."""
    listings = [
        {"id": "a", "title": "red mug 300 ml"},
        {"id": "b", "title": "red mug 300 ml new"},
        {"id": "c", "title": "blue shirt"},
    ]
    assert client.post("/v1/listings", json={"listings": listings}).status_code == 200
    return client


@pytest.fixture
def tenants(start, tmp_path):
    """A service of two shops, and a key for each right of each: key[shop, right]."""
    made, shown = [], {}
    for shop in ("one", "two"):
        for right in (*RIGHTS, "all", "none"):
            text, digest = make_key()
            rights = frozenset(RIGHTS if right == "all" else set(RIGHTS) & {right})
            place = str(tmp_path / shop)
            made.append(Key(f"{shop}-{right}", bytes.fromhex(digest), place, rights))
            shown[shop, right] = {"Authorization": f"Bearer {text}"}
    catalogs = {"one": FakeCatalog("one"), "two": FakeCatalog("two")}
    return start(catalogs, Keys(made)), shown


@pytest.fixture
def check_problem():
    """Checks that an answer is a problem, whole and of that status."""

    def check(answer, status: int) -> dict:
        body = answer.json()
        assert answer.status_code == status, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["title"]
        assert body["detail"]
        assert body["request_id"] == answer.headers["x-request-id"]
        assert set(body) <= {"type", "title", "status", "detail", "request_id", "errors", "now"}
        if status in (429, 503):
            assert int(answer.headers["retry-after"]) >= 1
        return body

    return check
