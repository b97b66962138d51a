"""A stream of batches comes out as its batches would one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.runtime.runner import Runner


def sums(first, second):
    return np.stack([first.sum(axis=1), second.sum(axis=1)], axis=1).astype(np.float32)


def batch(n, start=0):
    first = np.arange(start, start + 2 * n, dtype=np.float32).reshape(n, 2)
    return first, first.astype(np.int64) * 3


@given(st.lists(st.integers(0, 9), max_size=8), st.sampled_from([None, 1, 2, 4, 20]))
def test_a_stream_is_its_batches_one_by_one(sizes, rows):
    seen = []

    def run(*arrays):
        seen.append(len(arrays[0]))
        return sums(*arrays)

    batches = [batch(n, 100 * i) for i, n in enumerate(sizes)]
    runner = Runner(run, rows=rows)
    streamed = list(runner.stream(batches))
    assert len(streamed) == len(sizes)
    for arrays, result in zip(batches, streamed, strict=True):
        np.testing.assert_array_equal(result, sums(*arrays))
        np.testing.assert_array_equal(runner(*arrays), sums(*arrays))
    assert rows is None or set(seen) <= {rows}
    assert 0 not in seen


def test_what_stands_beside_a_batch_comes_out_with_its_result():
    keyed = [(name, batch(n)) for name, n in (("a", 3), ("b", 0), ("c", 5))]
    found = list(Runner(sums, rows=2).stream_keyed(keyed))
    assert [(name, len(result)) for name, result in found] == [("a", 3), ("b", 0), ("c", 5)]


def test_an_error_in_the_iterable_is_raised():
    def batches():
        yield batch(2)
        raise OSError("the disk is gone")

    stream = Runner(sums).stream(batches())
    assert len(next(stream)) == 2
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)


def test_a_stream_that_is_closed_closes_what_it_reads():
    closed = []

    def batches():
        try:
            while True:
                yield "key", batch(2)
        finally:
            closed.append(True)

    stream = Runner(sums, rows=1).stream_keyed(batches())
    assert next(stream)[0] == "key"
    stream.close()
    assert closed == [True]
