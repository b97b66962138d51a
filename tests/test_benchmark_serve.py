"""The client counts and times rightly, listings have groups, the table is what was found."""

import asyncio
import json
import threading

import numpy as np
import pytest

from benchmarks.bench_serve import _row, serve_lines
from benchmarks.serve_client import Timings, closed_loop, open_loop
from benchmarks.serve_listings import image_questions, make_up, title_questions


@pytest.fixture
def server():
    """A server that answers 503 to every third request, and how many it had; gives its port."""
    loop, started, seen = asyncio.new_event_loop(), threading.Event(), []

    async def answer(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                if head.startswith(b"POST"):
                    seen.append(json.loads(body))
                status = b"503 Busy" if len(seen) % 3 == 0 else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()

    async def main():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        seen_port.append(server.sockets[0].getsockname()[1])
        started.set()
        await stop.wait()
        server.close()
        await server.wait_closed()

    seen_port, stop = [], asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    started.wait()
    yield seen_port[0], seen
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_a_closed_loop_counts_every_answer(server):
    port, seen = server
    found = closed_loop(port, title_questions(make_up(20), 8), n_clients=4, seconds=0.2)
    assert found.count(200) + found.count(503) == len(seen) > 4
    assert found.count(503) == len(seen) // 3
    assert found.count(0) == 0


def test_an_open_loop_sends_as_many_as_told(server):
    port, seen = server
    found = open_loop(port, title_questions(make_up(20), 8), rate=200, seconds=0.3)
    assert len(seen) == sum(map(len, found.taken.values())) == 60
    assert all(taken > 0 for every in found.taken.values() for taken in every)


def test_no_server_is_told_as_no_answer():
    found = open_loop(1, [b"x"], rate=50, seconds=0.1)
    assert found.count(0) == 5


def test_made_up_listings_have_groups_and_are_the_same_again():
    listings = make_up(500)
    assert listings.titles == make_up(500).titles
    assert len(set(listings.titles)) > 450
    words = [set(title.split()) for title in listings.titles]
    shared = [max(len(a & b) for b in words if b is not a) for a in words[:100]]
    assert np.mean([n >= 3 for n in shared]) > 0.9
    assert len(set(listings.phashes.codes.tolist())) > 250


def test_questions_are_whole_requests():
    for request in (*title_questions(make_up(20), 2), *image_questions(2, side=32)):
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert set(json.loads(body)) <= {"title", "image"}


def test_rows_and_table():
    found = Timings(2.0, {200: [0.010] * 99 + [0.5], 503: [0.002, 0.004]})
    row = _row("by title", found)
    assert (row["answered"], row["per_second"], row["refused"]) == (100, 50.0, 2)
    assert row["p50"] == pytest.approx(0.010)
    last = {**row, "mb_before": 100.4, "mb_after": 101.6}
    plain = {**row, "refused": 0}
    text = "\n".join(serve_lines({"n": 2000, "machine": "M", "results": [plain, last]}))
    assert "| by title | **50** | 10.0 | 14.9 |  |  |  |" in text
    assert "| by title | **50** | 10.0 | 14.9 | 2 | 3.0 | 4.0 |" in text
    assert "2,000 listings" in text
    assert "100 and 102 MB" in text


@pytest.mark.parametrize("taken", [{200: [1.0], 500: [1.0]}, {200: [1.0], 0: [1.0]}, {503: [1.0]}])
def test_other_answers_stop_the_measurement(taken):
    with pytest.raises(SystemExit):
        _row("by title", Timings(1.0, taken))
