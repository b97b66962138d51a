"""What is refused before any work: size, pixels, rate, overload."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from matcher.errors import ConfigError
from matcher.serve.keys import Key, Keys, make_key
from matcher.serve.metrics import Metrics
from matcher.serve.problems import Refused
from matcher.serve.settings import ServeSettings
from matcher.serve.slots import Rates, Slots
from tests.serve.conftest import encoded
from tests.serve.fake import FakeCatalog


def in_pieces(content: bytes, size: int = 1000):
    """Sent in chunks, without a length before them."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize(
    "path", ["/v1/match", "/v1/listings", "/v1/decisions", "/v1/decisions/1/undo"]
)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large(start, check_problem, path, announced):
    client = start(max_body_mb=0.01)
    body = b'{"title": "' + b"x" * 10_000 + b'"}'
    content = body if announced else in_pieces(body)
    headers = {"content-type": "application/json"}
    check_problem(client.post(path, content=content, headers=headers), 413)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_just_the_size(start, announced):
    client = start(max_body_mb=0.01)
    body = b'{"title": "red"' + b" " * (10_000 - 16) + b"}"
    assert len(body) == 10_000
    content = body if announced else in_pieces(body)
    headers = {"content-type": "application/json"}
    assert client.post("/v1/match", content=content, headers=headers).status_code == 200


@pytest.mark.parametrize("length", ["9" * 400, "-1", "1e3", "x", ""])
def test_lengths_that_are_none(client, check_problem, length):
    headers = {"content-type": "application/json", "content-length": length}
    answer = client.post("/v1/match", content=b'{"title": "x"}', headers=headers)
    if length.startswith("9"):
        check_problem(answer, 413)
    else:  # a server in front of it has refused them before
        assert answer.status_code in (200, 400, 413)


@pytest.mark.parametrize(("pixels", "status"), [(48, 200), (47, 422)])
def test_pixels_are_counted_before_they_are_decoded(
    start, check_problem, monkeypatch, pixels, status
):
    client = start(max_pixels=pixels)
    image = base64.b64encode(encoded(Image.new("RGB", (8, 6), "red"))).decode()
    loaded = []
    monkeypatch.setattr("matcher.serve.pictures.decode", lambda *given: loaded.append(given))
    answer = client.post("/v1/match", json={"title": "x", "image": image})
    assert answer.status_code == status
    assert bool(loaded) == (status == 200)


def test_a_rate_of_a_key(tenants, start, tmp_path, check_problem):
    (fast, d1), (slow, d2) = make_key(), make_key()
    place = str(tmp_path / "shop")
    keys = Keys(
        [
            Key("fast", bytes.fromhex(d1), place, frozenset(["read"]), rate=1000),
            Key("slow", bytes.fromhex(d2), place, frozenset(["read"])),
        ]
    )
    client = start({"shop": FakeCatalog()}, keys, rate=0.001, burst=3)

    def ask(text):
        return client.get("/v1/statistics", headers={"Authorization": f"Bearer {text}"})

    assert [ask(slow).status_code for _ in range(3)] == [200] * 3
    refused = ask(slow)
    check_problem(refused, 429)
    assert 900 <= int(refused.headers["retry-after"]) <= 1000
    assert ask(fast).status_code == 200
    assert client.get("/healthz").status_code == 200
    assert 'matcher_refused_total{reason="rate"} 1.0' in client.get("/metrics").text


@given(
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_a_bucket_never_gives_more_than_its_rate(rate, burst, pauses):
    now = [0.0]
    rates = Rates(ServeSettings(rate=rate, burst=burst), clock=lambda: now[0])
    key = Key("k", b"1", "p", frozenset())
    served = []

    def come() -> int | None:
        """Seconds to wait, or None where it was served."""
        try:
            rates.spend(key)
        except Refused as refused:
            return int(refused.headers["Retry-After"])
        served.append(now[0])
        return None

    for pause in pauses:
        now[0] += pause
        wait = come()
        if wait is not None:  # whoever waits as long as told is served
            now[0] += wait
            assert come() is None
    for i, begin in enumerate(served):
        for j in range(i, len(served)):
            assert j - i + 1 <= burst + rate * (served[j] - begin) + 1e-6


def test_slots_are_given_back_whatever_happens():
    slots = Slots(ServeSettings(match_slots=1, read_slots=2), Metrics())
    with slots.take("match"):
        with pytest.raises(Refused) as refused, slots.take("match"):
            pass
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
        with slots.take("read"), slots.take("read"):
            pass
    with pytest.raises(KeyError), slots.take("match"):
        raise KeyError
    with slots.take("match"):
        pass


class Held(FakeCatalog):
    """Answers nothing until it is let go."""

    def __init__(self):
        super().__init__()
        self.go, self.began = threading.Event(), threading.Event()

    def query(self, listings, k=10):
        self.began.set()
        self.go.wait()
        return super().query(listings, k)


def test_overload_is_refused_while_those_before_wait_and_are_answered(start, check_problem):
    catalog = Held()
    client = start({"shop": catalog}, match_slots=5)
    client.post("/v1/listings", json={"listings": [{"id": "a", "title": "red mug"}]})
    with ThreadPoolExecutor(5) as clients:
        waiting = [
            clients.submit(client.post, "/v1/match", json={"title": "red"}) for _ in range(5)
        ]
        catalog.began.wait()
        while client.app.state.metrics.under_way.labels("match")._value.get() < 5:
            pass
        # None of these is ever answered while the catalogue is held: they are refused at once.
        for _ in range(50):
            check_problem(client.post("/v1/match", json={"title": "red"}), 503)
        # Others are not in their way.
        assert client.get("/v1/clusters").status_code == 200
        added = {"listings": [{"id": "b", "title": "blue shirt"}]}
        assert client.post("/v1/listings", json=added).status_code == 200
        assert client.get("/readyz").status_code == 200
        catalog.go.set()
        assert [one.result().status_code for one in waiting] == [200] * 5
    assert sum(catalog.batches) == 5
    assert len(catalog.batches) <= 3
    assert client.post("/v1/match", json={"title": "red"}).status_code == 200
    told = client.get("/metrics").text
    assert 'matcher_refused_total{reason="overload"} 50.0' in told
    assert 'matcher_requests_under_way{kind="match"} 0.0' in told


def test_a_refused_body_is_not_read(start):
    """Nothing of a request is parsed where there is no slot for it."""
    catalog = Held()
    client = start({"shop": catalog}, match_slots=1)
    with ThreadPoolExecutor(1) as clients:
        first = clients.submit(client.post, "/v1/match", json={"title": "red"})
        catalog.began.wait()
        refused = client.post("/v1/match", content=b"x" * 20_000_000)
        assert refused.status_code == 503
        catalog.go.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"max_batch": 0}, {"max_pixel": 5}, {"rate": -1}, {"max_body_mb": 1e9}]
)
def test_limits_that_make_no_sense(wrong):
    with pytest.raises(ConfigError, match=f"limits.yaml: .*{next(iter(wrong))}"):
        ServeSettings.read(wrong, "limits.yaml")
