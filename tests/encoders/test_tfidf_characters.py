"""Runs of characters are counted as scikit-learn counts them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from matcher.encoders import _character_runs
from matcher.encoders._character_runs import CharacterRuns, RunsVectorizer

NGRAMS = [(3, 5), (1, 1), (2, 4), (5, 6)]


def by_library(ngrams, least, binary, sublinear):
    return TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=ngrams,
        lowercase=False,
        dtype=np.float32,
        norm=None,
        min_df=least,
        binary=binary,
        sublinear_tf=sublinear,
    )


def assert_same(ours, theirs):
    theirs.sort_indices()
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))


def test_runs_by_hand():
    runs, counts = CharacterRuns.learn(["ab ab", "b"], (2, 3), 1)
    assert runs.strings() == [" a", " ab", " b", " b ", "ab", "ab ", "b "]
    assert counts.toarray().tolist() == [[2, 2, 0, 0, 2, 2, 2], [0, 0, 1, 1, 0, 0, 1]]


def test_a_word_shorter_than_any_run_is_one_run():
    runs, counts = CharacterRuns.learn(["a bcd"], (4, 5), 1)
    assert runs.strings() == [" a ", " bcd", " bcd ", "bcd "]
    assert counts.toarray().tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("ngrams", NGRAMS)
@pytest.mark.parametrize("block", [1, 3, 4096])
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ab é日𝔘 \n\x1f\u3000"), max_size=12), max_size=8),
    st.lists(st.text(max_size=12), max_size=4),
    st.integers(1, 2),
    st.booleans(),
    st.booleans(),
)
def test_same_as_scikit_learn(ngrams, block, texts, others, least, binary, sublinear):
    texts = [*texts, "ab", "ab"]
    ours = RunsVectorizer(ngrams, least, binary, sublinear)
    theirs = by_library(ngrams, least, binary, sublinear)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_character_runs, "BLOCK", block)
        assert_same(ours.fit_transform(texts), theirs.fit_transform(texts))
        assert ours.get_feature_names_out() == theirs.get_feature_names_out().tolist()
        np.testing.assert_array_equal(ours.idf_, theirs.idf_)
        assert len(ours.vocabulary_) == len(theirs.vocabulary_)
        assert_same(ours.transform([*others, ""]), theirs.transform([*others, ""]))


def test_an_alphabet_too_large_is_left_to_scikit_learn():
    from matcher.encoders import make_encoder
    from matcher.types import Listings

    letters = [chr(code) for code in range(0x4E00, 0x4E00 + 5000)]
    titles = tuple("".join(letters[i : i + 50]) for i in range(0, 5000, 50))
    assert CharacterRuns.learn(titles, (3, 5), 1) is None
    assert CharacterRuns.learn(titles, (3, 4), 1) is not None
    listings = Listings(tuple(map(str, range(100))), titles, (None,) * 100)
    spec = {"tokens": "characters", "min_titles": 1}
    encoded = make_encoder("tfidf", **spec).fit(listings).encode(listings)
    assert encoded.present.all()


@pytest.mark.parametrize("texts", [[""], ["  ", ""], ["ab", "cd"]])
def test_no_run_is_left(texts):
    with pytest.raises(ValueError, match="no terms"):
        RunsVectorizer((3, 5), 2, False, True).fit_transform(texts)
