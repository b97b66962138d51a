"""The real server: bytes on a socket, and how it stops."""

import http.client
import json
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from urllib.parse import quote, urlsplit

import pytest

from matcher.serve import protocol
from tests.serve.fake import FakeCatalog
from tests.serve.running import fake_service, running


@pytest.fixture
def address(build, listen):
    catalog = FakeCatalog()
    at = urlsplit(listen(build({"shop": catalog}, max_body_mb=0.1, body_seconds=0.3)))
    return at.hostname, at.port


def talk(address, *pieces: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; status and body of the answer."""
    with socket.create_connection(address, timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        with closing(http.client.HTTPResponse(connection)) as answer:
            answer.begin()
            return answer.status, answer.read()


def ask(port, method, path, body=None):
    content = None if body is None else json.dumps(body)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, content, {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            return answer.status, answer.read()


HEAD = b"POST /v1/match HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_request_in_chunks_is_answered(address):
    body = b'f\r\n{"title": "red"\r\n1\r\n}\r\n0\r\n\r\n'
    status, answer = talk(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", body)
    assert (status, json.loads(answer)) == (200, {"candidates": []})


def test_chunks_without_end_are_refused_at_the_limit(address):
    pieces = [b"2710\r\n" + b"x" * 10_000 + b"\r\n"] * 11
    status, answer = talk(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *pieces)
    assert status == 413
    assert json.loads(answer)["status"] == 413


def test_a_length_above_the_limit_is_refused_before_anything_is_sent(address):
    status, answer = talk(address, HEAD + b"Content-Length: 999999999\r\n\r\n")
    assert (status, json.loads(answer)["status"]) == (413, 413)


def test_a_body_that_does_not_come_is_given_up(address):
    status, answer = talk(address, HEAD + b"Content-Length: 100\r\n\r\n", b'{"title": ')
    assert (status, json.loads(answer)["status"]) == (408, 408)


def test_a_client_that_goes_away_harms_nobody(address):
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + b'{"title": ')
    assert ask(address[1], "POST", "/v1/match", {"title": "red"})[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nX y: z\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost:x/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/clusters HTTP/1.1\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=range(14),
)
def test_what_is_no_request(address, sent):
    try:
        status, _ = talk(address, sent)
    except (ConnectionError, http.client.HTTPException):
        pass  # hung up on
    else:
        assert 400 <= status < 500
    assert ask(address[1], "GET", "/healthz")[0] == 200


def test_a_head_without_end_is_refused_before_it_ends(address):
    line = b"X: " + b"a" * 1000 + b"\r\n"
    status, _ = talk(address, b"GET / HTTP/1.1\r\n", *[line] * 17)
    assert status == 400


def test_a_head_that_does_not_come_is_given_up(address, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    for sent in (b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET"):
        with socket.create_connection(address, timeout=30) as connection:
            connection.sendall(sent)
            while connection.recv(10_000):
                pass


def test_more_connections_than_allowed(build, listen, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 3600)
    at = urlsplit(listen(build(max_connections=2)))
    address = (at.hostname, at.port)
    with socket.create_connection(address) as one, socket.create_connection(address) as two:
        for connection in (one, two):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        with socket.create_connection(address) as third:
            third.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = http.client.HTTPResponse(third)
            answer.begin()
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert json.loads(answer.read())["status"] == 503
            assert third.recv(1) == b""
            answer.close()
        with ExitStack() as others:
            more = [others.enter_context(socket.create_connection(address)) for _ in range(3)]
            assert more[-1].recv(1) == b""  # above twice as many they are cut


class Held(FakeCatalog):
    """Answers nothing until it is let go."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def query(self, listings, k=10):
        self.go.wait()
        return super().query(listings, k)


@pytest.fixture
def full(build, listen):
    """Address of a service that can take no more questions, and what lets it go."""
    catalog = Held()
    at = urlsplit(listen(build({"shop": catalog}, match_slots=1)))
    with ThreadPoolExecutor(1) as client:
        waiting = client.submit(ask, at.port, "POST", "/v1/match", {"title": "red"})
        until_under_way(at.port, 1)
        yield (at.hostname, at.port)
        catalog.go.set()
        assert waiting.result()[0] == 200
    assert ask(at.port, "POST", "/v1/match", {"title": "red"})[0] == 200


def test_a_question_too_many_is_refused_and_the_connection_goes_on(full):
    with closing(http.client.HTTPConnection(*full, timeout=30)) as connection:
        for i in range(3):
            connection.request("POST", "/v1/match?x=1", b"x" * 200_000)
            with connection.getresponse() as answer:
                problem = json.loads(answer.read())
                assert (answer.status, problem["status"], answer.headers["Retry-After"]) == (
                    503,
                    503,
                    "1",
                )
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.headers["X-Request-ID"] == problem["request_id"]
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
            for path, status in (("/healthz", 200), ("/v1/clusters", 200), ("/v1/match", 405)):
                connection.request("GET", path)
                with connection.getresponse() as answer:
                    # Whatever the method: there is no room to find out.
                    assert answer.status == (503 if path == "/v1/match" else status)
                    answer.read()
            told = ask(full[1], "GET", "/metrics")[1].decode()
            assert f'refused_total{{reason="overload"}} {2 * (i + 1)}.0' in told


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 2\r\n\r\n{}",
    ],
)
def test_a_question_too_many_on_a_connection_that_ends(full, head):
    with socket.create_connection(full, timeout=30) as connection:
        connection.sendall(head)
        answer = b""
        while more := connection.recv(10_000):
            answer += more
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer


def test_questions_too_many_in_one_piece(full):
    """Each of several that come together is answered, in order."""
    one = HEAD + b"Content-Length: 2\r\n\r\n{}"
    health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(full, timeout=30) as connection:
        connection.sendall(one * 3 + health)
        answer = b""
        while more := connection.recv(10_000):
            answer += more
    assert answer.count(b"HTTP/1.1 503 ") == 3
    assert answer.rpartition(b"HTTP/1.1 ")[2].startswith(b"200")


def test_ids_that_look_escaped(address):
    for id in ("%41", "a%2Fb", "a/b", ".", "..", "ü"):
        sent = {"listings": [{"id": id, "title": "red mug"}]}
        assert ask(address[1], "POST", "/v1/listings", sent)[0] == 200
        status, answer = ask(address[1], "GET", f"/v1/listings/{quote(id, safe='')}")
        assert (status, json.loads(answer)["id"]) == (200, id)


# How it stops


@pytest.mark.slow
def test_sigterm_ends_what_is_under_way_and_then_the_service(tmp_path):
    with running(fake_service(tmp_path, slow=1.0)) as service, ThreadPoolExecutor(8) as clients:
        asked = [
            clients.submit(ask, service.port, "POST", "/v1/match", {"title": str(i)})
            for i in range(8)
        ]
        until_under_way(service.port, 8)
        service.process.send_signal(signal.SIGTERM)
        assert [one.result()[0] for one in asked] == [200] * 8
        log = service.end()
        assert service.process.returncode == 0
    assert sum(line["event"] == "request" and line["route"] == "/v1/match" for line in log) == 8
    assert not [line for line in log if line["level"] in ("error", "critical")]


@pytest.mark.slow
def test_it_says_that_it_is_not_ready_while_it_drains(tmp_path):
    with running(fake_service(tmp_path, drain=3600)) as service:
        assert ask(service.port, "GET", "/readyz")[0] == 200
        service.process.send_signal(signal.SIGTERM)
        while (status := ask(service.port, "GET", "/readyz")[0]) == 200:
            pass
        assert status == 503
        assert ask(service.port, "GET", "/healthz")[0] == 200
        assert ask(service.port, "POST", "/v1/match", {"title": "red"})[0] == 200
        service.process.send_signal(signal.SIGTERM)  # a second one does not wait
        service.end()
        assert service.process.returncode == 0


@pytest.mark.slow
def test_what_does_not_end_in_time_is_given_up(tmp_path):
    """The answer is lost, the thread runs to its end, and nothing hangs for ever."""
    with running(fake_service(tmp_path, slow=6, stop=1)) as service:
        lost: list[object] = []

        def wait():
            try:
                lost.append(ask(service.port, "POST", "/v1/match", {"title": "red"})[0])
            except (ConnectionError, http.client.HTTPException) as error:
                lost.append(error)

        client = threading.Thread(target=wait)
        client.start()
        until_under_way(service.port, 1)
        service.process.send_signal(signal.SIGTERM)
        service.end()
        client.join()
    assert lost
    assert lost[0] != 200


def until_under_way(port, n):
    """Wait until so many questions are under way."""
    while f'under_way{{kind="match"}} {n}.0' not in ask(port, "GET", "/metrics")[1].decode():
        pass
