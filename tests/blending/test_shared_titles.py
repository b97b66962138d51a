"""Titles shared across pictures, by hand and against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.blending import make_blending
from matcher.errors import ConfigError

UNIT = np.eye(4, dtype=np.float32)


def share(**settings):
    return make_blending("shared_titles", **{"of": "title", "by": "image", **settings})


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([None, 0, 1, 3, 7, 255]), min_size=1, max_size=9),
    st.lists(st.sampled_from([None, 0, 1, 3, 7, 255]), min_size=1, max_size=9),
    st.sampled_from([0, 1, 2]), st.integers(2, 5), st.booleans(), st.booleans(),
    st.integers(0, 2**31),
)  # fmt: skip
def test_same_as_loops(toys, queries, gallery, bits, most, within, sparse, seed):
    rng = np.random.default_rng(seed)
    queries = gallery if within else queries
    held = toys.dense(toys.vectors(rng.integers(0, 3, (len(gallery), 3))))
    own = held if within else toys.dense(toys.vectors(rng.integers(0, 3, (len(queries), 3))))
    expected = own.astype(np.float64).copy()
    for row, code in enumerate(queries):
        same = [
            col for col, other in enumerate(gallery)
            if code is not None and other is not None and not (within and col == row)
            and (code ^ other).bit_count() <= bits
        ]  # fmt: skip
        if len(same) < most:
            expected[row] += held[same].sum(axis=0)
    norms = np.linalg.norm(expected, axis=1, keepdims=True)
    expected /= np.where(norms == 0, 1, norms)
    tables = [
        {"title": toys.vectors(rows, sparse), "image": toys.hashes(codes)}
        for rows, codes in ((own, queries), (held, gallery))
    ]
    blended = share(max_bits=bits, max_listings=most).blend(*tables[within:])
    np.testing.assert_allclose(toys.dense(blended[0]["title"]), expected, atol=1e-6)


def test_a_listing_without_a_title_takes_that_of_its_picture(toys):
    table = {"title": toys.vectors([[0, 0], [3, 4], [0, 0]]), "image": toys.hashes([5, 5, None])}
    (blended,) = share().blend(table)
    np.testing.assert_allclose(blended["title"].vectors, [[0.6, 0.8], [0.6, 0.8], [0, 0]])


def test_a_blank_picture_of_many_listings_is_left_alone(toys):
    titles = np.random.default_rng(0).random((10_002, 3))
    codes = [0] * 10_000 + [9, 9]
    (blended,) = share().blend({"title": toys.vectors(titles), "image": toys.hashes(codes)})
    found, given_ = blended["title"].vectors, toys.vectors(titles).vectors
    np.testing.assert_allclose(found[:10_000], given_[:10_000], atol=1e-6)
    np.testing.assert_array_equal(found[10_000], found[10_001])


@pytest.mark.parametrize(("n", "shared"), [(3, True), (4, False)])
def test_the_largest_set_that_shares(toys, n, shared):
    table = {"title": toys.vectors(UNIT[:n]), "image": toys.hashes([5] * n)}
    (blended,) = share(max_listings=3).blend(table)
    assert (toys.scores(blended["title"], blended["title"])[0, 1] > 0.99) == shared


def test_equal_vectors_of_pictures_are_one_picture(toys):
    picture = np.random.default_rng(1).random((1, 300))
    near = picture + 0.1 * np.random.default_rng(2).random((1, 300))
    rows = np.vstack([picture, picture, near])
    table = {"title": toys.vectors(UNIT[:3]), "image": toys.vectors(rows)}
    (blended,) = share().blend(table)
    found = toys.scores(blended["title"], blended["title"])
    np.testing.assert_allclose(found[0, 1:], [1, 0], atol=1e-6)
    (blended,) = share(max_bits=2).blend(table)
    assert toys.scores(blended["title"], blended["title"]).min() > 0.99


def test_without_pictures_nothing_is_shared(toys):
    table = {"title": toys.vectors(UNIT)}
    assert share().blend(table) == (table,)


def test_several_titles_are_each_shared(toys):
    table = {
        "words": toys.vectors(UNIT[:2], sparse=True), "characters": toys.vectors(UNIT[:2]),
        "image": toys.hashes([5, 5]),
    }  # fmt: skip
    (blended,) = share(of=["words", "characters"]).blend(table)
    for name in ("words", "characters"):
        assert toys.scores(blended[name], blended[name]).min() > 0.99
    assert share(of=["words", "characters"]).modalities == ("words", "characters", "image")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"by": None}, "by"),
        ({"max_bits": 33}, "max_bits"),
        ({"max_listings": 1}, "max_listings"),
        ({"of": ["a", "b"], "into": "c"}, "into goes with a single one"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ConfigError, match=message):
        share(**wrong)
