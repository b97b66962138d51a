"""Questions that wait go together; none waits for more; one that fails fails alone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.serve.batching import Batcher, Question, as_listings
from matcher.serve.metrics import Metrics


class Echo:
    """Answers each title with itself, k times; holds the first batch until it is let go."""

    def __init__(self, held=False):
        self.batches, self.ks = [], []
        self.go = threading.Event()
        self.began = threading.Event()
        if not held:
            self.go.set()

    def __call__(self, listings, k):
        self.batches.append(listings.titles)
        self.ks.append(k)
        self.began.set()
        self.go.wait()
        if "bad" in listings.titles:
            raise RuntimeError("bad")
        return [[f"{title}{i}" for i in range(k)] for title in listings.titles]


def ask(echo, *groups, max_batch=32):
    """Ask groups of (title, k), each group once the one before has begun; answers in order."""

    async def main():
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(echo, threads, max_batch, Metrics())
            tasks = []
            for group in groups:
                tasks += [
                    asyncio.create_task(batcher.ask(Question(title, None, None, k)))
                    for title, k in group
                ]
                await asyncio.to_thread(echo.began.wait)
            echo.go.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(main())


def test_one_that_comes_alone_goes_at_once():
    echo = Echo()
    assert ask(echo, [("a", 2)]) == [["a0", "a1"]]
    assert echo.batches == [("a",)]


def test_those_that_wait_go_together():
    echo = Echo(held=True)
    answers = ask(echo, [("a", 1)], [(str(i), 1) for i in range(40)])
    assert answers == [["a0"], *([f"{i}0"] for i in range(40))]
    assert [len(batch) for batch in echo.batches] == [1, 32, 8]


def test_each_gets_as_many_as_it_asked_for():
    echo = Echo(held=True)
    answers = ask(echo, [("a", 1)], [("b", 1), ("c", 3), ("d", 2)])
    assert [len(answer) for answer in answers] == [1, 1, 3, 2]
    assert echo.ks == [1, 3]


def test_one_that_fails_fails_alone():
    echo = Echo(held=True)
    first, b, bad, c = ask(echo, [("a", 1)], [("b", 1), ("bad", 1), ("c", 1)])
    assert (first, b, c) == (["a0"], ["b0"], ["c0"])
    assert isinstance(bad, RuntimeError)
    assert echo.batches == [("a",), ("b", "bad", "c"), ("b",), ("bad",), ("c",)]


def test_one_that_is_given_up_does_not_stop_the_others():
    echo = Echo(held=True)

    async def main():
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(echo, threads, 32, Metrics())
            given_up = asyncio.create_task(batcher.ask(Question("a", None, None, 1)))
            other = asyncio.create_task(batcher.ask(Question("b", None, None, 1)))
            await asyncio.to_thread(echo.began.wait)
            given_up.cancel()
            echo.go.set()
            return await other, await batcher.ask(Question("c", None, None, 1))

    assert asyncio.run(main()) == (["b0"], ["c0"])


@settings(max_examples=25)
@given(
    st.lists(
        st.lists(st.tuples(st.text("abc", min_size=1), st.integers(1, 4)), max_size=9),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 5),
)
def test_everybody_gets_their_own_answer(groups, max_batch):
    groups = [[("x", 1)], *groups]
    answers = ask(Echo(held=True), *groups, max_batch=max_batch)
    asked = [one for group in groups for one in group]
    assert answers == [[f"{title}{i}" for i in range(k)] for title, k in asked]


def test_a_table_of_questions():
    async def main():
        box = (1.0, 2.0, 3.0, 4.0)
        return [Question("a", None, box, 1), Question("b", None, None, 1)]

    with_box, without = asyncio.run(main())
    listings = as_listings([with_box, without])
    np.testing.assert_array_equal(listings.boxes, [[1, 2, 3, 4], [np.nan] * 4])
    assert len(set(listings.ids)) == 2
    assert as_listings([without]).boxes is None


def test_questions_of_many_clients_are_answered_in_few_batches(start, catalog):
    """Thirty ask at once while the first is answered: two batches, or few more."""
    catalog.slow = 0.2
    client = start({"shop": catalog})
    client.post("/v1/listings", json={"listings": [{"id": "a", "title": "red mug"}]})
    with ThreadPoolExecutor(30) as clients:
        asked = [
            clients.submit(client.post, "/v1/match", json={"title": f"red mug {i}"})
            for i in range(30)
        ]
        assert {one.result().status_code for one in asked} == {200}
    assert sum(catalog.batches) == 30
    assert len(catalog.batches) <= 15


@pytest.mark.parametrize("n", [1, 3])
def test_a_question_that_the_encoder_falls_over_is_a_bug_and_costs_no_other(start, catalog, n):
    catalog.failing_query, catalog.slow = "bad", 0.05
    client = start({"shop": catalog})
    titles = ["fine"] * (n - 1) + ["bad"] + ["fine"] * (n - 1)
    with ThreadPoolExecutor(len(titles)) as clients:
        ask = lambda title: client.post("/v1/match", json={"title": title}).status_code  # noqa: E731
        assert list(clients.map(ask, titles)) == [500 if t == "bad" else 200 for t in titles]
