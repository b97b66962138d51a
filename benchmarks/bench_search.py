"""Measure search against what people use, every contender in each round on the same data.

    python -m benchmarks.bench_search [--only NAME ...] [--rounds N] [--data DIR]

Answers are compared before seconds are. Ratios are medians of seconds; CPU seconds and megabytes
at the peak stand beside. Results go to benchmarks/results/search.json and docs/search.md. Peers
(faiss-cpu, sparse_dot_topn) are needed here only: pip install '.[bench]'.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.made_up import embeddings, hashes, titles
from benchmarks.table import replace_between
from benchmarks.timing import Timed, race
from matcher.io.listings import read_listings
from matcher.search import make_index
from matcher.types import Embeddings, Hashes, SimilarityGraph

RESULTS = ROOT / "benchmarks" / "results" / "search.json"
PAGE = ROOT / "docs" / "search.md"
N = 34_250
Row = dict[str, Any]
SAME = 1e-6  # pairs this close to the bound may be in one answer and not in another


def ours(vectors: Any, **limits: Any) -> Callable[[], SimilarityGraph]:
    """A search of this package, index and all."""
    return lambda: make_index(Embeddings(vectors, "made up")).search_within(**limits)


def rows_of(case: str, timed: dict[str, Timed], bars: dict[str, float], **about: Any) -> list[Row]:
    """A row a peer: how many times as long, and as much memory, as ours."""
    own = timed["matcher"]
    rows = []
    for name, peer in timed.items():
        if name == "matcher":
            continue
        rows.append(
            {
                **dict(case=case, peer=name, ratio=peer.seconds / own.seconds),
                **dict(cpu_ratio=float(np.median(peer.cpu) / np.median(own.cpu))),
                **dict(seconds=own.seconds, peer_seconds=peer.seconds),
                **dict(megabytes=own.megabytes, peer_megabytes=peer.megabytes),
                **dict(bar=bars.get(name), **about),
            }
        )
    return rows


def dense_join(data: Path, n_rounds: int) -> Iterator[Row]:
    """All pairs of a cosine of 0.6 and more, d = 1,280."""
    import faiss
    from sklearn.neighbors import NearestNeighbors

    del data
    vectors, bound = embeddings(N, 1280), 0.6

    def radius() -> int:
        search = NearestNeighbors(radius=1 - bound, metric="cosine", algorithm="brute").fit(vectors)
        return sum(map(len, search.radius_neighbors(vectors)[1])) - N

    def ranges() -> int:
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return int(index.range_search(vectors, bound)[0][-1]) - N

    contenders = {
        "matcher": ours(vectors, min_score=bound),
        "scikit-learn radius_neighbors": radius,
        "faiss IndexFlatIP.range_search": ranges,
    }
    timed = race(contenders, n_rounds)
    graph = timed["matcher"].answer
    n_pairs, n_close = len(graph.indices), int((np.abs(graph.scores - bound) < SAME).sum())
    for name in list(contenders)[1:]:
        check(abs(timed[name].answer - n_pairs) <= 2 * n_close + 2, f"{name}: other pairs")
    bars = {"scikit-learn radius_neighbors": 10.0, "faiss IndexFlatIP.range_search": 5.0}
    peak = gemm_peak(vectors[:4096])
    flops = N * N * vectors.shape[1]  # of half the matrix, two a product
    share = flops / np.median(timed["matcher"].cpu) / peak
    about = dict(n=N, d=1280, pairs=n_pairs // 2, gemm_share=float(share))
    yield from rows_of("dense join, cosine ≥ 0.6", timed, bars, **about)


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
    yield from rows_of("top 50", timed, bars, n=N, d=1280, recall=float(recall))


def sparse_join(data: Path, n_rounds: int) -> Iterator[Row]:
    """Titles of a cosine of 0.5 and more, by words and by characters."""
    from sparse_dot_topn import sp_matmul_topn

    from matcher.encoders import make_encoder

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


def made_up_listings(data: Path, n: int) -> Any:
    """Real titles, and variants of them up to ``n``."""
    from matcher.types import Listings

    known = read_listings(data / "shopee" / "train.csv").titles
    made = titles(list(known), n)
    ids = tuple(f"l{i}" for i in range(n))
    return Listings(ids=ids, titles=tuple(made), images=(None,) * n)


def gemm_peak(vectors: Any) -> float:
    """Multiplications and additions per CPU second of the fastest product there is here."""
    from matcher.search._products import make_products

    products, every = make_products(vectors, vectors, 10**13), slice(0, len(vectors))
    timed = race({"product": lambda: products.block(every, every) is None}, 7)["product"]
    return float(2 * len(vectors) ** 2 * vectors.shape[1] / min(timed.cpu))


def check(holds: bool, otherwise: str) -> None:
    """Refuse to compare seconds of different answers."""
    if not holds:
        raise SystemExit(f"The answers differ: {otherwise}.")


CASES: dict[str, Callable[[Path, int], Iterator[Row]]] = {
    "dense_join": dense_join,
    "top_50": top_50,
    "sparse_join": sparse_join,
    "hamming_join": hamming_join,
    "components": components,
}


def main() -> None:
    """Measure, print, and write the results and the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=data_folder())
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text("utf-8"))["results"] if RESULTS.exists() else {}
    for name in options.only or CASES:
        results[name] = []
        for row in CASES[name](options.data, options.rounds):
            print(row, flush=True)
            results[name].append(row)
        content = {"machine": machine(), "results": {k: results[k] for k in CASES if k in results}}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
        replace_between(PAGE, "search", search_lines(content))


def search_lines(content: dict[str, Any]) -> list[str]:
    """The table of the page."""
    lines = [
        "| what | n | peer | times as fast | CPU | seconds | MB at the peak | peer's MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rows in content["results"].values():
        lines += [_line(row) for row in rows]
    return [*lines, "", f"Measured by `make bench-search` on {content['machine']}."]


def _line(row: Row) -> str:
    cells = [
        *(row["case"], f"{row['n']:,}", row["peer"]),
        *(f"**{row['ratio']:.1f}**", f"{row['cpu_ratio']:.1f}", f"{row['seconds']:.2f}"),
        *(f"{row['megabytes']:.0f}", f"{row['peer_megabytes']:.0f}"),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
