import numpy as np
from scipy.sparse import csr_array

from matcher.explain import NOTHING, explain_pairs
from matcher.types import Embeddings, Hashes, ScoredPairs

TERMS = ("cup", "red", "usb")
WORDS = Embeddings(
    csr_array(np.float32([[0.6, 0.8, 0], [0.6, 0.8, 0], [0, 0, 1], [0, 0, 0]])), "w", terms=TERMS
)
PICTURES = Hashes(np.array([0, 3, 0, 0], np.uint64), np.array([True, True, True, False]))


def explain(edges, words, phash):
    left, right = (np.array(column) for column in zip(*edges, strict=True))
    scores = {"words": np.float32(words), "phash": np.float32(phash)}
    encoded = {"words": WORDS, "phash": PICTURES}
    return explain_pairs(ScoredPairs(left, right, scores, 4, 4), encoded, encoded)


def test_shared_words_weightiest_first_and_differing_bits():
    # 0.8 * 0.8 for "red" against 0.6 * 0.6 for "cup"; codes 0 and 3 differ in two bits: 1 - 2/32
    (reason,) = explain([(0, 1)], [1.0], [1 - 2 / 32])
    assert reason == "words in common: red, cup (1.00); phash: 2 of 64 bits differ"


def test_identical_pictures_and_a_missing_title():
    (reason,) = explain([(0, 2)], [np.nan], [1.0])
    assert reason == "phash: identical"


def test_a_pair_that_only_others_join():
    assert explain([(0, 2)], [0.1], [np.nan]) == (NOTHING,)


def test_vectors_without_words_for_their_dimensions():
    dense = Embeddings(np.float32([[1, 0], [0.6, 0.8]]), "bert")
    pairs = ScoredPairs(np.array([0]), np.array([1]), {"bert": np.float32([0.6])}, 2, 2)
    assert explain_pairs(pairs, {"bert": dense}, {"bert": dense}) == ("bert alike (0.60)",)


def test_no_pairs():
    nobody = np.empty(0, np.int64)
    pairs = ScoredPairs(nobody, nobody, {"words": np.empty(0, np.float32)}, 4, 4)
    assert explain_pairs(pairs, {"words": WORDS}, {"words": WORDS}) == ()


def test_what_two_modalities_saw_is_told_once():
    pairs = ScoredPairs(
        np.array([0]), np.array([1]),
        {"words": np.float32([0.9]), "numbers": np.float32([0.8])}, 4, 4,
    )  # fmt: skip
    encoded = {"words": WORDS, "numbers": WORDS}
    assert explain_pairs(pairs, encoded, encoded) == ("words in common: red, cup (0.90)",)
