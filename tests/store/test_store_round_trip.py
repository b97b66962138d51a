"""What is written is read back, whole, in order, and after the store was opened again."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.errors import StoreError
from matcher.store import Edges, create_store, open_store

AT = datetime(2025, 3, 1, 12, 30, 15, 250, UTC)


@pytest.fixture
def rows(store, columns):
    """Rows of the listings a to e."""
    with store.write() as write:
        return write.add_listings(columns(*"abcde"))


def test_what_it_is_about_is_kept(place, about):
    create_store(place, about).close()
    with open_store(place) as store:
        kept = store.about
    assert (kept.config, kept.encoders, kept.created) == (
        about.config,
        about.encoders,
        about.created,
    )
    assert kept.schema == 1


def test_a_new_store_is_empty(store):
    with store.read() as read:
        assert read.revision == read.count() == 0
        assert read.rows().shape == (0,)
        assert len(read.listings()) == len(read.edges()) == len(read.events()) == 0
        assert read.listings().boxes.shape == (0, 4)
        assert read.vectors("picture").values.shape == (0, 3)
        assert read.vectors("half").values.dtype == np.float16
        assert read.vectors("words").values.shape == (0, 1000)
        assert read.vectors("hash").values.dtype == np.uint64
        assert read.decisions() == ()
        assert read.removed().ids == ()
        assert read.membership().rows.size == read.clusters().ids.size == 0


def test_listings_with_every_column(store, full):
    with store.write() as write:
        rows = write.add_listings(full())
    with store.read() as read:
        found = read.listings()
    assert rows.tolist() == found.rows.tolist() == [1, 2]
    assert found.ids == ("a", "b")
    assert found.titles == ("title of a", "title of b")
    assert found.digests == ("0a", "0a")
    assert found.images == ("photos.zip/a.jpg", None)
    assert found.extra == ('{"price": 3}', "{}")
    assert found.revisions.tolist() == [1, 1]
    assert found.phashes.present.tolist() == [True, False]
    assert found.phashes.codes[0] == 2**64 - 1
    np.testing.assert_array_equal(found.boxes, full().boxes)


def test_listings_in_the_order_asked(store, rows):
    with store.read() as read:
        assert read.listings(rows[[3, 0, 3]]).ids == ("d", "a", "d")
        assert read.listings(rows[:0]).ids == ()
        with pytest.raises(StoreError, match="no row 99"):
            read.listings(np.array([1, 99]))


def test_rows_of_ids(store, rows):
    with store.read() as read:
        found = read.rows_of(["c", "nobody", "a", "\0", "\ud800", "c", ""])
    assert found.tolist() == [rows[2], -1, rows[0], -1, -1, rows[2], -1]


def test_rows_since_a_revision(store, rows, columns):
    with store.write() as write:
        later = write.add_listings(columns("f"))
    with store.read() as read:
        assert read.rows(since=1).tolist() == later.tolist()
        assert read.rows(since=2).tolist() == []
        assert read.rows().tolist() == [*rows, *later]


@pytest.mark.parametrize("name", ["picture", "half", "words", "hash"])
def test_vectors_come_back_to_the_bit(store, rows, vectors, name):
    mark, values = vectors(4)[name]
    with store.write() as write:
        write.add_vectors(name, mark, rows[[4, 0, 1, 3]], values)
    with store.read() as read:
        everything, some = read.vectors(name), read.vectors(name, rows[[3, 2, 4]])
    assert everything.rows.tolist() == rows[[0, 1, 3, 4]].tolist()
    assert some.rows.tolist() == rows[[3, 4]].tolist()  # row 2 has none
    for found, expected in ((everything, values[[1, 2, 3, 0]]), (some, values[[3, 0]])):
        assert found.values.dtype == expected.dtype
        dense = [x.toarray() if name == "words" else x for x in (found.values, expected)]
        np.testing.assert_array_equal(*dense)


def test_sparse_rows_come_back_in_order_without_zeros(store, rows):
    messy = csr_array(
        (np.float32([3, 0, 1, 2]), np.array([7, 5, 2, 7]), np.array([0, 4, 4])), shape=(2, 1000)
    )
    with store.write() as write:
        write.add_vectors("words", "print-w", rows[:2], messy)
    with store.read() as read:
        found = read.vectors("words").values
    assert found.indices.tolist() == [2, 7]
    assert found.data.tolist() == [1, 5]
    assert found.indptr.tolist() == [0, 2, 2]
    assert messy.nnz == 4  # what was given stays as it was


def test_edges(store, rows):
    a, b, c, d, e = rows
    scores = np.float32([0.1, 0.2, 0.3, 1 / 3])
    with store.write() as write:
        write.add_edges(Edges(np.array([c, a, a, b]), np.array([d, e, b, c]), scores))
    with store.read() as read:
        everything, some = read.edges(), read.edges(np.array([a, b]))
        assert len(read.edges(np.array([], np.int64))) == 0
    assert list(zip(everything.left, everything.right, strict=True)) == [
        (a, b),
        (a, e),
        (b, c),
        (c, d),
    ]
    assert everything.scores.tolist() == scores[[2, 1, 3, 0]].tolist()
    # The edge between two of the rows asked for comes once.
    assert list(zip(some.left, some.right, strict=True)) == [(a, b), (a, e), (b, c)]


def test_clusters_and_members(store, rows):
    with store.write() as write:
        first, second = write.add_clusters(2)
        write.assign(rows[:3], np.array([first, second, first]))
    with store.write() as write:
        write.assign(rows[[1, 3]], np.array([first, first]))
        write.end_clusters(np.array([second]))
        third = write.add_clusters(1)
        assert third.tolist() == [3]  # never given twice
    with store.read() as read:
        members, found = read.membership(), read.members(np.array([first, 99]))
        assert read.membership(rows[[3, 4, 0]]).rows.tolist() == rows[[3, 0]].tolist()
        spans, some = read.clusters(), read.clusters(np.array([2, 77]))
    assert members.rows.tolist() == found.rows.tolist() == rows[:4].tolist()
    assert set(members.clusters.tolist()) == {1}
    assert spans.ids.tolist() == [1, 2, 3]
    assert spans.made.tolist() == [2, 2, 3]
    assert spans.ended.tolist() == [0, 3, 0]
    assert (some.ids.tolist(), some.ended.tolist()) == ([2], [3])


def test_events(store):
    with store.write(at=AT) as write:
        one, two = write.add_clusters(2)
        write.add_events(["created", "created"], np.array([one, two]), [[], []])
    with store.write(at=AT.astimezone(timezone(timedelta(hours=7)))) as write:
        write.add_events(["merged"], np.array([one]), [[two]])
    with store.read() as read:
        everything, later = read.events(), read.events(since=1)
    assert everything.kinds == ("created", "created", "merged")
    assert everything.revisions.tolist() == [1, 1, 2]
    assert set(everything.times) == {AT}
    assert everything.times[0].tzinfo is UTC
    assert later.clusters.tolist() == [1]
    assert later.others == ((2,),)


def test_removal_leaves_the_id_alone(store, rows, vectors, columns):
    with store.write() as write:
        for name, (mark, values) in vectors(5).items():
            write.add_vectors(name, mark, rows, values)
        write.add_edges(Edges(rows[:-1], rows[1:], np.ones(4, np.float32)))
        write.assign(rows, np.repeat(write.add_clusters(1), 5))
    with store.write() as write:
        write.remove_listings(rows[[1, 4, 1]])
    with store.read() as read:
        left = rows[[0, 2, 3]].tolist()
        assert read.rows().tolist() == read.membership().rows.tolist() == left
        for name in vectors(1):
            assert read.vectors(name).rows.tolist() == left
        assert (read.edges().left.tolist(), read.edges().right.tolist()) == ([3], [4])
        assert read.rows_of(["b", "e"]).tolist() == [-1, -1]
        assert (read.removed().ids, read.removed().revisions.tolist()) == (("b", "e"), [3, 3])
        assert read.removed(since=3).ids == ()
    with store.write() as write:  # it may come back, as another row
        assert write.add_listings(columns("b")).tolist() == [6]
        write.remove_listings(np.array([6]))
        write.remove_listings(write.add_listings(columns("b")))
    with store.read() as read:
        assert read.removed().ids == ("b", "e", "b")
        assert read.rows(since=3).size == 0


def test_everything_is_there_after_opening_again(place, about, full, vectors):
    with create_store(place, about) as store, store.write() as write:
        rows = write.add_listings(full())
        for name, (mark, values) in vectors(2).items():
            write.add_vectors(name, mark, rows, values)
    with open_store(place) as store, store.read() as read:
        assert read.revision == 1
        assert read.listings().ids == ("a", "b")
        np.testing.assert_array_equal(read.vectors("picture").values, vectors(2)["picture"][1])
    with store.write() as write:  # closed, not gone
        assert write.revision == 2
    store.close()


HOSTILE = [
    "",
    "a\0b",
    "\0",
    "\x1b0 \x1b1 \x1b",
    'o\'clock "quoted" `tick` \\ \\N \\. %s :since {asked}',
    "tab\tnew\nline\r\n",
    "e\u0301 \u202egnp.exe\u202c \U0001f469\u200d\U0001f9b1 \ufeff\uffff",
    "'); DROP TABLE listings; --",
    "x" * 1_000_000,
    "\0\x1b" * 1000,
]


def test_hostile_texts_come_back(store, columns):
    ids = [f"{text[:400]}-{n}" for n, text in enumerate(HOSTILE)]
    with store.write() as write:
        given = columns(*ids, titles=HOSTILE, images=HOSTILE, extra=HOSTILE, digests=HOSTILE)
        rows = write.add_listings(given)
    with store.read() as read:
        found = read.listings()
        assert read.rows_of(ids).tolist() == rows.tolist()
    assert found.ids == tuple(ids)
    assert found.titles == found.images == found.extra == found.digests == tuple(HOSTILE)
    with store.write() as write:
        write.remove_listings(rows)
        assert sorted(write.removed().ids) == sorted(ids)
