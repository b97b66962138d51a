"""Whatever the order in which listings come and go, the outcome is that of starting over."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matcher.catalog import _finding, create_catalog, open_catalog
from matcher.clustering import Constraints, available_clusterers
from matcher.config import RunConfig
from matcher.search import score_pairs
from matcher.similarity import build_graph
from matcher.types import Listings

WORDS = ("soap", "red", "bar", "chair", "cable", "long", "blue", "new")
CODES = (0b1011, 2**12 - 1, 2**63 + 12345)
AT_ONCE = ("average", "components", "complete", "correlation")
VOCABULARY = {f"seed{i}": " ".join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))}

IDS = "abcdefghijkl"
varied = st.dictionaries(
    st.sampled_from(IDS),
    st.tuples(
        st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), st.none() | st.integers(1, 99)
    ),
    min_size=2,
)
# Few words and hashes, so that many listings are copies of each other, and more are alike.
listing = st.tuples(
    st.sampled_from(("soap red bar", "soap red", "soap bar", "soap", "red bar new", "red", "")),
    st.sampled_from((None, None, None, None, *CODES)),
)
pools = st.fixed_dictionaries(dict.fromkeys(IDS, listing))
ids = st.lists(st.sampled_from(IDS), min_size=1, max_size=6, unique=True)
kinds = st.sampled_from(("add", "add", "remove", "accept", "reject", "split", "undo"))
steps = st.lists(st.tuples(kinds, ids), min_size=2, max_size=10)
start = st.lists(st.sampled_from(IDS), min_size=4, max_size=12, unique=True)


@pytest.fixture(scope="module")
def templates(tmp_path_factory, table, config):
    """For each clusterer an almost empty catalogue that has learnt all words."""
    folder = tmp_path_factory.mktemp("templates")

    def get(method):
        place = folder / method
        if not place.exists():
            seed = table(VOCABULARY, dict.fromkeys(VOCABULARY, 1 << 50))
            with create_catalog(place, seed, config=config(method)) as catalog:
                catalog.remove(list(VOCABULARY))
        return place

    return get


@pytest.fixture(scope="module")
def some(table):
    """Some listings of a pool."""

    def of(pool, ids):
        chosen = [id for id in ids if id in pool]
        return table({id: pool[id][0] for id in chosen}, {id: pool[id][1] for id in chosen})

    return of


@contextmanager
def opened(template):
    """A copy of a template."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(template, Path(folder) / "x")
        with open_catalog(Path(folder) / "x") as catalog:
            yield catalog


def decide(catalog, kind, ids):
    """Make a decision about the listings that are there, if there is one to make."""
    there = [id for id in ids if catalog.cluster_of(id) is not None]
    made = [one for one in catalog.decisions() if one.undoes is None]
    try:
        if kind == "accept" and there:
            catalog.accept(catalog.cluster_of(there[0]), "ann")
        elif kind == "reject" and len(there) > 1:
            catalog.reject(there[0], there[1], "ann")
        elif kind == "split" and there:
            cluster = catalog.cluster_of(there[0])
            catalog.split(cluster, [i for i in there if catalog.cluster_of(i) == cluster], "ann")
        elif kind == "undo" and made:
            catalog.undo(made[len(ids) % len(made)].number, "ann")
    except ValueError:  # nothing to accept, or others stand against it
        pass


def check_whole(catalog, alive):
    """Every listing is in one living cluster, and every living cluster has listings."""
    with catalog._store.read() as read:
        kept, held, spans = read.listings(), read.membership(), read.clusters()
        assert set(kept.ids) == alive
        assert held.rows.tolist() == kept.rows.tolist()
        assert set(spans.ids[spans.ended == 0].tolist()) == set(held.clusters.tolist())


@pytest.mark.parametrize("method", available_clusterers())
@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pool=pools, first=start, actions=steps, data=st.data())
def test_growing_is_the_same_as_starting_over(
    templates, method, pool, first, actions, data, partition, some
):
    alive = set()
    with opened(templates(method)) as catalog:
        for kind, ids in [("add", first), *actions]:
            if kind == "add":
                catalog.add(some(pool, ids))
                alive |= {id for id in ids if id in pool}
            elif kind == "remove":
                catalog.remove(ids)
                alive -= set(ids)
            else:
                decide(catalog, kind, ids)
            check_whole(catalog, alive)
        found, decisions = partition(catalog), catalog.decisions()
    with opened(templates(method)) as again:
        with again._store.write() as write:
            for decision in decisions:
                write.add_decision(decision)
        again.add(some(pool, data.draw(st.permutations(sorted(alive)))))
        assert partition(again) == found


@pytest.mark.parametrize("method", AT_ONCE)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pool=varied)
def test_clusters_are_those_of_the_clusterer_over_all_pairs(
    templates, method, pool, config, partition, some
):
    """A reference that scores every pair, without segments, copies or components."""
    ids = sorted(pool)
    listings = some(pool, ids)
    with opened(templates(method)) as catalog:
        catalog.add(listings)
        found = partition(catalog)
        encoded = catalog._keeper.state.encoders.encode(listings)
    contents = zip(encoded["words"].vectors.toarray().tolist(), encoded["phash"].codes, strict=True)
    assume(len({(tuple(words), int(code)) for words, code in contents}) == len(ids))  # no copies
    settled = RunConfig.read(config(method), "test")
    left, right = np.triu_indices(len(ids), 1)
    pairs = score_pairs(left, right, encoded)
    near = (pairs.scores["words"] >= np.float32(0.2)) | (pairs.scores["phash"] >= np.float32(0.6))
    fused = settled.fusion(pairs)
    share = 1 if method in ("components", "complete") else 0.5
    near &= fused >= np.float32(0.47 * share)
    ends = [np.concatenate([a[near], b[near]]) for a, b in ((left, right), (right, left))]
    graph = build_graph(*ends, np.tile(fused[near], 2), len(ids), len(ids))
    labels = settled.clustering(graph, Constraints()).labels
    assert found == {
        frozenset(np.array(ids)[labels == label].tolist()) for label in set(labels.tolist())
    }


def test_a_crowd_of_equal_listings_makes_no_edges(make, table, partition):
    catalog = make(table({"a": "red soap bar", "b": "wooden chair"}))
    crowd = {f"x{i}": "red soap bar" for i in range(300)}
    catalog.add(table(crowd))
    with catalog._store.read() as read:
        assert len(read.edges()) == 0
    assert frozenset({"a", *crowd}) in partition(catalog)
    catalog.remove(["a"])
    catalog.add(table({"n": "red soap"}))
    with catalog._store.read() as read:
        assert len(read.edges()) == 1  # with the oldest copy
    assert frozenset({"n", *crowd}) in partition(catalog)
    catalog.remove(["x0"])
    with catalog._store.read() as read:
        assert len(read.edges()) == 1  # handed on to the next
    assert frozenset({"n", *crowd} - {"x0"}) in partition(catalog)


def test_an_empty_batch_changes_nothing(catalog):
    before = catalog.revision
    changed = catalog.add(Listings((), (), ()))
    assert (changed.revision, changed.added, catalog.revision) == (before, (), before)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pool=pools, first=start)
def test_many_that_come_together_bring_the_pairs_that_each_brings(templates, pool, first, some):
    rest = sorted(set(pool) - set(first))
    edges = []
    # Together, together with the closest of each alone, and one by one.
    for many, every_pair in ((1, True), (1, False), (1_000, True)):
        with pytest.MonkeyPatch.context() as patch, opened(templates("average")) as catalog:
            patch.setattr(_finding, "MANY", many)
            patch.setattr(_finding, "MANY_AT_ONCE", 2)
            if not every_pair:
                closest = dict.fromkeys(("words", "phash"), _finding.MOST_CANDIDATES)
                patch.setattr(_finding, "_limits", lambda *_, closest=closest: closest)
            catalog.add(some(pool, first))
            catalog.add(some(pool, rest))
            with catalog._store.read() as read:
                found = read.edges(None)
            edges.append([column.tolist() for column in (found.left, found.right, found.scores)])
    assert edges[0] == edges[1] == edges[2]
