"""One writer beside many readers, and writes that fail."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from matcher.errors import StoreError
from matcher.store import Edges, open_store


class Mishap(Exception):
    """Anything that a block may raise."""


@pytest.mark.parametrize("mishap", [Mishap, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_leaves_nothing(store, columns, vectors, mishap):
    with store.write() as write:
        kept = write.add_listings(columns("kept"))

    def half_a_write(write):
        rows = write.add_listings(columns("a", "b"))
        for name, (mark, values) in vectors(2).items():
            write.add_vectors(name, mark, rows, values)
        write.add_edges(Edges(rows[:1], rows[1:], np.float32([1])))
        write.assign(rows, np.repeat(write.add_clusters(1), 2))
        write.add_events(["created"], np.array([1]), [[]])
        write.remove_listings(kept)
        raise mishap

    with pytest.raises(mishap), store.write() as write:
        half_a_write(write)
    with store.read() as read:
        assert read.revision == 1
        assert read.listings().ids == ("kept",)
        assert len(read.edges()) == len(read.events()) == read.clusters().ids.size == 0
        assert read.membership().rows.size == len(read.removed().ids) == 0
        assert all(read.vectors(name).rows.size == 0 for name in vectors(1))
    with store.write() as write:  # what was not kept was not numbered
        assert write.add_listings(columns("a")).tolist() == [2]
        assert write.revision == 2


def test_a_failure_that_is_passed_over_keeps_nothing(store, columns):
    def pass_over(write):
        rows = write.add_listings(columns("a", "b", "c"))
        with pytest.raises(StoreError, match="already"):
            write.add_edges(Edges(rows[[0, 0, 0]], rows[[1, 2, 2]], np.ones(3, np.float32)))

    with pytest.raises(StoreError, match="none of it is kept"), store.write() as write:
        pass_over(write)
    with store.read() as read:
        assert read.count() == read.revision == 0


def test_a_refusal_that_is_passed_over_costs_nothing(store, columns):
    with store.write() as write:
        write.add_listings(columns("a"))
        with pytest.raises(StoreError, match="'a' already"):
            write.add_listings(columns("a"))
        write.add_listings(columns("b"))
    with store.read() as read:
        assert read.listings().ids == ("a", "b")


def test_a_write_reads_what_it_has_done(store, columns):
    with store.write() as write:
        rows = write.add_listings(columns("a", "b"))
        write.remove_listings(rows[:1])
        assert write.count() == 1
        assert write.rows_of(["a", "b"]).tolist() == [-1, 2]


def test_a_reader_sees_one_state(store, columns):
    with store.write() as write:
        rows = write.add_listings(columns("a", "b"))
    with store.read() as before:
        with store.write() as write:
            write.add_listings(columns("c"))
            write.remove_listings(rows[:1])
            with store.read() as beside:  # of a write that has not ended
                assert beside.revision == 1
                assert beside.listings().ids == ("a", "b")
        assert before.revision == 1
        assert before.listings().ids == ("a", "b")
        assert before.removed().ids == ()
        assert before.rows_of(["c"]).tolist() == [-1]
        with store.read() as after:
            assert after.revision == 2
            assert after.listings().ids == ("b", "c")
        assert before.count() == 2


def test_a_state_is_fixed_when_the_block_begins(store, columns):
    with store.read() as before:
        with store.write() as write:
            write.add_listings(columns("a"))
        assert before.count() == 0


def test_a_second_writer_is_told(store, place):
    with store.write(), open_store(place, timeout=0.1) as other:
        with pytest.raises(StoreError, match=r"longer than 0\.1 seconds"), other.write():
            pytest.fail("two at once")
        with pytest.raises(StoreError, match=r"longer than 0\.2 seconds"), store.write():
            pytest.fail("two at once")
    with store.write() as write:
        assert write.revision == 2


def test_a_second_writer_waits(store, place, columns):
    began = Event()

    def second():
        with open_store(place, timeout=60) as other:
            began.set()
            with other.write() as write:
                # It sees what the first one left.
                assert write.rows_of(["a"]).tolist() == [1]
                return write.add_listings(columns("b")).tolist()

    with ThreadPoolExecutor(1) as pool:
        with store.write() as write:
            waiting = pool.submit(second)
            assert began.wait(60)
            write.add_listings(columns("a"))
        assert waiting.result(60) == [2]


def test_threads_share_a_store(place, about, store, columns):
    with open_store(place, timeout=60) as shared:

        def one(number):
            with shared.write() as write:
                write.add_listings(columns(str(number)))
            with shared.read() as read:
                return read.revision, read.count()

        with ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(one, range(20)))
    assert all(revision == count for revision, count in seen)
    with store.read() as read:
        assert read.revision == read.count() == 20
        assert sorted(map(int, read.listings().ids)) == list(range(20))


def test_nothing_is_read_or_written_after_the_block(store, columns):
    with store.read() as read, store.write() as write:
        pass
    for use in (read.count, write.rows, lambda: write.add_listings(columns("a"))):
        with pytest.raises(StoreError, match="ends with its block"):
            use()
