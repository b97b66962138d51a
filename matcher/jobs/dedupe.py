"""The main path: read → encode → search → fuse → cluster → explain → score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from matcher.clustering import Constraints
from matcher.config import RunConfig
from matcher.explain import explain_pairs
from matcher.fusion import ACCEPTED
from matcher.io.columns import Columns
from matcher.jobs.crowds import rejoin
from matcher.jobs.decisions import as_constraints, decide_pairs
from matcher.jobs.dedupe_report import Outcome
from matcher.jobs.found import Found, pairs_within, search
from matcher.jobs.near import are_matches, explain_near_misses, find_near_misses
from matcher.jobs.seen_rows import find_known, without_labels
from matcher.jobs.steps import (
    ConfigLike,
    ListingsLike,
    accepted_graph,
    as_listings,
    cluster,
    encode,
    resolve_config,
)
from matcher.jobs.stopwatch import Stopwatch
from matcher.results import MatchReport, MatchResult, NearMisses
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
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
    decisions: str | Path | Constraints | None = None,
) -> MatchResult:
    """Find the listings of one table that are the same product.

    Args:
        listings: A pandas or pyarrow table, the path of a CSV or Parquet file or of a folder
            with one folder per product, or ``Listings``.
        images: Folder or zip archive in which the pictures that the table names lie.
        config: A config, its values by name, or the path of a YAML file; None for the default.
        encoders: Names of modalities or encoders to use, of those in the config; None for all.
        columns: Names of the columns; those not given are detected.
        decisions: What a person has decided about pairs: a table with the columns ``id_left``,
            ``id_right`` and ``decision`` ("same" or "different"), or ``Constraints`` by row.

    Returns:
        Clusters, matches and accepted pairs as tables, with metrics where there are labels and
        no encoder was trained on them.

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
        decided = as_constraints(decisions, listings.ids)
    with watch.step("encode"):
        encodings = encode(config, listings, listings)
    (encoded,), (plain,) = encodings.tables, encodings.plain
    with watch.step("search"):
        seen, chosen = find_known(config, listings, plain)
        found = search(config, encodings, decided)
    with watch.step("cluster"):
        among = cluster(config, found.candidates, found.fused, decided.among(found.rows))
        clusters = rejoin(among, found.rows, found.first)
    with watch.step("explain"):
        accepted, scores = _accept(config, found, clusters, encoded, decided)
        graph = accepted_graph(accepted, scores)
        reasons = explain_pairs(accepted, plain, plain, (listings.titles, listings.titles), graph)
        near = _near(config, found, among, (encoded, plain), listings, graph, decided)
    said = Outcome(listings, found, among, clusters, graph, seen, chosen)
    report = said.report(config, encodings, watch.seconds)
    return _result(said, report, accepted, scores, reasons=reasons, near=near)


def _result(
    said: Outcome, report: MatchReport, accepted: ScoredPairs, scores: Float32, **told: Any
) -> MatchResult:
    """What is handed back; rows that encoders were trained on are without labels."""
    judged = without_labels(said.listings, said.seen)
    return MatchResult(
        listings=judged,
        right_listings=None,
        graph=said.graph,
        clusters_found=said.clusters,
        accepted=accepted,
        scores=scores,
        candidate_scores=said.found.fused,
        candidate_truth=_truth(*said.found.ends(), judged.groups),
        report=report,
        trained_on=said.seen,
        **told,
    )


def _accept(
    config: RunConfig,
    found: Found,
    clusters: Clusters,
    encoded: Mapping[str, Encoded],
    decided: Constraints,
) -> tuple[ScoredPairs, Float32]:
    """The pairs that count as matches, best first, with their fused scores."""
    if config.matches == "clusters":
        left, right = pairs_within(clusters)
    else:
        accepted = found.fused >= ACCEPTED
        left, right = found.ends()
        left, right = decide_pairs(left[accepted], right[accepted], decided)
    pairs = score_pairs(left, right, encoded)
    scores = found.judge(pairs)
    best_first = np.lexsort((right, left, -scores))
    return score_pairs(left[best_first], right[best_first], encoded), scores[best_first]


def _near(
    config: RunConfig,
    found: Found,
    among: Clusters,
    encoded: tuple[Mapping[str, Encoded], Mapping[str, Encoded]],
    listings: Listings,
    graph: Matches,
    decided: Constraints,
) -> NearMisses:
    """The candidates that came closest to a match; scored as blended, explained as encoded."""
    fusion, candidates, (left, right) = found.fusion, found.candidates, found.ends()
    matched = are_matches(left, right, graph)
    if config.matches == "clusters":  # of a large one the graph has not all pairs
        matched = among.labels[candidates.left] == among.labels[candidates.right]
    near, scores = find_near_misses(fusion, candidates, found.fused, matched)
    pairs = score_pairs(left[near], right[near], encoded[0])
    table, both = (encoded[1],), (listings, listings)
    return explain_near_misses(pairs, scores, table, both, graph, fusion.vetoes, decided)


def _truth(left: Int64, right: Int64, groups: Int64 | None) -> Bool | None:
    """Whether each pair is of one product."""
    if groups is None:
        return None
    return np.asarray((groups[left] == groups[right]) & (groups[left] != UNLABELLED), np.bool_)
