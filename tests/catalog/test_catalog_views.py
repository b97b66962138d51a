"""What a catalogue shows, counts, writes out, and makes anew."""

import csv

import numpy as np
import pytest

from matcher import dedupe
from matcher.catalog import Ended, open_catalog
from matcher.catalog._bridges import weakest_bridge
from matcher.catalog._views import wilson
from matcher.errors import BackendError, ConfigError


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_cluster_to_look_at(catalog):
    view = catalog.cluster(catalog.cluster_of("d"))
    assert (view.ids, view.titles) == (("c", "d"), ("hdmi cable black", "black hdmi cable long"))
    assert view.images == (None, None)
    (edge,) = view.edges
    assert edge[:2] == ("c", "d")
    assert edge[2] >= 0.47
    assert "hdmi" in view.reasons[0]
    assert [(kind, others) for _, kind, others in view.events] == [("created", ())]


def test_listings_that_join_are_told(catalog, table):
    catalog.add(table({"n": "hdmi cable black"}))
    view = catalog.cluster(catalog.cluster_of("n"))
    assert [kind for _, kind, _ in view.events] == ["created", "joined"]
    assert len(view.edges) == 2  # a copy hangs on the oldest


def test_clusters_largest_first(catalog):
    sizes = [len(view.ids) for view in catalog.clusters(min_size=1)]
    assert sizes == sorted(sizes, reverse=True)
    assert [view.id for view in catalog.clusters(1, offset=1, limit=1)] == [
        catalog.clusters(1)[1].id
    ]
    assert all(len(view.ids) > 1 for view in catalog.clusters())


def test_ids_that_were_never_given(catalog):
    assert catalog.cluster(99) is None
    assert catalog.cluster_of("nobody") is None


def test_where_the_listings_of_an_ended_cluster_are(catalog):
    first, second = catalog.cluster_of("c"), catalog.cluster_of("e")
    third = catalog.cluster_of("f")
    catalog.merge([second, third], "ann")
    catalog.merge([first, second], "ann")
    assert catalog.cluster(third) == Ended(third, (first,))
    assert catalog.cluster(second) == Ended(second, (first,))
    catalog.undo(2, "ann")  # what was merged parts again, under a new id
    parted = {catalog.cluster_of(id) for id in "cef"}
    assert set(catalog.cluster(second).now) == parted


def test_the_weakest_come_first(make, table):
    catalog = make(
        table(
            {
                "a": "red soap bar 250ml",
                "b": "red soap bar 250ml",
                "c": "red soap bar 250ml new",
                "d": "hdmi cable black thin long",
                "e": "hdmi cable black thin short",
                "f": "wooden chair",
            }
        )
    )
    items = catalog.review()
    assert [item.cluster for item in items] == [catalog.cluster_of("d"), catalog.cluster_of("a")]
    assert (items[0].left, items[0].right) == (("d",), ("e",))
    assert items[0].score < items[1].score
    assert {items[1].left, items[1].right} == {("a", "b"), ("c",)}
    assert catalog.review(1) == items[:1]
    catalog.accept(items[0].cluster, "ann")
    assert [item.cluster for item in catalog.review()] == [items[1].cluster]


def test_copies_come_last_until_accepted(make, table):
    catalog = make(table({"a": "red soap", "b": "red soap", "c": "chair"}))
    (item,) = catalog.review()
    assert (item.left, item.right) == (("a",), ("b",))
    catalog.accept(item.cluster, "ann")
    assert catalog.review() == []


def test_a_bridge_by_hand():
    """A square with one weak side, and a tail."""
    left, right = np.array([0, 1, 2, 0, 3]), np.array([1, 2, 3, 3, 4])
    scores = np.float32([0.9, 0.5, 0.8, 0.6, 0.7])
    nobody = np.full(5, -1)
    edge, side = weakest_bridge(left, right, scores, nobody)
    assert (edge, side.tolist()) == (3, [0, 1])
    together = np.array([7, -1, -1, 7, -1])
    edge, side = weakest_bridge(left, right, scores, together)
    assert (edge, side.tolist()) == (4, [0, 1, 2, 3])
    assert weakest_bridge(left, right, scores, np.zeros(5, int)) is None
    assert weakest_bridge(left[:1], right[:1], scores[:1], nobody) is None


def test_numbers(catalog):
    told = catalog.statistics()
    assert (told.n_listings, told.n_clusters) == (6, 2)
    assert sum(size * n for size, n in told.sizes.items()) == 6
    assert len(told.scores) == 20
    assert told.scores[0][0] == 0
    assert told.precision is None
    catalog.accept(catalog.cluster_of("a"), "ann")
    catalog.reject("c", "d", "ann")
    told = catalog.statistics()
    assert told.decisions == {"accept": 1, "reject": 1}
    assert told.precision == pytest.approx(wilson(1, 2))
    assert told.precision == pytest.approx((0.5, 0.0945, 0.9055), abs=1e-3)


def test_files(catalog, tmp_path, table):
    catalog.add(table({"=1+2": "red soap bar 250ml"}))
    catalog.reject("a", "=1+2", "ann", "=note")
    catalog.accept(catalog.cluster_of("c"), "ann")
    catalog.reject("e", "f", "ann")
    catalog.remove(["f"])
    written = catalog.export(tmp_path / "out")
    assert [path.name for path in written] == [
        "clusters.csv",
        "pairs.csv",
        "decisions.csv",
        "events.csv",
        "waiting.csv",
    ]
    clusters = {row["id"]: int(row["cluster"]) for row in read(written[0])}
    assert clusters["'=1+2"] == catalog.cluster_of("=1+2")
    assert set(clusters) == {"a", "b", "c", "d", "e", "'=1+2"}
    scores = [float(row["score"]) for row in read(written[1])]
    assert scores == sorted(scores, reverse=True)
    decided = [(row["id_left"], row["id_right"], row["decision"]) for row in read(written[2])]
    assert decided == [("a", "'=1+2", "different"), ("c", "d", "same")]
    assert read(written[2])[0]["note"] == "'=note"
    assert [row["id_right"] for row in read(written[4])] == ["f"]
    catalog.undo(3, "ann")
    assert "waiting.csv" not in [path.name for path in catalog.export(tmp_path / "out")]
    assert not (tmp_path / "out" / "waiting.csv").exists()


def test_dedupe_reads_the_decisions(catalog, tmp_path, table):
    catalog.merge([catalog.cluster_of("e"), catalog.cluster_of("c")], "ann")
    catalog.export(tmp_path)
    titles = dict(zip("ace", catalog.listings(list("ace")).titles, strict=True))
    listings = table({**titles, "d": "black hdmi cable long"})
    config = catalog.config.select(["words"])
    result = dedupe(listings, config=config, decisions=tmp_path / "decisions.csv")
    labels = dict(zip(listings.ids, result.clusters_found.labels.tolist(), strict=True))
    assert labels["e"] == labels["c"] == labels["d"] != labels["a"]


def test_a_rebuild_learns_anew_and_keeps_ids(catalog, table, partition):
    catalog.add(table({"n": "never seen words", "m": "never seen words again"}))
    assert catalog.cluster_of("n") != catalog.cluster_of("m")  # their words were not learnt
    before, model = {id: catalog.cluster_of(id) for id in "abcdef"}, catalog.model
    catalog.remove(["f"])
    changed = catalog.rebuild()
    assert catalog.cluster_of("n") == catalog.cluster_of("m")
    assert {id: catalog.cluster_of(id) for id in "abcde"} == {
        id: cluster for id, cluster in before.items() if id != "f"
    }
    assert catalog.cluster_of("f") is None
    assert set(changed.unchanged) == set("abcdenm")
    assert catalog.model != model
    with open_catalog(catalog.place) as again:
        assert (again.model, partition(again)) == (catalog.model, partition(catalog))
        query = table({"q": "never seen"})
        assert again.query(query) == catalog.query(query) != [[]]


def test_a_rebuild_elsewhere_is_noticed(catalog, table):
    with open_catalog(catalog.place) as other:
        other.query(table({"q": "red"}))
        catalog.add(table({"n": "never seen"}))
        catalog.rebuild()
        assert other.query(table({"q": "seen never"}))[0][0].id == "n"
        assert other.model == catalog.model
        assert other.add(table({"m": "never seen"})).clusters["m"] == catalog.cluster_of("n")


def test_hashes_keep_their_vectors(make, table, monkeypatch):
    catalog = make(table({"a": "red soap", "b": "soap"}, {"a": 5, "b": 7}))

    def never(self, listings):
        raise AssertionError

    catalog.query(table({"q": "red"}))  # encoders are loaded
    monkeypatch.setattr("matcher.encoders.phash.PhashEncoder.encode", never)
    catalog.rebuild()
    with catalog._store.read() as snapshot:
        assert snapshot.vectors("phash").values.tolist() == [5, 7]


def test_a_rebuild_with_other_settings(catalog, config, partition):
    catalog.rebuild(config("components", max_size=1))
    assert all(len(cluster) == 1 for cluster in partition(catalog))
    assert catalog.config.clustering.max_size == 1


def test_a_rebuild_that_cannot_be_leaves_all_as_it_was(catalog, config, partition):
    before, model, revision = partition(catalog), catalog.model, catalog.revision
    ranks = {**config(), "fusion": {"method": "ranks", "weights": {"words": 1}}}
    with pytest.raises(ConfigError, match="among all candidates"):
        catalog.rebuild(ranks)
    only = {**config(), "encoders": {"phash": {}}, "fusion": config()["fusion"]}
    only["fusion"] = {"method": "boundary", "thresholds": {"phash": 0.8}}
    with pytest.raises(BackendError):
        catalog.rebuild(only)
    assert (partition(catalog), catalog.model, catalog.revision) == (before, model, revision)
