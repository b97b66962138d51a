"""The steps that jobs share: read, encode, find candidates, score."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, TypeAlias

import numpy as np

from matcher.config import RunConfig
from matcher.errors import BackendError
from matcher.io.columns import Columns
from matcher.io.listings import listings_from_table, read_listings
from matcher.search import make_index, union_pairs
from matcher.similarity import build_graph
from matcher.types import Encoded, Float32, Int64, Listings, Matches, ScoredPairs, SimilarityGraph

ListingsLike: TypeAlias = Any  # Listings, a pandas or pyarrow table, or a path
LIBRARIES = ("matcher", "numpy", "scipy", "scikit-learn", "pyarrow", "pillow", "keras")
KINDS_OF_PROBLEM = 50


def as_listings(
    source: ListingsLike, images: str | Path | None = None, columns: Columns | None = None
) -> Listings:
    """Take listings as they are, from a table in memory, or from a file or folder."""
    if isinstance(source, Listings):
        return source
    if isinstance(source, str | Path):
        return read_listings(source, images, columns)
    return listings_from_table(source, images, columns)


def resolve_config(config: RunConfig | str | Path | None, encoders: Any = None) -> RunConfig:
    """Take a config as it is, from a file, or the default; then keep some of its encoders.

    Args:
        config: A config, the path of a YAML file, or None for the default.
        encoders: Names of modalities or encoders, as a list or split by commas; None keeps all.
    """
    if isinstance(config, str | Path):
        config = RunConfig.load(Path(config))
    config = config or RunConfig.default()
    if encoders is None:
        return config
    names = encoders.split(",") if isinstance(encoders, str) else list(encoders)
    return config.select([name.strip() for name in names if name.strip()] or [""])


@dataclass(slots=True)
class Stopwatch:
    """Seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)


@dataclass(frozen=True, slots=True)
class Encodings:
    """What the encoders made of one or several tables.

    Attributes:
        tables: For each table, its rows by modality.
        left_out: By modality that did not run: why.
    """

    tables: tuple[dict[str, Encoded], ...]
    left_out: dict[str, str]

    def about(self) -> dict[str, dict[str, Any]]:
        """By modality that ran: its fingerprint, and how many listings have it."""
        return {
            name: {
                "source": encoded.source,
                "listings": sum(int(table[name].present.sum()) for table in self.tables),
            }
            for name, encoded in self.tables[0].items()
        }


def encode(config: RunConfig, learn_from: Listings, *tables: Listings) -> Encodings:
    """Run every encoder that can run.

    Args:
        config: Which encoders, and their settings.
        learn_from: Listings that encoders learn from (a vocabulary, say).
        *tables: Listings to encode.

    Raises:
        BackendError: If no encoder could run.
    """
    encoded: tuple[dict[str, Encoded], ...] = tuple({} for _ in tables)
    left_out: dict[str, str] = {}
    for name, modality in config.encoders.items():
        try:
            encoder = modality.make().fit(learn_from)
            rows = [encoder.encode(table) for table in tables]
        except BackendError as error:
            left_out[name] = str(error)
            continue
        if not any(r.present.any() for r in rows):
            left_out[name] = "no listing has what it reads"
            continue
        for table, r in zip(encoded, rows, strict=True):
            table[name] = r
    if not any(config.encoders[name].candidates for name in encoded[0]):
        reasons = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in left_out.items())
        raise BackendError(f"No encoder that proposes matches could run. {reasons}.")
    return Encodings(encoded, left_out)


def find_candidates(config: RunConfig, *tables: Mapping[str, Encoded]) -> tuple[Int64, Int64]:
    """Neighbours in any modality: within one table, or from the first to the second.

    Returns:
        Rows of the two ends of each pair, each pair once.
    """
    graphs = []
    for name, queries in tables[0].items():
        modality = config.encoders[name]
        if not modality.candidates:
            continue
        bounds: dict[str, Any] = {"k": config.search.neighbors, "min_score": modality.min_score}
        index = make_index(tables[-1][name], config.search.method)
        within = len(tables) == 1
        graphs.append(index.search_within(**bounds) if within else index.search(queries, **bounds))
    return union_pairs(graphs, within=len(tables) == 1)


def pair_graph(pairs: ScoredPairs, scores: Float32, within: bool = True) -> SimilarityGraph:
    """Pairs as a graph: both ways within one table, from left to right between two."""
    rows, cols = pairs.left, pairs.right
    if within:
        rows, cols = np.concatenate([rows, cols]), np.concatenate([cols, rows])
        scores = np.concatenate([scores, scores])
    return build_graph(rows, cols, scores, pairs.n_left, pairs.n_right)


def accepted_graph(pairs: ScoredPairs, scores: Float32, within: bool = True) -> Matches:
    """The graph of pairs that have been accepted."""
    graph = pair_graph(pairs, scores, within)
    return Matches(graph.indptr, graph.indices, graph.scores, graph.n_cols)


def count_problems(*sources: Mapping[int, str]) -> dict[str, int]:
    """How many listings each kind of trouble touched, the commonest first."""
    counts = Counter(reason for problems in sources for reason in problems.values())
    return dict(counts.most_common(KINDS_OF_PROBLEM))


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that are installed."""
    found = {"python": python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
