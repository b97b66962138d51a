import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.training.splits import digest_labels, folds, super_components, tied_rows
from matcher.types import UNLABELLED, Hashes, ImageRef, Listings

CODES = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), min_size=1, max_size=12)


def test_ties_reach_through_others():
    labels = np.array([0, 0, 1, 2])
    pictures = np.array([5, 6, 6, -1])
    np.testing.assert_array_equal(super_components(labels, pictures), [0, 0, 0, 1])


@given(CODES)
def test_no_tie_is_cut(columns):
    ties = np.array(columns).T
    found = super_components(*ties)
    for codes in ties:
        for code in set(codes.tolist()) - {-1}:
            assert len(set(found[codes == code].tolist())) == 1


def test_listings_are_tied_by_label_picture_and_hash(tmp_path):
    shared = ImageRef(tmp_path / "a.jpg")
    listings = Listings(
        ids=tuple("abcde"),
        titles=("",) * 5,
        images=(shared, shared, None, None, None),
        groups=np.array([0, 1, 2, 3, -1]),
        phashes=Hashes(np.array([1, 2, 2, 3, 9], np.uint64), np.array([1, 1, 1, 1, 0], bool)),
    )
    # a-b by the picture, b-c by the hash; the absent hash of e ties nothing
    np.testing.assert_array_equal(tied_rows(listings), [0, 0, 0, 1, 2])


def test_splitting_needs_labels():
    with pytest.raises(DataError, match="needs labels"):
        tied_rows(Listings(("a",), ("",), (None,)))


@given(st.lists(st.integers(0, 20), min_size=30, max_size=60), st.integers(0, 3))
def test_folds_hold_whole_sets_and_are_even(labels, seed):
    components = np.unique(labels, return_inverse=True)[1]
    if components.max() < 2:
        return
    fold = folds(components, 2, seed)
    for c in range(components.max() + 1):
        assert len(set(fold[components == c].tolist())) == 1
    loads = np.bincount(fold, minlength=2)
    assert abs(loads[0] - loads[1]) <= np.bincount(components).max()


def test_fewer_sets_than_folds_is_refused():
    with pytest.raises(ConfigError, match="at most the 1 sets"):
        folds(np.zeros(4, np.int64), 2)


def test_a_digest_is_of_the_labels_whatever_their_names_and_order():
    ids, groups = ("a", "b", "c", "d"), np.array([0, 0, 1, UNLABELLED])
    digest = digest_labels(labelled(ids, groups))
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert digest_labels(labelled(("c", "d", "b", "a"), np.array([7, UNLABELLED, 3, 3]))) == digest
    assert digest_labels(labelled(("a", "b", "c"), np.array([0, 0, 1]))) == digest  # d says nothing
    assert digest_labels(labelled(ids, np.array([0, 1, 1, UNLABELLED]))) != digest
    assert digest_labels(labelled(("a", "b", "c", "e"), np.array([0, 0, 1, 1]))) != digest


def test_without_labels_there_is_no_digest():
    assert digest_labels(labelled(("a",), None)) == ""
    assert digest_labels(labelled(("a",), np.array([UNLABELLED]))) == ""


def labelled(ids, groups):
    n = len(ids)
    return Listings(ids=ids, titles=("",) * n, images=(None,) * n, groups=groups)
