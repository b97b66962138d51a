"""What ``bench_search`` times of titles: a row a peer, answers compared first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.contest import SAME, N, Row, check, ours, rows_of
from benchmarks.made_up import titles
from benchmarks.timing import race
from matcher.encoders import make_encoder
from matcher.io.listings import read_listings
from matcher.io.outputs import matches_table, write_csv
from matcher.search import make_index
from matcher.text.words import split_words
from matcher.types import Listings

MOST = 500  # neighbours of one title that sparse_dot_topn keeps room for


def sparse_join(data: Path, n_rounds: int) -> Iterator[Row]:
    """Titles of a cosine of 0.5 and more, by words and by characters."""
    from sparse_dot_topn import sp_matmul_topn

    listings = made_up_listings(data, N)
    kinds = {"words": {"tokens": "words"}, "character 3-5 grams": {"tokens": "characters"}}
    for (kind, settings), bar in zip(kinds.items(), (1.0, 2.5), strict=True):
        encoder = make_encoder("tfidf", **settings).fit(listings)
        vectors: Any = encoder.encode(listings).vectors  # type: ignore[union-attr]

        # As many as the fullest row holds: more would cost it time, fewer would lose pairs.
        most = int(np.diff(ours(vectors, min_score=0.5)().indptr).max()) + 1

        def topn(vectors: Any = vectors, most: int = most) -> int:
            table = csr_matrix(vectors)
            found = sp_matmul_topn(
                table, table.T.tocsr(), top_n=most, threshold=0.5, n_threads=2, sort=False
            )
            return int(found.nnz)

        timed = race({"matcher": ours(vectors, min_score=0.5), "sparse_dot_topn": topn}, n_rounds)
        graph = timed["matcher"].answer
        n_seen = int((np.diff(vectors.indptr) > 0).sum())
        n_close = int((np.abs(graph.scores - 0.5) < SAME).sum()) + 2
        n_pairs = len(graph.indices)
        check(abs(timed["sparse_dot_topn"].answer - n_seen - n_pairs) <= n_close, "other pairs")
        about = dict(n=N, d=int(vectors.shape[1]), pairs=n_pairs // 2)
        name = f"TF-IDF join, cosine ≥ 0.5, {kind}"
        yield from rows_of(name, timed, {"sparse_dot_topn": bar}, **about)


def titles_end_to_end(data: Path, n_rounds: int) -> Iterator[Row]:
    """Titles to a file of matches: vectors of words, pairs of a cosine of 0.5 and more, CSV.

    Peers get the titles cleaned, so that they count the same words; cleaning counts as ours.
    """
    from matcher.text.words import clean_title

    listings, bound = made_up_listings(data, N), 0.5
    cleaned = [clean_title(title) for title in listings.titles]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "matches.csv"

        def whole() -> int:
            clean_title.cache_clear()
            encoded = make_encoder("tfidf").fit(listings).encode(listings)
            graph = make_index(encoded).search_within(min_score=bound)
            write_csv(matches_table(listings.ids, graph, cap=None), path)
            return len(graph.indices)

        timed = race({"matcher": whole, **_title_peers(cleaned, listings.ids, path)}, n_rounds)
    own = timed["matcher"].answer
    for name, peer in timed.items():
        check(abs(peer.answer - own) <= 2, f"{name}: {peer.answer} pairs, not {own}")
    bars = {"TfidfVectorizer + NearestNeighbors": 8.0}
    about = dict(n=N, d=0, pairs=own // 2)
    yield from rows_of("titles to a CSV of matches", timed, bars, **about)


def _title_peers(
    cleaned: list[str], ids: tuple[str, ...], path: Path
) -> dict[str, Callable[[], int]]:
    """What a user would write with scikit-learn alone, and with sparse_dot_topn."""
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import NearestNeighbors
    from sparse_dot_topn import sp_matmul_topn

    names, bound = np.array(ids), 0.5

    def vectors() -> Any:
        return TfidfVectorizer(analyzer=split_words, binary=True, dtype=np.float32).fit_transform(
            cleaned
        )

    def write(matches: Any) -> int:
        lists = [" ".join(names[row]) for row in matches]
        pd.DataFrame({"id": names, "matches": lists}).to_csv(path, index=False)
        return sum(map(len, matches)) - sum(len(row) > 0 for row in matches)

    def neighbors() -> int:
        table = vectors()
        search = NearestNeighbors(radius=1 - bound, metric="cosine", algorithm="brute").fit(table)
        return write(search.radius_neighbors(table, return_distance=False))

    def topn() -> int:
        table = vectors()
        found = sp_matmul_topn(
            table, table.T.tocsr(), top_n=MOST, threshold=bound, n_threads=2, sort=True
        )
        return write(np.split(found.indices, found.indptr[1:-1]))

    return {"TfidfVectorizer + NearestNeighbors": neighbors, "… + sparse_dot_topn": topn}


def made_up_listings(data: Path, n: int) -> Listings:
    """Real titles, and variants of them up to ``n``."""
    known = read_listings(data / "shopee" / "train.csv").titles
    made = titles(list(known), n)
    ids = tuple(f"l{i}" for i in range(n))
    return Listings(ids=ids, titles=tuple(made), images=(None,) * n)
