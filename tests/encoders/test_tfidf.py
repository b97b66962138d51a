import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.encoders import make_encoder
from matcher.errors import BackendError, ConfigError
from matcher.types import Listings


def titled(*titles: str) -> Listings:
    ids = tuple(str(i) for i in range(len(titles)))
    return Listings(ids, titles, (None,) * len(titles))


def test_weights_by_hand():
    # "red" is in 2 of 3 titles: idf = ln(4/3) + 1; "shirt", "sock" in 1: ln(4/2) + 1.
    listings = titled("red shirt", "red sock", "")
    vectors = make_encoder("tfidf").fit(listings).encode(listings).vectors.toarray()
    red, other = np.log(4 / 3) + 1, np.log(4 / 2) + 1
    length = np.hypot(red, other)
    np.testing.assert_allclose(sorted(vectors[0]), [0, red / length, other / length], rtol=1e-6)
    np.testing.assert_allclose(vectors[0] @ vectors[1], (red / length) ** 2, rtol=1e-6)
    assert not vectors[2].any()


def test_a_word_said_twice_counts_once():
    listings = titled("red red shirt", "red shirt")
    vectors = make_encoder("tfidf").fit(listings).encode(listings).vectors.toarray()
    np.testing.assert_allclose(vectors[0], vectors[1])


@pytest.mark.parametrize(
    ("tokens", "terms"),
    [
        ("words", {"kabel", "usb", "1000mm", "kx100"}),
        ("numbers", {"1000mm", "kx100"}),
        ("quantities", {"1000mm"}),
        ("models", {"kx100"}),
    ],
)
def test_what_each_kind_of_token_sees(tokens, terms):
    listings = titled("Kabel USB 1 m KX100")
    encoded = make_encoder("tfidf", tokens=tokens).fit(listings).encode(listings)
    assert set(encoded.terms) == terms


@pytest.mark.parametrize(
    ("tokens", "terms"),
    [
        ("sizes", {"2xl", "38", "12-24months", "100x200mm"}),
        ("colors", {"light blue", "black"}),
    ],
)
def test_sizes_and_colors_and_listings_without(tokens, terms):
    listings = titled("Kaos XXL biru muda 1-2 tahun", "size 38 hitam 10x20 cm", "Sabun 150ml")
    encoded = make_encoder("tfidf", tokens=tokens).fit(listings).encode(listings)
    assert set(encoded.terms) == terms
    np.testing.assert_array_equal(encoded.present, [True, True, False])


def test_runs_of_words():
    listings = titled("red cotton shirt")
    encoded = make_encoder("tfidf", ngrams=(1, 2)).fit(listings).encode(listings)
    assert set(encoded.terms) == {"red", "cotton", "shirt", "red cotton", "cotton shirt"}


def test_a_typo_hurts_characters_less_than_words():
    listings = titled("deterjen lavender", "dteerjen lavender", "deterjen melati")
    words = make_encoder("tfidf").fit(listings).encode(listings).vectors.toarray()
    runs = make_encoder("tfidf", tokens="characters").fit(listings).encode(listings)
    runs = runs.vectors.toarray()
    assert runs[0] @ runs[1] > words[0] @ words[1]


def test_other_listings_are_encoded_with_the_learnt_vocabulary():
    encoder = make_encoder("tfidf").fit(titled("red shirt", "blue sock"))
    encoded = encoder.encode(titled("red hat", "hat"))
    assert encoded.vectors.shape == (2, 4)
    np.testing.assert_array_equal(encoded.present, [True, False])


def test_fingerprint_tells_vocabularies_and_settings_apart():
    one = make_encoder("tfidf").fit(titled("red shirt")).source
    assert one == make_encoder("tfidf").fit(titled("red shirt")).source
    assert one != make_encoder("tfidf").fit(titled("red sock")).source
    assert one != make_encoder("tfidf", weight="each").fit(titled("red shirt")).source


def test_no_titles_at_all_says_what_is_missing():
    with pytest.raises(BackendError, match="needs titles"):
        make_encoder("tfidf").fit(titled("", ""))


def test_titles_without_any_term_have_no_vector():
    listings = titled("!!!", "???")
    encoded = make_encoder("tfidf").fit(listings).encode(listings)
    assert not encoded.present.any()


@pytest.mark.parametrize("ngrams", [(0, 2), (3, 2)])
def test_impossible_ngrams_are_refused(ngrams):
    with pytest.raises(ConfigError, match="ngrams must be"):
        make_encoder("tfidf", ngrams=ngrams)


def test_misspelt_setting_is_named():
    with pytest.raises(ConfigError, match=r"unknown setting 'token'\. Did you mean 'tokens'"):
        make_encoder("tfidf", token="words")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_any_titles_give_unit_rows_or_none(titles):
    listings = titled("anchor word", *titles)
    for tokens in ("words", "characters", "models", "sizes", "colors"):
        encoded = make_encoder("tfidf", tokens=tokens).fit(listings).encode(listings)
        assert len(encoded) == len(listings)  # Embeddings checks the norms
