"""An encoder behind the cache gives what it gives without, and does only what is new."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from matcher.encoders import make_encoder
from matcher.io.cache_place import networks_folder
from matcher.io.images import read_all
from matcher.io.vector_files import list_vectors, vectors_folder
from matcher.jobs import encoding
from matcher.jobs.encoding import encode_table, take_listings
from matcher.jobs.steps import encode
from matcher.progress import shown_by, tracked
from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Hashes, ImageRef, Listings


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path / "cache"))


@dataclass
class ToyTitles:
    """A vector that depends on the title alone; none where it is blank."""

    source: str = "toy"
    width: int = 5
    done: list[str] = field(default_factory=list)

    def contents(self, listings):
        return listings.titles

    def encode(self, listings):
        vectors = np.zeros((len(listings), self.width), np.float32)
        problems = {}
        for row, title in tracked(enumerate(listings.titles), "toy", len(listings)):
            if title.strip():
                noise = np.random.default_rng(crc32(f"{self.source}{title}".encode()))
                vectors[row] = noise.standard_normal(self.width)
            elif title:
                problems[row] = "blank title"
        self.done += listings.titles
        return Embeddings(l2_normalize(vectors), self.source, problems)


def titled(*titles):
    ids = tuple(f"id{i}" for i in range(len(titles)))
    return Listings(ids=ids, titles=titles, images=(None,) * len(titles))


def same(one, other):
    assert type(one) is type(other)
    assert (one.source, dict(one.problems)) == (other.source, dict(other.problems))
    np.testing.assert_array_equal(one.present, other.present)
    if isinstance(one, Hashes):
        np.testing.assert_array_equal(one.codes[one.present], other.codes[one.present])
    else:
        np.testing.assert_array_equal(one.vectors, other.vectors)
    return True


@given(
    tables=st.lists(st.lists(st.text(" abc", max_size=2), max_size=12), min_size=1, max_size=4),
    at_once=st.integers(1, 6),
    rows=st.integers(1, 6),
)
def test_behind_the_cache_an_encoder_gives_the_same(tables, at_once, rows, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATCHER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(encoding, "TITLES", at_once)
        patch.setattr("matcher.io.content_keys.ROWS", rows)
        known = set()
        for titles in tables:
            encoder, listings = ToyTitles(), titled(*titles)
            made = encode_table(encoder, listings, "toy")
            assert same(made.encoded, ToyTitles().encode(listings))
            assert sorted(encoder.done) == sorted(set(titles) - known)
            assert made.n_cached == (sum(t in known for t in titles) if titles else None)
            known |= {title for title in titles if title.strip()}


def test_other_settings_share_nothing():
    listings = titled("a", "b")
    for encoder in (ToyTitles("one"), ToyTitles("two"), ToyTitles("two", width=7)):
        found = encode_table(encoder, listings, "toy")
        assert same(found.encoded, replace(encoder, done=[]).encode(listings))
        assert found.n_cached == 0


@pytest.mark.parametrize("off", ["argument", "variable", "encoder"])
def test_without_a_cache_nothing_is_kept(off, monkeypatch, tmp_path):
    encoder = ToyTitles()
    if off == "variable":
        monkeypatch.setenv("MATCHER_CACHE", "off")
    if off == "encoder":
        encoder.contents = None
    for _ in range(2):
        found = encode_table(encoder, titled("a", "b"), "toy", cache=off != "argument")
        assert found.n_cached is None
    assert encoder.done == ["a", "b"] * 2
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("cache", [True, False])
def test_a_config_without_the_cache_keeps_networks_from_it_too(cache, tmp_path):
    seen = []

    class Spec:
        def make(self):
            return self

        def fit(self, listings):
            seen.append(networks_folder())
            return ToyTitles()

    config = SimpleNamespace(encoders={"toy": Spec()}, blending=(), cache=cache)
    encode(config, titled("a"), titled("a", "b"))
    assert seen == [tmp_path / "cache" / "networks" if cache else None]
    assert (tmp_path / "cache").exists() == cache


def test_a_cache_that_fails_in_the_middle_costs_nothing_but_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(encoding, "TITLES", 10)
    monkeypatch.setenv("MATCHER_CACHE_GB", "0")
    listings = titled(*(f"title {i % 40}" for i in range(100)))
    encoder = ToyTitles()
    assert same(encode_table(encoder, listings, "toy").encoded, ToyTitles().encode(listings))
    assert len(encoder.done) == 40
    assert len(caplog.records) == 1


def test_ten_thousand_equal_titles_are_encoded_once():
    encoder, listings = ToyTitles(), titled(*["same"] * 10_000)
    found = encode_table(encoder, listings, "toy")
    assert encoder.done == ["same"]
    assert (found.encoded.vectors == found.encoded.vectors[0]).all()
    assert found.n_cached == 0
    assert encode_table(encoder, listings, "toy").n_cached == 10_000


def test_progress_is_one_bar_that_only_grows(monkeypatch):
    monkeypatch.setattr(encoding, "TITLES", 7)
    encode_table(ToyTitles(), titled(*"abcdef"), "titles")
    seen = []
    with shown_by(lambda *told: seen.append(told)):
        encode_table(ToyTitles(), titled(*"aabbccdefghijklmnopqrstuvw"), "titles")
    assert {(label, total) for label, _, total in seen} == {("titles", 26)}
    done = [done for _, done, _ in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 26)
    assert len(set(done)) > 15


KILLED = """
import signal, time
from test_encoding import ToyTitles, titled
from matcher.jobs import encoding

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

class Slow(ToyTitles):
    def encode(self, listings):
        for title in listings.titles:
            print(title, flush=True)
            time.sleep(0.002)
        return super().encode(listings)

encoding.TITLES = 50
encoding.encode_table(Slow(), titled(*(f"title {i}" for i in range(2000))), "toy")
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_run_that_was_killed_goes_on_where_it_stopped(how, root):
    command = [sys.executable, "-c", KILLED]
    path = os.pathsep.join([str(root), str(root / "tests" / "jobs")])
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        for n_begun, _ in enumerate(run.stdout, 1):
            if n_begun == 175:
                run.send_signal(getattr(signal, how))
                break
        run.stdout.read()
    assert run.returncode != 0
    (held,) = list_vectors(vectors_folder())
    assert held.n_vectors >= 150
    encoder, listings = ToyTitles(), titled(*(f"title {i}" for i in range(2000)))
    found = encode_table(encoder, listings, "toy")
    assert found.n_cached == held.n_vectors
    assert encoder.done == list(listings.titles[held.n_vectors :])
    assert same(found.encoded, ToyTitles().encode(listings))


@dataclass
class ToyPictures:
    """The mean colour of a picture."""

    source: str = "mean"
    done: list[str] = field(default_factory=list)

    def contents(self, listings):
        return listings.images

    def encode(self, listings):
        vectors = np.zeros((len(listings), 3), np.float32)
        problems = {}
        for row, mean in read_all(listings, lambda i: np.asarray(i).mean(axis=(0, 1)) + 1, "mean"):
            self.done.append(listings.ids[row])
            if isinstance(mean, Exception):
                problems[row] = mean.reason
            else:
                vectors[row] = mean
        return Embeddings(l2_normalize(vectors), self.source, problems)


@pytest.fixture
def pictured(tmp_path):
    """Twelve listings: 3 has no picture, 4 shares that of 2, 5 is no picture, 6 a copy of it."""
    (tmp_path / "p").mkdir()
    noise = np.random.default_rng(0)
    refs = [ImageRef(tmp_path / "p" / f"{i}.png") for i in range(12)]
    for i, ref in enumerate(refs):
        pixels = noise.integers(0, 255, (40, 30, 3), np.uint8) // (i + 1)
        Image.fromarray(pixels).save(ref.path)
    refs[5].path.write_bytes(b"no picture")
    refs[6].path.write_bytes(b"no picture")
    refs[3], refs[4] = None, refs[2]
    boxes = np.full((12, 4), np.nan, np.float32)
    boxes[7:9] = [2, 3, 10, 10]
    boxes[9] = [500, 500, 10, 10]  # shows no part of it
    return Listings(
        ids=tuple(f"id{i}" for i in range(12)),
        titles=("",) * 12,
        images=tuple(refs),
        boxes=boxes,
    )


def test_pictures_and_what_is_wrong_with_them(pictured):
    encoder = ToyPictures()
    first = encode_table(encoder, pictured, "mean")
    assert same(first.encoded, ToyPictures().encode(pictured))
    assert set(first.encoded.problems) == {5, 6, 9}
    assert encoder.done == [f"id{i}" for i in (0, 1, 2, 5, 7, 8, 9, 10, 11)]
    encoder.done.clear()
    second = encode_table(encoder, pictured, "mean")
    assert same(first.encoded, second.encoded)
    assert encoder.done == ["id5", "id9"]
    assert (first.n_cached, second.n_cached) == (0, 8)


def test_only_what_changed_is_encoded(pictured):
    encode_table(ToyPictures(), pictured, "mean")
    boxes = pictured.boxes.copy()
    boxes[8] += 1
    Image.new("RGB", (20, 20), "red").save(pictured.images[0].path)
    pictured.images[1].path.unlink()
    pictured.images[5].path.write_bytes(pictured.images[10].path.read_bytes())
    titles = tuple(f"new title {i}" for i in range(12))
    order = [11, 0, 1, 5, 7, 8]
    changed = take_listings(replace(pictured, boxes=boxes, titles=titles), order)
    encoder = ToyPictures()
    found = encode_table(encoder, changed, "mean")
    assert same(found.encoded, ToyPictures().encode(changed))
    assert encoder.done == ["id0", "id8", "id1"]  # what has no content comes last
    assert found.n_cached == 3


def test_a_picture_that_changes_while_it_is_encoded_is_not_kept(pictured):
    class Meddled(ToyPictures):
        def encode(self, listings):
            made = super().encode(listings)
            if len(listings):
                Image.new("RGB", (20, 20), "red").save(pictured.images[0].path)
            return made

    kept = encode_table(Meddled(), pictured, "mean").encoded
    assert list_vectors(vectors_folder())[0].n_vectors == 6
    again = encode_table(ToyPictures(), pictured, "mean").encoded
    np.testing.assert_array_equal(again.vectors[1:], kept.vectors[1:])
    assert same(again, ToyPictures().encode(pictured))


def test_hashes_given_in_the_table_are_not_looked_up(pictured):
    given = Hashes(
        np.arange(12, dtype=np.uint64) * 977 + 5,
        np.arange(12) % 4 == 1,  # 1, 5, 9
        problems={2: "no hash", 3: "no hash"},
    )
    listings = replace(pictured, phashes=given)
    encoder = make_encoder("phash").fit(listings)
    plain = encoder.encode(listings)
    first, second = (encode_table(encoder, listings, "phash") for _ in range(2))
    assert same(first.encoded, plain)
    assert same(second.encoded, plain)
    assert set(plain.problems) == {3, 6}
    assert (first.n_cached, second.n_cached) == (0, 7)  # 0, 2, 4, 7, 8, 10, 11
    assert same(
        encode_table(make_encoder("phash", column=False).fit(listings), listings, "p").encoded,
        make_encoder("phash", column=False).fit(listings).encode(listings),
    )
