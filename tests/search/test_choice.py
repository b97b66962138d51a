"""Which method a run takes, by a rule that can be checked, and what it says."""

import sys

import numpy as np
import pytest

from matcher.errors import BackendError, ConfigError
from matcher.search import (
    ExactIndex,
    HammingIndex,
    Search,
    SparseIndex,
    _choice,
    choose_method,
    is_approximate,
    make_index,
    say_how,
)
from matcher.search.hnsw import Spec as HnswSpec
from matcher.search.ivf import IvfIndex
from matcher.search.ivf import Spec as IvfSpec
from matcher.types import Embeddings


@pytest.fixture
def machine(monkeypatch):
    """A machine with usearch and 10 GiB to spare."""

    def has(installed=True, free=10 * 2**30, bfloat16=False):
        monkeypatch.setattr(_choice, "runs_in_bfloat16", lambda: bfloat16)
        monkeypatch.setattr(_choice, "is_installed", lambda: installed)
        monkeypatch.setattr(_choice, "free_bytes", lambda: free)

    has()
    return has


def many(n, width=1):
    """A table that looks as large as ``n`` rows and takes the memory of one."""
    row = np.zeros((1, width), np.float32)
    return Embeddings(np.broadcast_to(row, (n, width)), "toy")


@pytest.mark.parametrize(("n", "method"), [(4_999_999, "exact"), (5_000_000, "hnsw")])
def test_bfloat16_puts_the_graph_off(machine, n, method):
    machine(bfloat16=True, free=10**12)
    assert choose_method(many(n)).method == method


@pytest.mark.parametrize(
    ("n", "n_queries", "method"),
    [
        (10, None, "exact"),
        (999_999, None, "exact"),
        (1_000_000, None, "hnsw"),
        (3_000_000, 1, "exact"),  # one query does not pay for a graph
        (3_000_000, 599_999, "exact"),
        (3_000_000, 600_000, "hnsw"),  # 2 * 3 * 0.6 / 3.6 = 1
        (400_000, 3_000_000, "exact"),  # 2 * 3 * 0.4 / 3.4 = 0.7
    ],
)
def test_auto_takes_a_graph_where_it_pays(machine, n, n_queries, method):
    choice = choose_method(many(n), n_queries)
    assert choice.method == method
    assert f"{n:,} rows" in choice.why


def test_auto_stays_exact_without_usearch_and_says_how_to_get_it(machine):
    machine(installed=False)
    choice = choose_method(many(2_000_000))
    assert choice.method == "exact"
    assert "pip install 'matcher[search]'" in choice.why


def test_auto_stays_exact_where_the_graph_would_fill_the_memory(machine):
    """2 M rows of 100 dimensions with 16 links: 2 M * (400 + 640) bytes = 1.94 GiB."""
    needed = 2_000_000 * (4 * 100 + 40 * 16)
    machine(free=2 * needed)
    assert choose_method(many(2_000_000, 100)).method == "hnsw"
    assert choose_method(many(2_000_000, 100), connectivity=17).method == "exact"
    machine(free=2 * needed - 1)
    choice = choose_method(many(2_000_000, 100))
    assert choice.method == "exact"
    assert "1.9 GiB of 3.9 free" in choice.why
    machine(free=None)
    assert choose_method(many(2_000_000, 100)).method == "hnsw"


@pytest.mark.parametrize(
    ("kind", "index"), [("dense", ExactIndex), ("sparse", SparseIndex), ("hashes", HammingIndex)]
)
@pytest.mark.parametrize("method", ["auto", "exact"])
def test_small_tables_and_forced_exactness_fit_the_kind(reference, kind, index, method):
    held = reference.encode([[1, 0]], kind)
    choice = choose_method(held, method=method)
    assert type(make_index(held, choice.method)) is index
    assert not is_approximate(choice.method)


@pytest.mark.parametrize("method", ["hnsw", "ivf", "lsh", "neighbors"])
def test_a_method_can_be_named(reference, method):
    if method == "hnsw":
        pytest.importorskip("usearch")
    choice = choose_method(reference.encode([[1, 0]], "dense"), method=method)
    assert choice == (method, "named in the config")
    assert is_approximate(method) == (method != "neighbors")


@pytest.mark.parametrize(
    ("method", "kind"), [("lsh", "hashes"), ("hnsw", "sparse"), ("neighbors", "hashes")]
)
def test_a_method_that_does_not_fit_is_refused_with_the_way_out(reference, machine, method, kind):
    with pytest.raises(ConfigError, match=rf"but phash gives .*method: {{MODALITY: {method}}}"):
        choose_method(reference.encode([[1, 0]], kind), method=method, name="phash")


def test_an_unknown_method_is_refused(reference):
    with pytest.raises(ConfigError, match="Did you mean 'hnsw'"):
        choose_method(reference.encode([[1, 0]], "dense"), method="hsnw")


def test_a_method_that_is_not_installed_names_the_extra(reference, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    assert not _choice.is_installed()
    with pytest.raises(BackendError, match=r"pip install 'matcher\[search\]'"):
        choose_method(reference.encode([[1, 0]], "dense"), method="hnsw")


def test_free_memory_is_told_or_unknown(monkeypatch):
    free = _choice.free_bytes()
    assert free is None or free > 2**20


def test_an_index_takes_its_settings(reference):
    index = make_index(reference.encode([[1, 0], [0, 1]], "dense"), "ivf", IvfSpec(n_lists=2))
    assert isinstance(index, IvfIndex)
    assert len(index.centers) == 2


def test_search_settings_by_modality():
    search = Search.read({"method": {"photos": "hnsw"}, "hnsw": {"expansion": 99}}, "search")
    assert [search.method_of(name) for name in ("photos", "words")] == ["hnsw", "auto"]
    assert search.spec_of("hnsw") == HnswSpec(expansion=99)
    assert search.spec_of("exact") is None
    assert Search.read(search.model_dump(), "search") == search
    assert Search().method_of("photos") == "auto"
    with pytest.raises(ConfigError, match="method"):
        Search.read({"method": "hsnw"}, "search")
    with pytest.raises(ConfigError, match="method"):
        Search.read({"method": {"photos": "hsnw"}}, "search")


def test_it_says_how_it_searched():
    exact = {"method": "hamming", "why": "the exact method for hashes"}
    near = {"method": "hnsw", "why": "named in the config", "recall": 0.99, "recall_queries": 1000}
    assert say_how({"phash": exact, "a": near, "b": near}) == (
        "Searched: phash by hamming (the exact method for hashes); a, b by hnsw (named in the "
        "config), approximate: recall 0.9900 against exact search for 1,000 of the queries."
    )
    assert "recall is unknown" in say_how({"a": {**near, "recall": None}})
