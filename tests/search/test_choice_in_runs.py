"""From the config to the neighbours: which method a modality is searched by."""

import numpy as np
import pytest

from matcher.config import RunConfig
from matcher.errors import ConfigError
from matcher.jobs.steps import find_candidates
from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Hashes


def config(**search):
    return RunConfig.read(
        {
            "encoders": {"photos": {"encoder": "mobilenet", "min_score": 0.5}, "phash": {}},
            "fusion": {"method": "union", "thresholds": {"photos": 0.9, "phash": 0.9}},
            "search": {"neighbors": 5, **search},
            "clustering": {"method": "components", "min_score": 0.5, "max_size": 50},
        },
        "config",
    )


@pytest.fixture
def encoded(rng):
    centers = rng.normal(size=(40, 12))
    rows = centers[rng.integers(0, 40, 300)] + 0.3 * rng.normal(size=(300, 12))
    codes = rng.integers(0, 2**63, 300).astype(np.uint64)
    return {
        "photos": Embeddings(l2_normalize(rows.astype(np.float32)), "toy"),
        "phash": Hashes(codes, np.ones(300, bool), "phash"),
    }


def found(config, *tables):
    how = {}
    pairs = find_candidates(config, *tables, searched=how)
    return set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)), how


def test_by_default_each_kind_is_searched_exactly(encoded):
    _, how = found(config(), encoded)
    assert {name: about["method"] for name, about in how.items()} == {
        "photos": "exact",
        "phash": "hamming",
    }
    assert "300 rows and 300 queries" in how["photos"]["why"]
    assert not any("recall" in about for about in how.values())


@pytest.mark.parametrize("method", ["ivf", "lsh", "hnsw"])
def test_an_approximate_method_finds_a_part_and_says_how_much(encoded, method):
    if method == "hnsw":
        pytest.importorskip("usearch")
    exact, _ = found(config(), encoded)
    near, how = found(config(method={"photos": method}, recall_sample=50), encoded)
    assert len(near & exact) > 0.3 * len(exact)
    assert how["photos"]["method"] == method
    assert how["photos"]["recall_queries"] == 50
    assert 0 < how["photos"]["recall"] <= 1
    assert how["phash"]["method"] == "hamming"


def test_settings_and_seed_reach_the_index_and_the_meter(encoded):
    recalls = {}
    for n_probes, seed in ((1, 0), (1, 0), (1, 1), (17, 0)):
        search = {"method": {"photos": "ivf"}, "ivf": {"n_probes": n_probes}}
        _, how = found(config(**search, seed=seed, recall_sample=20), encoded)
        previous = recalls.setdefault((n_probes, seed), how["photos"]["recall"])
        assert how["photos"]["recall"] == previous
    assert recalls[17, 0] == 1 > recalls[1, 0] != recalls[1, 1]


def test_from_one_table_to_another(encoded):
    photos = encoded["photos"].vectors
    ours = {"photos": Embeddings(photos[:100], "toy")}
    theirs = {"photos": Embeddings(photos[100:], "toy")}
    exact, _ = found(config(), ours, theirs)
    near, how = found(config(method="ivf", ivf={"n_probes": 100}), ours, theirs)
    assert near == exact
    assert how["photos"] == {
        "method": "ivf",
        "why": "named in the config",
        "recall": 1,
        "recall_queries": 100,
    }


def test_a_method_for_all_that_one_modality_cannot_take_is_refused(encoded):
    with pytest.raises(ConfigError, match=r"lsh holds dense vectors, but phash gives hashes"):
        found(config(method="lsh"), encoded)


def test_exact_for_all_is_exact_for_every_kind(encoded):
    _, how = found(config(method="exact"), encoded)
    assert [about["method"] for about in how.values()] == ["exact", "hamming"]


def test_nothing_to_find_leaves_the_recall_unknown():
    nothing = {"photos": Embeddings(np.zeros((4, 3), np.float32), "toy")}
    pairs, how = found(config(method="ivf"), nothing)
    assert pairs == set()
    assert how["photos"]["recall"] is None
    assert how["photos"]["recall_queries"] == 0


def test_a_config_with_search_settings_is_written_and_read_back():
    wanted = config(method={"photos": "lsh"}, lsh={"cutoff": 0.1, "folder": "tables"})
    assert RunConfig.read(wanted.dump(), "config") == wanted
