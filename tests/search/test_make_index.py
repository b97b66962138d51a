import subprocess
import sys
import threading

import numpy as np
import pytest

from matcher.errors import ConfigError
from matcher.progress import shown_by
from matcher.search import (
    ExactIndex,
    HammingIndex,
    NeighborsIndex,
    SparseIndex,
    _threads,
    make_index,
)


@pytest.mark.parametrize(
    ("kind", "index"), [("dense", ExactIndex), ("sparse", SparseIndex), ("hashes", HammingIndex)]
)
def test_the_index_fits_the_rows(reference, kind, index):
    assert type(make_index(reference.encode([[1, 0]], kind))) is index


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_an_index_can_be_named(reference, kind):
    assert type(make_index(reference.encode([[1, 0]], kind), "neighbors")) is NeighborsIndex


def test_a_misspelt_name_is_named(reference):
    with pytest.raises(ConfigError, match=r"'neighbours'\. Did you mean 'neighbors'\? Available:"):
        make_index(reference.encode([[1, 0]], "dense"), "neighbours")


def test_progress_reaches_the_end(reference, rng):
    seen = []
    index = ExactIndex(reference.encode(rng.integers(-1, 2, (90, 9)), "dense"), block=10)
    with shown_by(lambda *step: seen.append(step)):
        index.search_within(k=1)
    label, done, total = seen[-1]
    assert label == "search"
    assert done == total == len(seen) - 1 > 1


def test_results_come_in_order_and_from_several_threads(monkeypatch):
    monkeypatch.setattr(_threads, "n_threads", lambda: 3)
    meet = threading.Barrier(3, timeout=10)  # passes only if three run at once
    assert list(_threads.in_order(lambda i: meet.wait() * 0 + i, [5, 3, 4])) == [5, 3, 4]


def test_an_error_in_a_block_drops_the_blocks_after_it(monkeypatch):
    monkeypatch.setattr(_threads, "n_threads", lambda: 2)
    begun = []

    def fail(i):
        begun.append(i)
        raise ValueError(f"block {i}")

    with pytest.raises(ValueError, match="block 0"):
        list(_threads.in_order(fail, range(10_000)))
    assert len(begun) < 10_000


def test_one_thread_gives_the_same_answer_as_many(reference, rng, monkeypatch):
    held = reference.encode(rng.integers(-1, 2, (200, 9)), "dense")
    many = ExactIndex(held, block=5).search_within(k=7)
    monkeypatch.setattr(_threads, "n_threads", lambda: 1)
    one = ExactIndex(held, block=5).search_within(k=7)
    np.testing.assert_array_equal(one.indices, many.indices)
    np.testing.assert_array_equal(one.scores, many.scores)


def test_importing_loads_neither_sklearn_nor_keras():
    code = (
        "import sys, matcher.search; "
        "sys.exit(bool({'sklearn', 'keras', 'tensorflow', 'PIL', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
