"""The main path: read → encode → search → fuse → cluster → explain → score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from matcher.config import RunConfig
from matcher.explain import explain_pairs
from matcher.fusion import ACCEPTED
from matcher.io.columns import Columns
from matcher.jobs.steps import (
    Encodings,
    ListingsLike,
    Stopwatch,
    accepted_graph,
    as_listings,
    count_problems,
    encode,
    find_candidates,
    library_versions,
    pair_graph,
    resolve_config,
)
from matcher.metrics import score_clusters, score_matches
from matcher.results import MatchReport, MatchResult
from matcher.search import score_pairs
from matcher.types import (
    UNLABELLED,
    Bool,
    Clusters,
    Encoded,
    Float32,
    Int64,
    Listings,
    Matches,
    ScoredPairs,
)


def dedupe(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    config: RunConfig | str | Path | None = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
) -> MatchResult:
    """Find the listings of one table that are the same product.

    Args:
        listings: A pandas or pyarrow table, the path of a CSV or Parquet file or of a folder
            with one folder per product, or ``Listings``.
        images: Folder or zip archive in which the pictures that the table names lie.
        config: A config or the path of a YAML file; None for the default.
        encoders: Names of modalities or encoders to use, of those in the config; None for all.
        columns: Names of the columns; those not given are detected.

    Returns:
        Clusters, matches and accepted pairs as tables, with metrics where there are labels.

    Raises:
        DataError: If the table cannot be used.
        ConfigError: If a setting is wrong.
        BackendError: If none of the encoders can run.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({
        ...     "id": ["a", "b", "c"],
        ...     "title": ["Sabun Lifebuoy 250ml", "lifebuoy sabun 250 ML", "HDMI cable 2 m"],
        ... })
        >>> dedupe(table).matches["matches"].tolist()
        ['a b', 'b a', 'c']
    """
    watch, config = Stopwatch(), resolve_config(config, encoders)
    with watch.step("read"):
        listings = as_listings(listings, images, columns)
    with watch.step("encode"):
        encodings = encode(config, listings, listings)
    (encoded,) = encodings.tables
    with watch.step("search"):
        candidates = score_pairs(*find_candidates(config, encoded), encoded)
    with watch.step("cluster"):
        fused = config.fusion(candidates)
        clusters = config.clustering(pair_graph(candidates, fused))
    with watch.step("explain"):
        accepted, scores = _accept(config, candidates, fused, clusters, encoded)
        reasons = explain_pairs(accepted, encoded, encoded)
    with watch.step("score"):
        graph = accepted_graph(accepted, scores)
        metrics = _score(graph, clusters, listings.groups)
    counts = _count(listings, candidates, accepted, clusters)
    return MatchResult(
        listings=listings,
        right_listings=None,
        graph=graph,
        clusters_found=clusters,
        accepted=accepted,
        scores=scores,
        reasons=reasons,
        candidate_scores=fused,
        candidate_truth=_truth(candidates, listings.groups),
        report=_report(config, listings, encodings, counts, metrics, watch.seconds),
    )


def pairs_within(clusters: Clusters) -> tuple[Int64, Int64]:
    """Every pair of listings of one cluster, ``left < right``, by ascending left, then right."""
    order = np.argsort(clusters.labels, kind="stable")
    sizes = np.bincount(clusters.labels, minlength=1)
    ends = np.cumsum(sizes)[clusters.labels[order]]
    after = ends - np.arange(len(order)) - 1  # listings of the same cluster still to come
    left = np.repeat(np.arange(len(order)), after)
    start = np.repeat(np.cumsum(after) - after, after)
    right = left + 1 + np.arange(len(left)) - start
    pairs = np.stack([order[left], order[right]])
    pairs = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    return pairs[0], pairs[1]


def _accept(
    config: RunConfig,
    candidates: ScoredPairs,
    fused: Float32,
    clusters: Clusters,
    encoded: Mapping[str, Encoded],
) -> tuple[ScoredPairs, Float32]:
    """The pairs that count as matches, best first, with their fused scores."""
    if config.matches == "clusters":
        left, right = pairs_within(clusters)
    else:
        direct = fused >= ACCEPTED
        left, right = candidates.left[direct], candidates.right[direct]
    scores = config.fusion(score_pairs(left, right, encoded))
    best_first = np.lexsort((right, left, -scores))
    left, right = left[best_first], right[best_first]
    return score_pairs(left, right, encoded), scores[best_first]


def _score(graph: Matches, clusters: Clusters, groups: Int64 | None) -> dict[str, float]:
    """All metrics, where there are labels."""
    if groups is None or not (groups != UNLABELLED).any():
        return {}
    return {**score_matches(graph, groups), **score_clusters(clusters.labels, groups)}


def _truth(pairs: ScoredPairs, groups: Int64 | None) -> Bool | None:
    """Whether each pair is of one product."""
    if groups is None:
        return None
    left = groups[pairs.left]
    return np.asarray((left == groups[pairs.right]) & (left != UNLABELLED), np.bool_)


def _count(
    listings: Listings, candidates: ScoredPairs, accepted: ScoredPairs, clusters: Clusters
) -> dict[str, int]:
    sizes = np.bincount(clusters.labels, minlength=1)
    return {
        "listings": len(listings),
        "with_title": sum(map(bool, listings.titles)),
        "with_image": sum(ref is not None for ref in listings.images),
        "labelled": 0 if listings.groups is None else int((listings.groups >= 0).sum()),
        "candidate_pairs": len(candidates),
        "accepted_pairs": len(accepted),
        "clusters": int((sizes > 1).sum()),
        "clustered_listings": int(sizes[sizes > 1].sum()),
        "largest_cluster": int(sizes.max()),
    }


def _report(
    config: RunConfig,
    listings: Listings,
    encodings: Encodings,
    counts: dict[str, int],
    metrics: dict[str, float],
    seconds: dict[str, float],
) -> MatchReport:
    problems: list[Any] = [listings.problems]
    problems += [encoded.problems for encoded in encodings.tables[0].values()]
    return MatchReport(
        command="dedupe",
        config=config.dump(),
        encoders=encodings.about(),
        left_out=encodings.left_out,
        counts=counts,
        metrics=metrics,
        problems=count_problems(*problems),
        seconds=seconds,
        versions=library_versions(),
    )
