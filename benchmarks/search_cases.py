"""What ``bench_search`` times of vectors, hashes and graphs: a row a peer, answers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.contest import SAME, N, Row, check, ours, rows_of
from benchmarks.made_up import embeddings, hashes
from benchmarks.timing import Timed, race
from benchmarks.title_cases import sparse_join, titles_end_to_end
from matcher.search import make_index
from matcher.types import Hashes

RADIUS, RANGES = "scikit-learn radius_neighbors", "faiss IndexFlatIP.range_search"


def dense_join(data: Path, n_rounds: int) -> Iterator[Row]:
    """All pairs of a cosine of 0.6 and more; the bars are for 1,280 dimensions."""
    del data
    for width in (1280, 256):
        vectors, bound = embeddings(N, width), 0.6
        timed = race(_joins(vectors, bound), n_rounds)
        graph = timed["matcher"].answer
        n_pairs, n_close = len(graph.indices), int((np.abs(graph.scores - bound) < SAME).sum())
        for name, peer in timed.items():
            found = n_pairs if name == "matcher" else peer.answer
            check(abs(found - n_pairs) <= 2 * n_close + 2, f"{name}: other pairs")
        flops = N * N * width  # of half the matrix, two a product
        share = flops / float(np.median(timed["matcher"].cpu)) / gemm_peak(vectors[:4096])
        about = dict(n=N, d=width, pairs=n_pairs // 2, gemm_share=share)
        bars = {RADIUS: 10.0, RANGES: 5.0} if width == 1280 else {}
        yield from rows_of(f"dense join, {width:,} dimensions, cosine ≥ 0.6", timed, bars, **about)


def _joins(vectors: Any, bound: float) -> dict[str, Callable[[], Any]]:
    """Ours, and how many pairs each peer finds."""
    import faiss
    from sklearn.neighbors import NearestNeighbors

    def radius() -> int:
        search = NearestNeighbors(radius=1 - bound, metric="cosine", algorithm="brute").fit(vectors)
        return sum(map(len, search.radius_neighbors(vectors)[1])) - N

    def ranges() -> int:
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return int(index.range_search(vectors, bound)[0][-1]) - N

    return {"matcher": ours(vectors, min_score=bound), RADIUS: radius, RANGES: ranges}


def top_50(data: Path, n_rounds: int) -> Iterator[Row]:
    """The 50 closest of every row, d = 1,280."""
    import faiss
    from sklearn.neighbors import NearestNeighbors

    del data
    vectors, k = embeddings(N, 1280), 50

    def brute() -> Any:
        search = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(vectors)
        return search.kneighbors(return_distance=False)

    def flat() -> Any:
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return index.search(vectors, k + 1)[1]

    timed = race(
        {"matcher": ours(vectors, k=k), "scikit-learn brute": brute, "faiss IndexFlatIP": flat},
        n_rounds,
    )
    graph = timed["matcher"].answer
    found = graph.indices.reshape(N, k)
    truth = timed["scikit-learn brute"].answer
    recall = np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, truth, strict=True)])
    check(recall >= 0.9999, f"recall {recall:.5f}")
    bars = {"scikit-learn brute": 4.0, "faiss IndexFlatIP": 2.0}
    yield from rows_of(
        "the 50 closest, 1,280 dimensions", timed, bars, n=N, d=1280, recall=float(recall)
    )


def hamming_join(data: Path, n_rounds: int) -> Iterator[Row]:
    """A million hashes within six bits; faiss sees a share of the queries, and is scaled."""
    import faiss

    del data
    n, radius = 1_000_000, 6
    codes = hashes(n)
    packed = codes.view(np.uint8).reshape(n, 8)
    present = np.ones(n, bool)
    flat = faiss.IndexBinaryFlat(64)
    flat.add(packed)
    shares = {"faiss BinaryMultiHash": 50, "faiss BinaryFlat": 500}

    many = faiss.IndexBinaryMultiHash(64, 4, 16)
    many.nflip = 1
    many.add(packed)
    contenders = {
        "matcher": lambda: make_index(Hashes(codes, present)).search_within(
            min_score=1 - radius / 32
        ),
        "faiss BinaryMultiHash": lambda: many.range_search(packed[: n // 50], radius + 1)[0],
        "faiss BinaryFlat": lambda: flat.range_search(packed[: n // 500], radius + 1)[0],
    }
    timed = race(contenders, n_rounds)
    graph = timed["matcher"].answer
    for name, share in shares.items():
        rows = n // share
        check(int(timed[name].answer[-1]) == int(graph.indptr[rows]) + rows, f"{name}: other pairs")
        peer = timed[name]
        timed[name] = Timed(
            [s * share for s in peer.wall], [s * share for s in peer.cpu], peer.peak, None
        )
    bars = {"faiss BinaryMultiHash": 8.0, "faiss BinaryFlat": 15.0}
    about = dict(n=n, d=64, pairs=len(graph.indices) // 2)
    yield from rows_of("Hamming join, 6 bits or fewer", timed, bars, **about)


def components(data: Path, n_rounds: int) -> Iterator[Row]:
    """Connected components of a million nodes and ten million edges."""
    from matcher.clustering._unions import components as join

    del data
    rng = np.random.default_rng(0)
    n, n_edges, size = 1_000_000, 10_000_000, 50
    left = rng.integers(0, n, n_edges)
    right = left // size * size + rng.integers(0, size, n_edges)

    def scipy() -> Any:
        graph = coo_array((np.ones(n_edges, np.int8), (left, right)), shape=(n, n)).tocsr()
        return connected_components(graph, directed=False)[1]

    timed = race({"matcher": lambda: join(left, right, n), "scipy": scipy}, n_rounds)
    same = coo_array(
        (np.ones(n, np.int8), (timed["matcher"].answer, timed["scipy"].answer))
    ).tocsr()
    check(same.nnz == same.shape[0] == same.shape[1], "other components")
    about = dict(n=n, d=0, pairs=n_edges)
    yield from rows_of("connected components", timed, {"scipy": 1.0}, **about)


def gemm_peak(vectors: Any) -> float:
    """Multiplications and additions per CPU second of the fastest product there is here."""
    from matcher.search._products import make_products

    products, every = make_products(vectors, vectors, 10**13), slice(0, len(vectors))
    timed = race({"product": lambda: products.block(every, every) is None}, 7)["product"]
    return float(2 * len(vectors) ** 2 * vectors.shape[1] / min(timed.cpu))


CASES: dict[str, Callable[[Path, int], Iterator[Row]]] = {
    "dense_join": dense_join,
    "top_50": top_50,
    "sparse_join": sparse_join,
    "titles": titles_end_to_end,
    "hamming_join": hamming_join,
    "components": components,
}
