"""Around every request: an id, headers, a line in the log, a count; a bug is no secret."""

import io
import json
import logging

import pytest

from matcher.serve.logs import begin_logging
from matcher.serve.metrics import Metrics


@pytest.fixture
def lines():
    """Gives the lines of the log so far; logging is as it was when the test ends."""
    names = ("matcher", "uvicorn", "python_multipart")
    before = [
        (log, log.handlers, log.level, log.propagate) for log in map(logging.getLogger, names)
    ]
    stream = io.StringIO()
    begin_logging(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for log, handlers, level, propagate in before:
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@pytest.mark.parametrize("id", ["abc-1.2_3", "x" * 64])
def test_a_sane_id_of_the_client_is_kept(client, id):
    assert client.get("/healthz", headers={"X-Request-ID": id}).headers["x-request-id"] == id


@pytest.mark.parametrize("id", ["", "x" * 65, "a b", 'a"b', "a\tb", "ü", "<script>"])
def test_other_ids_are_replaced(client, id):
    headers = {"X-Request-ID": id.encode()}
    made = [client.get("/healthz", headers=headers).headers["x-request-id"] for _ in range(2)]
    assert all(len(one) == 16 for one in made)
    assert made[0] != made[1]


@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/v1/clusters", "/v1/clusters/9", "/none", "/openapi.json"]
)
def test_security_headers_are_on_every_answer(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_line_for_each_request_without_titles_ids_and_keys(tenants, lines):
    client, keys = tenants
    secret = keys["one", "all"]["Authorization"].removeprefix("Bearer ")
    headers = {**keys["one", "all"], "X-Request-ID": "mine"}
    listing = {"id": "hidden-id", "title": "hidden title"}
    client.post("/v1/listings", json={"listings": [listing]}, headers=headers)
    client.post("/v1/match", json={"title": "hidden title"}, headers=headers)
    client.get("/v1/listings/hidden-id?hidden=1", headers=headers)
    client.get("/v1/listings/hidden-id")
    client.get("/hidden")
    found = [line for line in lines() if line["event"] == "request"]
    told = [(line["method"], line["route"], line["status"], line["key"]) for line in found]
    assert told == [
        ("POST", "/v1/listings", 200, "one-all"),
        ("POST", "/v1/match", 200, "one-all"),
        ("GET", "/v1/listings/{id:path}", 422, "one-all"),
        ("GET", "-", 401, None),
        ("GET", "-", 404, None),
    ]
    assert [line["request_id"] for line in found[:3]] == ["mine"] * 3
    assert all(line["seconds"] >= 0 and line["bytes"] > 0 and line["time"] for line in found)
    text = json.dumps(lines())
    assert "hidden" not in text
    assert secret not in text


def test_a_bug_is_answered_and_logged_with_its_id(
    client, catalog, lines, check_problem, monkeypatch
):
    def fail():
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr(catalog, "statistics", fail)
    body = check_problem(client.get("/v1/statistics"), 500)
    assert "secret" not in json.dumps(body)
    bug = next(line for line in lines() if line["event"] == "bug")
    assert bug["request_id"] == body["request_id"]
    assert "ZeroDivisionError: secret of the house" in bug["exception"]
    assert bug["level"] == "error"


def test_logs_of_libraries_are_json_too(lines):
    logging.getLogger("uvicorn.error").info("Started %s", "here")
    logging.getLogger("matcher.io").warning('odd "thing"\n2')
    assert [line["event"] for line in lines()] == ["Started here", 'odd "thing"\n2']


def test_metrics_count_by_route(filled):
    filled.post("/v1/match", json={"title": "red mug"})
    filled.get("/v1/clusters/1")
    filled.get("/v1/clusters/2")
    filled.get("/v1/clusters/99")
    filled.request("BREW", "/v1/clusters")
    told = filled.get("/metrics").text
    count = "matcher_requests_total"
    route = "/v1/clusters/{cluster}"
    assert f'{count}{{method="GET",route="{route}",status="200"}} 2.0' in told
    assert f'{count}{{method="GET",route="{route}",status="404"}} 1.0' in told
    assert 'method="other"' in told
    assert "BREW" not in told
    assert "matcher_query_batch_count 1.0" in told
    assert "process_resident_memory_bytes" in told


def test_each_service_counts_for_itself():
    one, two = Metrics(), Metrics()
    one.refused.labels("key").inc()
    assert b'reason="key"' in one.text()
    assert b'reason="key"' not in two.text()


def test_health(client, check_problem):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    client.app.state.running.ready = False
    check_problem(client.get("/readyz"), 503)
    assert client.get("/healthz").status_code == 200


def test_catalogues_are_closed_with_the_service(tmp_path):
    from fastapi.testclient import TestClient

    from matcher.serve.app import make_app
    from matcher.serve.keys import Keys
    from tests.serve.fake import FakeCatalog

    catalog, place = FakeCatalog(), str(tmp_path)
    app = make_app({place: catalog}, Keys(place=place), references={place: catalog.references})
    with TestClient(app):
        assert app.state.running.ready
        assert not catalog.closed
    assert not app.state.running.ready
    assert catalog.closed


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/none"),
        ("PUT", "/v1/match"),
        ("GET", "/v1/match"),
        ("POST", "/healthz"),
        ("DELETE", "/v1/listings"),
        ("TRACE", "/v1/review"),
    ],
)
def test_unknown_paths_and_methods_are_problems_too(client, check_problem, method, path):
    answer = client.request(method, path)
    status = 404 if path == "/none" else 405
    check_problem(answer, status)
    if status == 405:
        assert answer.headers["allow"]
