"""kill -9 while listings arrive: what was answered is there, and nothing is half there."""

import base64
import http.client
import io
import json
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.catalog import create_catalog, open_catalog
from matcher.types import Listings
from tests.serve.running import running


def picture(number: int) -> str:
    content = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(pixels).resize((48, 48)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def post(port: int, path: str, body: dict) -> dict:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            assert answer.status == 200
            return json.loads(answer.read())


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("n_before", [1, 4, 9])
def test_killed_while_listings_arrive(tmp_path, n_before):
    place = tmp_path / "shop"
    titles = tuple(f"product number {i} of brand {i % 3}" for i in range(12))
    ids = tuple(f"first-{i}" for i in range(12))
    create_catalog(place, Listings(ids, titles, (None,) * 12)).close()
    command = [sys.executable, "-m", "matcher", "serve", str(place), "--port", "0"]
    answered: list[str] = []
    with running(command) as service:
        enough = threading.Event()

        def send():
            for i in range(10_000):
                new = {"id": f"new-{i}", "title": f"hat {i}", "image": picture(i)}
                try:
                    post(service.port, "/v1/listings", {"listings": [new]})
                except (OSError, http.client.HTTPException, AssertionError):
                    return
                answered.append(new["id"])
                if len(answered) >= n_before:
                    enough.set()

        client = threading.Thread(target=send)
        client.start()
        assert enough.wait(60)
        service.process.kill()
        client.join()
    with open_catalog(place) as catalog:
        kept = catalog.listings(answered)
        assert list(kept.ids) == answered
        assert all(Path(reference).stat().st_size > 0 for reference in kept.images)
        assert catalog.statistics().n_listings - 12 - len(answered) in (0, 1)
    files = [path for path in (place / "images").rglob("*") if path.is_file()]
    assert len(files) - len(kept.ids) in (0, 1)
    with running(command) as service:
        found = post(service.port, "/v1/match", {"title": "hat 0", "image": picture(0), "k": 1})
        assert found["candidates"][0]["id"] == "new-0"
        more = {"listings": [{"id": "after", "title": "hat after", "image": picture(0)}]}
        assert post(service.port, "/v1/listings", more)["added"] == ["after"]
