"""The main path: read → encode → search → fuse → cluster → explain → score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from matcher.config import RunConfig
from matcher.explain import explain_pairs
from matcher.fusion import ACCEPTED
from matcher.io.columns import Columns
from matcher.jobs.crowds import leaders, rejoin
from matcher.jobs.steps import (
    KINDS_OF_PROBLEM,
    ConfigLike,
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
from matcher.search import score_pairs, take_rows
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

MOST_MATCHES = 50  # ids in a row of matches


def dedupe(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
) -> MatchResult:
    """Find the listings of one table that are the same product.

    Args:
        listings: A pandas or pyarrow table, the path of a CSV or Parquet file or of a folder
            with one folder per product, or ``Listings``.
        images: Folder or zip archive in which the pictures that the table names lie.
        config: A config, its values by name, or the path of a YAML file; None for the default.
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
        rows, first = leaders(config, encoded)
        searched = {name: take_rows(table, rows) for name, table in encoded.items()}
        candidates = find_candidates(config, searched)
    with watch.step("cluster"):
        fused = config.fusion(candidates)
        clusters = rejoin(config.clustering(pair_graph(candidates, fused)), rows, first)
    with watch.step("explain"):
        direct = rows[candidates.left], rows[candidates.right]
        accepted, scores = _accept(config, direct, fused, clusters, encoded)
        reasons = explain_pairs(accepted, encoded, encoded)
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
        candidate_truth=_truth(*direct, listings.groups),
        report=_report(config, listings, encodings, counts, metrics, watch.seconds),
    )


def pairs_within(clusters: Clusters, most: int = MOST_MATCHES) -> tuple[Int64, Int64]:
    """Pairs of listings of one cluster, ``left < right``, by ascending left, then right.

    All of them in clusters of up to ``most`` listings. In a larger one (copies can make one) a
    listing is paired with the ``most // 2`` on either side of it in the table, so that the number
    of pairs stays in proportion to the number of listings.
    """
    order = np.argsort(clusters.labels, kind="stable")
    sizes = np.bincount(clusters.labels, minlength=1)
    size = sizes[clusters.labels[order]]
    place = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[clusters.labels[order]]
    after = np.where(size > most, np.minimum(size - place - 1, most // 2), size - place - 1)
    left = np.repeat(np.arange(len(order)), after)
    start = np.repeat(np.cumsum(after) - after, after)
    right = left + 1 + np.arange(len(left)) - start
    pairs = np.stack([order[left], order[right]])
    pairs = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    return pairs[0], pairs[1]


def _accept(
    config: RunConfig,
    direct: tuple[Int64, Int64],
    fused: Float32,
    clusters: Clusters,
    encoded: Mapping[str, Encoded],
) -> tuple[ScoredPairs, Float32]:
    """The pairs that count as matches, best first, with their fused scores."""
    if config.matches == "clusters":
        left, right = pairs_within(clusters)
    else:
        left, right = (rows[fused >= ACCEPTED] for rows in direct)
    scores = config.fusion(score_pairs(left, right, encoded))
    best_first = np.lexsort((right, left, -scores))
    left, right = left[best_first], right[best_first]
    return score_pairs(left, right, encoded), scores[best_first]


def _score(graph: Matches, clusters: Clusters, groups: Int64 | None) -> dict[str, float]:
    """All metrics, where there are labels."""
    if groups is None or not (groups != UNLABELLED).any():
        return {}
    return {**score_matches(graph, groups), **score_clusters(clusters.labels, groups)}


def _truth(left: Int64, right: Int64, groups: Int64 | None) -> Bool | None:
    """Whether each pair is of one product."""
    if groups is None:
        return None
    return np.asarray((groups[left] == groups[right]) & (groups[left] != UNLABELLED), np.bool_)


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
    problems = count_problems(listings, encodings.tables[0])
    return MatchReport(
        command="dedupe",
        config=config.dump(),
        encoders=encodings.about(),
        left_out=encodings.left_out,
        counts=counts,
        metrics=metrics,
        problems=dict(problems.most_common(KINDS_OF_PROBLEM)),
        seconds=seconds,
        versions=library_versions(),
    )
