"""The steps that jobs share: read, encode, find candidates, score."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from platform import python_version
from typing import Any, TypeAlias

import numpy as np

from matcher.clustering import Constraints, give_mates
from matcher.config import RunConfig
from matcher.errors import BackendError
from matcher.fusion import VetoingFusion
from matcher.io.cache_place import caching
from matcher.io.columns import Columns
from matcher.io.listings import listings_from_table, read_listings
from matcher.io.versions import installed_versions
from matcher.jobs.encoding import encode_table
from matcher.jobs.pair_models import with_pair_model
from matcher.protocols import EncoderSpec
from matcher.search import (
    ApproximateIndex,
    choose_method,
    make_index,
    measure_recall,
    score_pairs,
    union_pairs,
)
from matcher.similarity import build_graph
from matcher.types import (
    Clusters,
    Encoded,
    Float32,
    Hashes,
    Listings,
    Matches,
    ScoredPairs,
    SimilarityGraph,
)

ListingsLike: TypeAlias = Any  # Listings, a pandas or pyarrow table, or a path
ConfigLike: TypeAlias = RunConfig | Mapping[str, Any] | str | Path | None
VARIABLE = "MATCHER_CONFIG"  # of the environment
LIBRARIES = ("matcher", "numpy", "scipy", "scikit-learn", "pyarrow", "pillow", "keras", "usearch")
KINDS_OF_PROBLEM = 50
NOTHING_TO_READ = "no listing has a title or picture with anything for it to read"
NOTHING_TO_COMPARE = "one of the two tables has no title or picture for it to read"
NOTHING_TO_HASH = "no listing has a hash, or a picture that can be read"


def as_listings(
    source: ListingsLike, images: str | Path | None = None, columns: Columns | None = None
) -> Listings:
    """Take listings as they are, from a table in memory, or from a file or folder."""
    if isinstance(source, Listings):
        return source
    if isinstance(source, str | Path):
        return read_listings(source, images, columns)
    return listings_from_table(source, images, columns)


def resolve_config(
    config: ConfigLike, encoders: str | Sequence[str] | None = None, cache: bool = True
) -> RunConfig:
    """Take a config as it is, from a file, or the default; then keep some of its encoders.

    Args:
        config: A config, its values by name, the path of a YAML file, or None for the file that
            the environment variable ``MATCHER_CONFIG`` names, else the default. A pair model
            that it names is read: relative to the file, else to this folder.
        encoders: Names of modalities or encoders, as a list or split by commas; None keeps all.
        cache: Whether vectors and networks of earlier runs may be used and new ones kept, if
            the config allows it.
    """
    beside = Path()
    if config is None:
        config = os.environ.get(VARIABLE) or None
    if isinstance(config, str | Path):
        beside = Path(config).parent
        config = RunConfig.load(Path(config))
    if isinstance(config, Mapping):
        config = RunConfig.read(config, "config")
    config = with_pair_model(config or RunConfig.default(), beside)
    if not cache:
        config = config.model_copy(update={"cache": False})
    if encoders is None:
        return config
    names = encoders.split(",") if isinstance(encoders, str) else list(encoders)
    return config.select([name.strip() for name in names if name.strip()] or [""])


@dataclass(frozen=True, slots=True)
class Encodings:
    """What the encoders made of one or several tables.

    Attributes:
        tables: For each table, its rows by modality, blended where the config says so.
        left_out: By modality that did not run: why.
        plain: For each table, its rows before they were blended: they hold what the listing
            itself says.
        searched: By modality that was searched: how; see ``find_candidates``.
        cached: By modality that asked the cache: listings whose vector an earlier run has made.
    """

    tables: tuple[dict[str, Encoded], ...]
    left_out: dict[str, str]
    plain: tuple[dict[str, Encoded], ...]
    searched: dict[str, dict[str, Any]] = field(default_factory=dict)
    cached: dict[str, int] = field(default_factory=dict)

    def about(self) -> dict[str, dict[str, Any]]:
        """By modality that ran: its fingerprint, how many listings have it, how many cached."""
        told: dict[str, dict[str, Any]] = {}
        for name, encoded in self.tables[0].items():
            n_present = sum(int(table[name].present.sum()) for table in self.tables)
            told[name] = {"source": encoded.source, "listings": n_present}
            if name in self.cached:
                told[name]["from_cache"] = self.cached[name]
        return told


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
    cached: dict[str, int] = {}
    for name, modality in config.encoders.items():
        spec = modality.make()
        try:
            _refuse_idle(config, name, spec, tables)
            with caching(config.cache):
                encoder = spec.fit(learn_from)
                made = [encode_table(encoder, table, name) for table in tables]
        except BackendError as error:
            left_out[name] = str(error)
            continue
        if not any(m.encoded.present.any() for m in made):
            hashes = isinstance(made[0].encoded, Hashes)
            left_out[name] = NOTHING_TO_HASH if hashes else NOTHING_TO_READ
            continue
        for table, m in zip(encoded, made, strict=True):
            table[name] = m.encoded
        found = [m.n_cached for m in made if m.n_cached is not None]
        if found:
            cached[name] = sum(found)
    if not encoded[0]:
        told = "; ".join(f"{names}: {why.rstrip('.')}" for names, why in by_reason(left_out))
        raise BackendError(f"None of the encoders could run: {told}.")
    blended = encoded
    for step in config.blending:
        blended = step.blend(*blended)
    return Encodings(blended, left_out, encoded, cached=cached)


def _refuse_idle(
    config: RunConfig, name: str, spec: EncoderSpec, tables: Sequence[Listings]
) -> None:
    """Leave out an encoder that has nothing to compare, before any network is loaded for it."""
    reads = getattr(spec, "reads", None)
    has = [True] if reads is None else [reads(table) for table in tables]
    if not any(has):
        raise BackendError(NOTHING_TO_READ)
    if not all(has) and not any(name in step.modalities for step in config.blending):
        raise BackendError(NOTHING_TO_COMPARE)


def find_candidates(
    config: RunConfig,
    *tables: Mapping[str, Encoded],
    searched: dict[str, dict[str, Any]] | None = None,
) -> ScoredPairs:
    """Neighbours in any modality: within one table, or from the first to the second.

    Args:
        config: How to search.
        *tables: One table, or the one that searches and the one that is searched.
        searched: Takes up, by modality, the ``method`` used and ``why``; where it is
            approximate also ``recall`` (None where there was nothing to find), measured on
            ``recall_queries``.

    Returns:
        Each pair once, with the score of every modality.

    Raises:
        BackendError: If none of the modalities proposes candidates, or the search method named
            is not installed.
        ConfigError: If a search method cannot hold what a modality gives.
    """
    graphs = []
    for name in tables[0]:
        if config.search_of(name)[0]:
            graph, how = search_modality(config, name, *tables)
            graphs.append(graph)
            if searched is not None:
                searched[name] = how
    if not graphs:
        raise BackendError(
            f"None of the modalities that ran proposes matches: {', '.join(tables[0])}. "
            "Use others beside them, or set candidates: true."
        )
    left, right = union_pairs(graphs, within=len(tables) == 1)
    return score_pairs(left, right, *tables)


def search_modality(
    config: RunConfig, name: str, *tables: Mapping[str, Encoded]
) -> tuple[SimilarityGraph, dict[str, Any]]:
    """Neighbours in one modality, and how they were found; see ``find_candidates``."""
    search, held = config.search, tables[-1][name]
    queries = None if len(tables) == 1 else tables[0][name]
    method, why = choose_method(
        held,
        len(tables[0][name]),
        search.method_of(name),
        name=name,
        connectivity=search.hnsw.connectivity,
    )
    index = make_index(held, method, search.spec_of(method))
    bounds: dict[str, Any] = {"k": search.neighbors, "min_score": config.search_of(name)[1]}
    graph = index.search_within(**bounds) if queries is None else index.search(queries, **bounds)
    how: dict[str, Any] = {"method": method, "why": why}
    if isinstance(index, ApproximateIndex):
        sample = {"n_sample": search.recall_sample, "seed": search.seed}
        recall = measure_recall(index, graph, queries=queries, **bounds, **sample)
        how |= {"recall": recall.value, "recall_queries": recall.n_queries}
    return graph, how


def fuse(
    config: RunConfig, candidates: ScoredPairs, *tables: Mapping[str, Encoded]
) -> tuple[VetoingFusion, Float32]:
    """Fuse the scores of all candidates.

    Returns:
        The fusion, bound to these candidates, and their fused scores, shape ``(m,)``.
    """
    fusion = config.fusion.bind(candidates, *tables)
    fused = fusion(candidates)
    if config.reranking is not None and len(tables) < 2:
        fused = config.reranking(candidates, fused)
    return fusion, fused


def cluster(
    config: RunConfig, candidates: ScoredPairs, fused: Float32, decided: Constraints | None = None
) -> Clusters:
    """Cluster the listings of one table by the fused scores of their candidates."""
    graph = pair_graph(candidates, fused)
    clusters = config.clustering(graph, decided)
    if config.at_least_two:
        return give_mates(clusters, graph, decided, max_size=2)
    return clusters


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


def by_reason(left_out: Mapping[str, str]) -> list[tuple[str, str]]:
    """Modalities that were left out for one reason, side by side, and the reason."""
    names: dict[str, list[str]] = {}
    for name, why in left_out.items():
        names.setdefault(why, []).append(name)
    return [(", ".join(together), why) for why, together in names.items()]


def count_problems(listings: Listings, encoded: Mapping[str, Encoded]) -> Counter[str]:
    """How many listings each kind of trouble touched, however many encoders met it."""
    sources = [listings.problems, *(rows.problems for rows in encoded.values())]
    return Counter(reason for _, reason in {pair for s in sources for pair in s.items()})


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that are installed."""
    return {"python": python_version()} | installed_versions(LIBRARIES)
