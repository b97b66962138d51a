"""Pages of a service in memory, asked without a network."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from matcher.page import page_router
from tests.page.fake import FakeService, Row, TinyCatalog


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.fixture
def photo(rng) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((640, 480))


@pytest.fixture
def png(photo) -> bytes:
    return encoded(photo)


@pytest.fixture
def catalog(tmp_path, photo) -> TinyCatalog:
    """Clusters 1 (a, b, c), 2 (d, e) and 3 (f); a and d have a picture, e's is broken."""
    photo.save(tmp_path / "good.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    good, bad = str(tmp_path / "good.jpg"), str(tmp_path / "bad.jpg")
    rows = {
        "a": Row("red mug 300 ml", good),
        "b": Row("red mug 0.3 l"),
        "c": Row("mug red large"),
        "d": Row("blue shirt", good, (10, 20, 100, 50)),
        "e": Row("shirt blue", bad),
        "f": Row("green hat"),
    }
    return TinyCatalog([["a", "b", "c"], ["d", "e"], ["f"]], rows)


class Visiting(TestClient):
    """A browser without scripts: it takes the token from the last page it was shown."""

    def __init__(self, service, **options):
        app = FastAPI(openapi_url=None)
        app.include_router(page_router(service))
        super().__init__(app, **options)
        self.service = service
        self.catalog = service.catalog
        self.token = ""

    def request(self, *given, **options):
        answer = super().request(*given, **options)
        found = re.search(r'name="token" value="([0-9a-f]{64})"', answer.text)
        self.token = found.group(1) if found else self.token
        return answer

    def submit(self, path, **fields):
        """Post a form with the token."""
        files = fields.pop("files", None)
        headers = fields.pop("headers", None)
        form = {"token": self.token, **fields}
        return self.post(path, data=form, files=files, headers=headers)


@pytest.fixture
def visiting():
    """Makes a browser at a service."""

    def begin(catalog, keys=None, base_url="http://testserver", **options) -> Visiting:
        service = FakeService(catalog, keys or {}, **options)
        return Visiting(service, base_url=base_url)

    return begin


@pytest.fixture
def client(visiting, catalog) -> Visiting:
    """A service without keys, its user not yet named."""
    return visiting(catalog)


@pytest.fixture
def named(client) -> Visiting:
    """The same; Ana decides."""
    client.get("/review")
    client.submit("/name", who="Ana", next="/review")
    return client
