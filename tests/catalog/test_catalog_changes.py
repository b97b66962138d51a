"""Adding, replacing and removing: what is told, and what is refused before anything is touched."""

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from matcher.catalog import create_catalog, open_catalog
from matcher.errors import BackendError, ConfigError, DataError, StoreError
from matcher.jobs.steps import as_listings
from matcher.types import Embeddings, Hashes, ImageRef, Listings


def test_what_is_added_is_told(catalog, table):
    changed = catalog.add(table({"n": "new soap bar red 250ml", "e": "wooden chair"}))
    assert (changed.added, changed.unchanged, changed.replaced) == (("n",), ("e",), ())
    assert changed.clusters == {"n": catalog.cluster_of("a"), "e": catalog.cluster_of("e")}
    assert changed.revision == catalog.revision == 2


def test_the_same_again_is_no_write(catalog, table):
    first = catalog.add(table({"n": "new soap"}))
    again = catalog.add(table({"n": "new soap"}))
    assert (again.revision, again.unchanged, again.added) == (first.revision, ("n",), ())
    assert again.clusters == {"n": catalog.cluster_of("n")}


def test_other_content_takes_its_own_place(catalog, table):
    lone = catalog.cluster_of("e")
    changed = catalog.add(table({"e": "oak table"}))
    assert (changed.replaced, changed.added) == (("e",), ())
    assert catalog.cluster_of("e") == lone  # it goes on as itself
    assert catalog.listings(["e"]).titles == ("oak table",)
    moved = catalog.add(table({"e": "red soap bar 250ml"}))
    assert moved.clusters["e"] == catalog.cluster_of("a") != lone
    assert catalog.cluster(lone).now == (catalog.cluster_of("a"),)


def test_removing(catalog):
    together = catalog.cluster_of("c")
    changed = catalog.remove(["c", "nobody", "c"])
    assert (changed.removed, changed.unknown) == (("c",), ("nobody",))
    assert catalog.cluster_of("c") is None
    assert catalog.cluster(together).ids == ("d",)
    catalog.remove(["d"])
    assert catalog.cluster(together).now == ()
    assert catalog.remove(["c"]).revision == catalog.revision == 3
    with pytest.raises(DataError, match="no listing 'c'"):
        catalog.listings(["a", "c"])


def test_it_lasts(make, table, partition):
    catalog = make(table({"a": "red soap", "b": "soap red"}))
    catalog.add(table({"c": "red soap bar"}))
    before, clusters = partition(catalog), catalog.clusters(1)
    with open_catalog(catalog.place) as again:
        assert (again.model, again.revision) == (catalog.model, catalog.revision)
        assert partition(again) == before
        assert again.clusters(1) == clusters
        assert again.config.dump() == catalog.config.dump()


def test_encoders_stay_as_they_were_fitted(catalog, table):
    mine = catalog._keeper.state.encoders
    unseen = table({"x": "red soap never seen words"})
    catalog.add(unseen)
    with open_catalog(catalog.place) as again:
        theirs = again._keeper.state.encoders.encode(unseen)["words"]
    mine = mine.encode(unseen)["words"]
    assert mine.source == theirs.source
    assert mine.vectors.data.tobytes() == theirs.vectors.data.tobytes()
    assert mine.terms == theirs.terms


def test_vectors_given_are_taken(catalog, table):
    listings = table({"n": "whatever it says"})
    like = catalog._keeper.state.encoders.encode(table({"n": "red soap bar 250ml"}))
    changed = catalog.add(listings, {"words": like["words"]})
    assert changed.clusters["n"] == catalog.cluster_of("a")


def test_made_with_vectors_given(make, table):
    titles = {"a": "red soap", "b": "oak table"}
    made = make(table(titles, {"a": 5, "b": 5}))._keeper.state.encoders
    vectors = {"phash": made.encode(table(titles, {"a": 9, "b": 9}))["phash"]}
    catalog = make(table(titles), vectors=vectors)
    assert set(catalog.config.encoders) == {"words", "phash"}
    assert catalog.cluster_of("a") == catalog.cluster_of("b")
    another = Hashes(vectors["phash"].codes, vectors["phash"].present, "phash:another")
    with pytest.raises(StoreError, match="never mixed"):
        make(table(titles), vectors={"phash": another})
    with pytest.raises(DataError, match="one per listing, 1"):
        make(table({"a": "red soap"}), vectors=vectors)


def test_vectors_of_others_are_refused(catalog, table):
    listings, before = table({"n": "red soap"}), catalog.revision
    good = catalog._keeper.state.encoders.encode(listings)["words"]
    wrong = {
        "words": (
            StoreError,
            "never mixed",
            Embeddings(good.vectors, "tfidf:words:another"),
        ),
        "narrow": (StoreError, "never mixed", Embeddings(good.vectors[:, :2], good.source)),
        "dense": (StoreError, "never mixed", Embeddings(good.vectors.toarray(), good.source)),
        "two": (DataError, "one per listing, 1", Embeddings(good.vectors[[0, 0]], good.source)),
    }
    for error, told, vectors in wrong.values():
        with pytest.raises(error, match=told):
            catalog.add(listings, {"words": vectors})
    with pytest.raises(DataError, match="no modality 'letters'"):
        catalog.add(listings, {"letters": good})
    assert catalog.revision == before


def test_an_encoder_that_is_another_now_is_refused(make, table, monkeypatch):
    listings = table({"a": "red soap", "b": "soap"}, {"a": 5, "b": 77})
    catalog = make(listings)
    monkeypatch.setattr("matcher.encoders.phash.SOURCE", "phash:other")
    with open_catalog(catalog.place) as again:
        before = again.revision
        with pytest.raises(StoreError, match=r"made with the encoder 'phash'.*never mixed"):
            again.add(table({"n": "new"}, {"n": 1}))
        with pytest.raises(StoreError, match="never mixed"):
            again.query(table({"n": "new"}, {"n": 1}))
        assert again.revision == before


def test_what_looks_at_the_whole_table_is_left_out_and_told(make, table, config):
    whole = {
        **config(),
        "blending": [{"method": "shared_titles", "of": ["words"], "by": "phash"}],
        "reranking": {},
        "at_least_two": True,
    }
    catalog = make(table({"a": "red soap"}, {"a": 3}), config=whole)
    assert set(catalog.left_out) == {"blending shared_titles", "reranking", "at_least_two"}
    assert catalog.config.blending == ()
    with open_catalog(catalog.place) as again:
        assert again.left_out == catalog.left_out


@pytest.mark.parametrize(
    "fusion",
    [
        {"method": "ranks", "weights": {"words": 1}},
        {"method": "pairs", "scores": ["words"]},
    ],
)
def test_a_fusion_that_judges_by_ranks_is_refused(tmp_path, table, config, fusion):
    with pytest.raises(ConfigError, match="stands among all candidates"):
        create_catalog(tmp_path / "x", table({"a": "red"}), config={**config(), "fusion": fusion})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("method", ["union", "weighted"])
def test_other_fusions(make, table, config, method):
    settings = {
        "union": {"thresholds": {"words": 0.5}},
        "weighted": {"weights": {"words": 1}, "threshold": 0.5},
    }[method]
    catalog = make(
        table({"a": "red soap", "b": "soap red", "c": "chair"}),
        config={**config(), "fusion": {"method": method, **settings}},
    )
    assert catalog.cluster_of("a") == catalog.cluster_of("b") != catalog.cluster_of("c")


def test_an_encoder_that_cannot_run_is_left_out(make, table):
    catalog = make(table({"a": "red soap"}))
    assert "phash" in catalog.left_out
    assert list(catalog.config.encoders) == ["words"]
    assert list(catalog.config.fusion.thresholds) == ["words"]


def test_nothing_that_can_run(tmp_path, table):
    with pytest.raises(BackendError, match="None of the encoders could run"):
        create_catalog(tmp_path / "x", table({"a": ""}), encoders="tfidf")
    assert not (tmp_path / "x").exists()


def test_creating_over_one_is_refused(catalog, table):
    with pytest.raises(StoreError, match="already"):
        create_catalog(catalog.place, table({"a": "other"}), encoders="tfidf")
    assert catalog.listings(["a"]).titles == ("red soap bar 250ml",)


def test_a_failed_creation_leaves_nothing(tmp_path, table, config, monkeypatch):
    def fail(*args, **more):
        raise StoreError("no room")

    monkeypatch.setattr("matcher.catalog._changing.find_edges", fail)
    with pytest.raises(StoreError, match="no room"):
        create_catalog(tmp_path / "x", table({"a": "red"}), config=config())
    assert not (tmp_path / "x").exists()


def test_a_failed_write_leaves_all_as_it_was(catalog, table, monkeypatch, partition):
    before, revision = partition(catalog), catalog.revision

    def fail(*args, **more):
        raise StoreError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("matcher.catalog._changing.regrow", fail)
        with pytest.raises(StoreError, match="no room"):
            catalog.add(table({"n": "red soap bar"}))
        with pytest.raises(StoreError, match="no room"):
            catalog.remove(["a"])
    assert (partition(catalog), catalog.revision) == (before, revision)
    found = catalog.query(table({"q": "red soap bar 250ml"}))[0]
    assert [one.id for one in found][:1] == ["a"]
    assert catalog.add(table({"n": "red soap bar"})).added == ("n",)


def test_bad_pictures_are_told_and_cost_nothing_else(make, tmp_path, config):
    Image.effect_noise((64, 64), 90).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    refs = [ImageRef(tmp_path / name) for name in ("good.png", "bad.png", "gone.png")]
    listings = Listings(tuple("abc"), ("red soap", "soap", "chair"), tuple(refs))
    catalog = make(listings)
    more = Listings(tuple("xyz"), ("red soap", "soap", "chair"), tuple(refs))
    changed = catalog.add(more)
    assert changed.added == ("x", "y", "z")
    assert set(changed.problems) == {"y", "z"}
    view = catalog.cluster(catalog.cluster_of("x"))
    assert view.images[0] == str(tmp_path / "good.png")


def test_a_picture_with_other_bytes_is_other_content(make, tmp_path):
    def save(color):
        Image.effect_noise((64, 64), color).save(tmp_path / "p.png")

    save(90)
    listings = Listings(("a",), ("red soap",), (ImageRef(tmp_path / "p.png"),))
    catalog = make(listings)
    assert catalog.add(listings).unchanged == ("a",)
    save(60)
    assert catalog.add(listings).replaced == ("a",)


def test_ids_twice_are_refused_as_tables_are(catalog, tmp_path):
    (tmp_path / "t.csv").write_text("id,title\nx,one\nx,two\n", encoding="utf-8")
    with pytest.raises(DataError, match="occurs more than once"):
        as_listings(tmp_path / "t.csv")


def test_titles_that_no_utf8_holds(catalog):
    changed = catalog.add(Listings(("x",), ("red soap \ud800",), (None,)))
    assert "U+FFFD" in changed.problems["x"]
    assert catalog.listings(["x"]).titles == ("red soap \ufffd",)
    assert catalog.add(Listings(("x",), ("red soap \ud800",), (None,))).unchanged == ("x",)


def test_other_columns_are_kept(make):
    table = pa.table({"id": ["a", "b"], "title": ["red soap", "soap"], "price": ["3", None]})
    catalog = make(as_listings(table))
    assert catalog.listings(["b", "a"]).extra == ('{"price": null}', '{"price": "3"}')


def test_hashes_and_boxes_count_as_content(make, table):
    catalog = make(table({"a": "red soap"}, {"a": 7}))
    assert catalog.add(table({"a": "red soap"}, {"a": 7})).unchanged == ("a",)
    assert catalog.add(table({"a": "red soap"}, {"a": 8})).replaced == ("a",)
    boxed = Listings(
        ("a",),
        ("red soap",),
        (None,),
        phashes=Hashes(np.array([8], np.uint64), np.array([True])),
        boxes=np.array([[1, 2, 3, 4]], np.float32),
    )
    assert catalog.add(boxed).replaced == ("a",)
    assert catalog.listings(["a"]).boxes.tolist() == [[1, 2, 3, 4]]


def test_nothing_is_left_out_of_a_crowd_in_silence(make, table, monkeypatch):
    monkeypatch.setattr("matcher.catalog._finding.MOST_EDGES", 3)
    catalog = make(table({"a": "red soap"}))
    crowd = {f"x{i}": "red soap" for i in range(6)}
    codes = {f"x{i}": 1 << (7 * i) for i in range(6)}  # one title, six pictures
    with open_catalog(catalog.place) as again:
        assert again.add(table(crowd)).problems == {}  # copies of one another
    other = make(table({"a": "red soap"}, {"a": 1 << 60}))
    assert any(
        "like more than" in told for told in other.add(table(crowd, codes)).problems.values()
    )
