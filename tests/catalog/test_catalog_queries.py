"""Queries: what comes back is what scoring every listing gives, whatever happened before."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.catalog import _gallery, open_catalog
from matcher.catalog._probability import Platt, fit_platt
from matcher.errors import ConfigError
from matcher.search import score_pairs

WORDS = ("red", "soap", "bar", "250ml", "hdmi", "cable", "black", "wooden", "chair", "new")
title = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)


def test_the_closest_come_first_with_reasons(catalog, table):
    found = catalog.query(table({"q": "red soap bar 250ml", "r": "black hdmi cable long"}), k=3)
    assert [one.id for one in found[0]] == ["a", "b", "f"]
    best = found[0][0]
    assert best.match
    assert best.score == pytest.approx((1 / 0.7) / (1 + 1 / 0.7))
    assert best.scores == {"words": pytest.approx(1)}
    assert best.cluster == catalog.cluster_of("a")
    assert "words in common: 250ml" in best.reason or "250ml" in best.reason
    assert not found[0][2].match
    assert best.probability is None
    assert [one.id for one in found[1]] == ["d", "c"]


def test_nothing_in_common(catalog, table):
    assert catalog.query(table({"q": "zzz", "r": ""})) == [[], []]
    assert catalog.query(table({})) == []


def test_k_is_at_least_one(catalog, table):
    with pytest.raises(ConfigError, match="at least 1"):
        catalog.query(table({"q": "red"}), k=0)


def _unworded(found):
    """Candidates without their reasons, whose words stand in the order of a part in memory."""
    return [[replace(one, reason="") for one in candidates] for candidates in found]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    added=st.lists(st.dictionaries(st.sampled_from("ghijklm"), title, max_size=4), max_size=4),
    removed=st.lists(st.sampled_from("abcdefgh"), max_size=4, unique=True),
    asked=st.dictionaries(st.sampled_from("pqr"), title, min_size=1),
    k=st.integers(1, 6),
)
def test_they_are_those_of_scoring_every_listing(make, table, added, removed, asked, k):
    catalog = make(table({**dict(zip("abcdef", WORDS, strict=False)), "x": " ".join(WORDS)}))
    for batch in added:
        catalog.add(table(batch))
    catalog.remove(removed)
    queries = table(asked)
    found = catalog.query(queries, k)
    with open_catalog(catalog.place) as again:  # one segment instead of many
        assert _unworded(again.query(queries, k)) == _unworded(found)
        with again._store.read() as read:
            kept = read.listings()
        encoders = again._keeper.state.encoders
    theirs = encoders.encode(table(dict(zip(kept.ids, kept.titles, strict=True))))
    mine = encoders.encode(queries)
    for row, candidates in enumerate(found):
        every = np.arange(len(kept))
        pairs = score_pairs(np.full(len(kept), row), every, mine, theirs)
        fused = catalog.config.fusion(pairs)
        near = np.flatnonzero(pairs.scores["words"] >= np.float32(0.2))  # the lowest score
        if not len(near):
            near = np.flatnonzero(pairs.scores["words"] >= np.float32(0.1))
        order = near[np.lexsort((kept.rows[near], -fused[near]))][:k]
        assert [one.id for one in candidates] == [kept.ids[i] for i in order]
        assert [one.score for one in candidates] == fused[order].tolist()


def test_copies_are_all_found(make, table):
    catalog = make(table({"a": "red soap", "b": "chair"}))
    catalog.add(table({f"x{i}": "red soap" for i in range(60)}))
    catalog.remove(["x3"])
    found = catalog.query(table({"q": "red soap"}), k=70)[0]
    assert [one.id for one in found] == ["a", *(f"x{i}" for i in range(60) if i != 3)]
    assert len({one.score for one in found}) == 1


def test_segments_stay_few_and_dead_listings_go(make, table, monkeypatch):
    catalog = make(table({"a": "red soap"}))
    for i in range(40):
        catalog.add(table({f"x{i}": f"red soap {WORDS[i % 10]}"}))
        catalog.query(table({"q": "red soap"}))
    assert len(catalog._keeper.state.gallery.segments) <= 3
    catalog.remove([f"x{i}" for i in range(35)])
    gallery = catalog._keeper.state.gallery
    assert sum(len(s.block) for s in gallery.segments) <= 8
    assert catalog.query(table({"q": "red soap"}), k=50)[0][0].id == "a"


def test_large_segments_are_joined_aside(make, table, monkeypatch):
    monkeypatch.setattr(_gallery, "LARGE", 3)
    catalog = make(table({id: f"red {id}" for id in "abcdefgh"}))
    for id in "ijklm":
        catalog.add(table({id: f"red soap {id}"}))
        joining = catalog._keeper._joining
        if joining is not None:
            joining.join()
    # One beside ten or twelve is few enough to stay.
    sizes = [len(segment.block) for segment in catalog._keeper.state.gallery.segments]
    assert sizes == [12, 1]
    catalog.remove(["a", "b"])
    catalog._keeper._joining.join()
    found = catalog.query(table({"q": "red"}), k=50)[0]
    assert {one.id for one in found} == set("cdefghijklm")


def test_what_another_process_wrote_is_seen(catalog, table):
    with open_catalog(catalog.place) as other:
        assert other.query(table({"q": "red soap"}))[0][0].id == "f"
        catalog.add(table({"n": "brass lamp shade red"}))
        catalog.remove(["f"])
        found = other.query(table({"q": "red soap"}))[0]
        assert "n" in [one.id for one in found]
        assert "f" not in [one.id for one in found]
        assert not other.refresh()
        catalog.add(table({"f": "red"}))
        assert other.refresh()
        other.add(table({"z": "red soap bar 250ml"}))
        assert catalog.cluster_of("z") == catalog.cluster_of("a")


def test_threads_ask_while_one_writes(catalog, table):
    done, wrong = threading.Event(), []

    def ask():
        while not done.is_set():
            try:
                found = catalog.query(table({"q": "red soap bar 250ml"}), k=3)[0]
                assert found[0].id == "a"
            except Exception as error:
                wrong.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(15):
        catalog.add(table({f"x{i}": f"hdmi cable black {i}"}))
        if i % 3 == 2:
            catalog.remove([f"x{i - 1}"])
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_probabilities_need_twenty_pairs_of_either_kind():
    scores = np.linspace(0.3, 0.7, 60, dtype=np.float32)
    same = scores > 0.5
    same[[25, 35]] = ~same[[25, 35]]
    fitted = fit_platt(scores, same)
    assert isinstance(fitted, Platt)
    assert (np.diff(fitted(scores)) > 0).all()
    assert fitted(np.float32([0.3]))[0] < 0.1 < 0.9 < fitted(np.float32([0.7]))[0]
    assert fit_platt(scores[:45], same[:45]) is None  # 15 of one kind
    assert fit_platt(scores, ~same) is None  # which would fall


def test_a_platt_curve_by_hand():
    """Two scores alone: the curve goes through the smoothed shares of each."""
    scores = np.repeat(np.float32([0.25, 0.75]), 40)
    same = np.tile(np.repeat([True, False], 20), 2)
    same[:40], same[40:] = np.arange(40) < 10, np.arange(40) < 30
    fitted = fit_platt(scores, same)
    low, high = 1 / 42, 41 / 42  # 40 pairs of either kind
    shares = [(10 * high + 30 * low) / 40, (30 * high + 10 * low) / 40]
    assert fitted(np.float32([0.25, 0.75])) == pytest.approx(shares, abs=1e-6)


def test_labels_and_decisions_make_probabilities(make, table):
    titles, groups = {}, []
    for i in range(30):
        for j in range(2):
            titles[f"{i}-{j}"] = f"brand{i} thing{i} kind{i % 5} shared {'extra' * j}"
            groups.append(i)
    catalog = make(table(titles, groups=groups))
    asked = table({"q": "brand3 thing3 kind3 shared", "r": "kind3 shared"})
    found = [one for candidates in catalog.query(asked) for one in candidates]
    chances = [one.probability for one in sorted(found, key=lambda one: -one.score)]
    assert None not in chances
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.9 > 0.2 > chances[-1]
