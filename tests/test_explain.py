import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from matcher import explain as explaining
from matcher.errors import DataError
from matcher.explain import NOTHING, common_neighbors, explain_pairs, near_misses
from matcher.similarity import build_graph
from matcher.types import Clusters, Embeddings, Hashes, ScoredPairs

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
        {"words": np.float32([1.0]), "numbers": np.float32([0.99])}, 4, 4,
    )  # fmt: skip
    encoded = {"words": WORDS, "numbers": WORDS}
    assert explain_pairs(pairs, encoded, encoded) == ("words in common: red, cup (1.00)",)


def test_a_score_that_blending_made_is_told_beside_that_of_the_titles():
    (reason,) = explain([(0, 1)], [0.7], [np.nan])
    assert reason == "words in common: red, cup (1.00, 0.70 through other listings)"


def paired(edges, n, n_right=None):
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    return ScoredPairs(left, right, {}, n, n_right or n)


def matched(edges, n):
    """Matches of one table, each pair both ways."""
    rows, cols = np.array(edges, np.int64).reshape(-1, 2).T
    rows, cols = np.concatenate([rows, cols]), np.concatenate([cols, rows])
    return build_graph(rows, cols, np.ones(len(rows), np.float32), n, n)


def test_the_term_of_the_fewest_listings_comes_first():
    # "cup" is in three listings and "red" in two, though "cup" weighs more in both titles.
    words = Embeddings(
        csr_array(np.float32([[0.8, 0.6], [0.8, 0.6], [1, 0]])), "w", terms=TERMS[:2]
    )
    pairs = ScoredPairs(np.array([0]), np.array([1]), {"words": np.float32([1.0])}, 3, 3)
    (reason,) = explain_pairs(pairs, {"words": words}, {"words": words})
    assert reason == "words in common: red, cup (1.00)"


def test_conflicts_between_titles_come_last():
    pairs = ScoredPairs(
        np.array([0, 0]), np.array([1, 2]), {"phash": np.float32([0.9375, 1])}, 4, 4
    )
    titles = ["Sabun 150ml merah", "sabun 0,25 l merah", "sabun", ""]
    encoded = {"phash": PICTURES}
    assert explain_pairs(pairs, encoded, encoded, (titles, titles)) == (
        "phash: 2 of 64 bits differ; but volume differs: 150ml, 250ml",
        "phash: identical",
    )


def test_titles_of_two_tables():
    pairs = paired([(0, 1)], 1, 2)
    reason = explain_pairs(pairs, {}, {}, (["kaos XL"], ["", "kaos size M"]))
    assert reason == (f"{NOTHING}; but size differs: xl, m",)


def test_two_conflicts_are_told_and_three_values_of_each():
    titles = ["1 kg hitam size s/m/l/xl 5 w", "2 kg biru size 3xl 9 w"]
    (reason,) = explain_pairs(paired([(0, 1)], 2), {}, {}, (titles, titles))
    assert reason == f"{NOTHING}; but mass differs: 1000g, 2000g; size differs: l/m/s/…, 3xl"


def test_neighbours_in_common():
    # 0 and 1 share 2 and 3; 0 and 2 share 1 (that they are matched themselves says nothing).
    graph = matched([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)], 5)
    pairs = paired([(0, 1), (0, 2), (0, 4)], 5)
    assert explain_pairs(pairs, {}, {}, neighbors=graph) == (
        f"{NOTHING}; 2 neighbours in common",
        f"{NOTHING}; 1 neighbour in common",
        NOTHING,
    )


def test_neighbours_are_of_one_table():
    with pytest.raises(DataError, match=r"one table.*pairs of 1 with 2.*leave neighbors out"):
        common_neighbors(paired([(0, 1)], 1, 2), matched([(0, 1)], 2))


EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda e: e[0] < e[1]))


@given(EDGES, EDGES)
def test_common_neighbours_as_sets_count_them(edges, asked):
    near = {i: {a + b - i for a, b in edges if i in (a, b)} for i in range(8)}
    found = common_neighbors(paired(sorted(asked), 8), matched(sorted(edges), 8))
    assert found.tolist() == [len(near[a] & near[b]) for a, b in sorted(asked)]


def test_blocks_change_nothing(monkeypatch):
    generator = np.random.default_rng(0)
    edges = np.unique(np.sort(generator.integers(0, 50, (300, 2))), axis=0)
    edges = edges[edges[:, 0] < edges[:, 1]]
    whole = common_neighbors(paired(edges, 50), matched(edges, 50))
    monkeypatch.setattr(explaining, "MOST_EDGES", 40)
    monkeypatch.setattr(explaining, "BLOCK", 7)
    np.testing.assert_array_equal(common_neighbors(paired(edges, 50), matched(edges, 50)), whole)
    assert whole.any()


def test_ten_thousand_identical_listings_have_bounded_blocks():
    n = 10_000  # each matched with 500 others: all at once would be 10,000 * 1,000 edges
    width = 500
    indices = (np.arange(n)[:, None] + np.arange(1, width + 1)) % n
    graph = explaining.SimilarityGraph(
        np.arange(0, n * width + 1, width), indices.ravel(), np.ones(n * width, np.float32), n
    )
    pairs = paired(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), n)
    cost = np.full(n - 1, 2 * width)
    longest = max(block.stop - block.start for block in explaining._blocks(cost))
    assert longest * 2 * width <= explaining.MOST_EDGES + 2 * width
    assert set(common_neighbors(pairs, graph).tolist()) == {width - 1}


def test_near_misses_best_first_ties_by_row():
    pairs = paired([(1, 3), (0, 3), (0, 2), (0, 1), (2, 3)], 4)
    fused = np.float32([0.4, 0.4, 0.49, 0.7, 0.2])
    assert near_misses(pairs, fused, None).tolist() == [2, 1, 0]
    assert near_misses(pairs, fused, None, most=2).tolist() == [2, 1]
    assert near_misses(pairs, fused, None, least=0.1).tolist() == [2, 1, 0, 4]


def test_near_misses_fell_short_of_a_cluster():
    # 0.7 was split by the clusterer; 0.4 was put together for the sake of others.
    pairs = paired([(0, 1), (0, 2), (1, 2)], 3)
    clusters = Clusters(np.array([0, 1, 0]))
    assert near_misses(pairs, np.float32([0.7, 0.4, 0.45]), clusters).tolist() == [0, 2]


def test_no_near_misses():
    assert near_misses(paired([], 0), np.empty(0, np.float32), Clusters(np.empty(0, int))).size == 0
    one = paired([(0, 1)], 2)
    assert near_misses(one, np.float32([0.35]), None).tolist() == [0]  # the bound included
    assert near_misses(one, np.float32([0.5]), None).size == 0
    assert near_misses(one, np.float32([0.9]), Clusters(np.zeros(2, int))).size == 0


def test_near_misses_refuse_what_does_not_fit():
    one = paired([(0, 1)], 2)
    with pytest.raises(DataError, match="one fused score per candidate"):
        near_misses(one, np.float32([0.4, 0.4]), None)
    with pytest.raises(DataError, match=r"Received: 3 clustered listings.*among 2 and 2"):
        near_misses(one, np.float32([0.4]), Clusters(np.zeros(3, int)))
