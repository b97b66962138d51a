"""The main path: read → encode → search → fuse → cluster → explain → score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.clustering import Constraints, bridges, chaining
from matcher.config import RunConfig
from matcher.explain import explain_pairs
from matcher.fusion import ACCEPTED, VetoingFusion
from matcher.io.columns import Columns
from matcher.jobs.crowds import leaders, rejoin
from matcher.jobs.decisions import as_constraints, decide_pairs
from matcher.jobs.near import are_matches, explain_near_misses, find_near_misses
from matcher.jobs.steps import (
    KINDS_OF_PROBLEM,
    ConfigLike,
    Encodings,
    ListingsLike,
    Stopwatch,
    accepted_graph,
    as_listings,
    cluster,
    count_problems,
    encode,
    find_candidates,
    fuse,
    library_versions,
    pair_graph,
    resolve_config,
)
from matcher.metrics import score_clusters, score_matches
from matcher.results import MatchReport, MatchResult, NearMisses
from matcher.search import score_pairs, take_rows
from matcher.training.splits import digest_labels
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
MANY_CLUSTERS = 10  # a listing with accepted pairs into as many is reported as a bridge
SHOWN_BRIDGES = 20
SEEN = "label seen when the thresholds were set: the metrics are too good to expect elsewhere"


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
        decided = as_constraints(decisions, listings.ids)
    with watch.step("encode"):
        encodings = encode(config, listings, listings)
    (encoded,), (plain,) = encodings.tables, encodings.plain
    with watch.step("search"):
        found = search(config, encodings, decided)
    with watch.step("cluster"):
        among = cluster(config, found.candidates, found.fused, decided.among(found.rows))
        clusters = rejoin(among, found.rows, found.first)
    with watch.step("explain"):
        accepted, scores = _accept(config, found, clusters, encoded, decided)
        graph = accepted_graph(accepted, scores)
        titles = listings.titles, listings.titles
        reasons = explain_pairs(accepted, plain, plain, titles, graph)
        near = _near(config, found, among, (encoded, plain), listings, graph, decided)
    metrics = _score(graph, clusters, listings.groups)
    counts = _count(listings, found, accepted, clusters, among)
    bridging = _bridges(listings, found, among)
    return MatchResult(
        listings=listings,
        right_listings=None,
        graph=graph,
        clusters_found=clusters,
        accepted=accepted,
        scores=scores,
        reasons=reasons,
        candidate_scores=found.fused,
        candidate_truth=_truth(*found.ends(), listings.groups),
        report=_report(config, listings, encodings, counts, metrics, bridging, watch.seconds),
        near=near,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates of a run, among the listings that were searched.

    Attributes:
        rows: Listings that were searched, ascending, shape ``(m,)``.
        first: For each listing of all the one searched in its stead, or itself, shape ``(n,)``.
        candidates: Pairs of places in ``rows``.
        fusion: Bound to the candidates.
        fused: Fused score of each candidate.
    """

    rows: Int64
    first: Int64
    candidates: ScoredPairs
    fusion: VetoingFusion
    fused: Float32

    def ends(self) -> tuple[Int64, Int64]:
        """The candidates' left and right listings among all."""
        return self.rows[self.candidates.left], self.rows[self.candidates.right]

    def judge(self, pairs: ScoredPairs) -> Float32:
        """Fused scores of pairs among all listings; a candidate's is the one it has."""
        place = np.searchsorted(self.rows, self.first)
        ends = np.sort(np.stack([place[pairs.left], place[pairs.right]]), axis=0)
        n = len(self.rows)
        fused = self.fusion(ScoredPairs(ends[0], ends[1], pairs.scores, n, n))
        keys = self.candidates.left * n + self.candidates.right  # ascending
        at = np.minimum(np.searchsorted(keys, ends[0] * n + ends[1]), max(len(keys) - 1, 0))
        if len(keys):
            fused = np.where(keys[at] == ends[0] * n + ends[1], self.fused[at], fused)
        return fused


def search(config: RunConfig, encodings: Encodings, decided: Constraints) -> Found:
    """Find the candidates within one table, crowds as one, and fuse their scores."""
    rows, first = leaders(config, encodings.tables[0], decided.rows())
    among = {name: take_rows(table, rows) for name, table in encodings.tables[0].items()}
    candidates = find_candidates(config, among, searched=encodings.searched)
    fusion, fused = fuse(config, candidates, among)
    return Found(rows, first, candidates, fusion, fused)


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
    listings: Listings, found: Found, accepted: ScoredPairs, clusters: Clusters, among: Clusters
) -> dict[str, int]:
    sizes = np.bincount(clusters.labels, minlength=1)
    graph = pair_graph(found.candidates, found.fused)
    return {
        "listings": len(listings),
        "with_title": sum(map(bool, listings.titles)),
        "with_image": sum(ref is not None for ref in listings.images),
        "labelled": 0 if listings.groups is None else int((listings.groups >= 0).sum()),
        "candidate_pairs": len(found.candidates),
        "accepted_pairs": len(accepted),
        "clusters": int((sizes > 1).sum()),
        "clustered_listings": int(sizes[sizes > 1].sum()),
        "largest_cluster": int(sizes.max()),
        "chains": int((chaining(graph, among).least_alike == 0).sum()),
    }


def _bridges(listings: Listings, found: Found, among: Clusters) -> dict[str, int]:
    """Ids of the listings with direct matches in many clusters, and in how many."""
    worst = bridges(pair_graph(found.candidates, found.fused), among, least=MANY_CLUSTERS)
    ids = (listings.ids[row] for row in found.rows[worst.row[:SHOWN_BRIDGES]].tolist())
    return dict(zip(ids, worst.n_clusters[:SHOWN_BRIDGES].tolist(), strict=True))


def _report(
    config: RunConfig,
    listings: Listings,
    encodings: Encodings,
    counts: dict[str, int],
    metrics: dict[str, float],
    bridging: dict[str, int],
    seconds: dict[str, float],
) -> MatchReport:
    told = dict(count_problems(listings, encodings.tables[0]).most_common(KINDS_OF_PROBLEM))
    if listings.groups is not None and digest_labels(listings) in config.fitted_on:
        told = {SEEN: int((listings.groups != UNLABELLED).sum()), **told}
    return MatchReport(
        command="dedupe",
        config=config.dump(),
        encoders=encodings.about(),
        left_out=encodings.left_out,
        search=encodings.searched,
        counts=counts,
        metrics=metrics,
        problems=told,
        bridges=bridging,
        seconds=seconds,
        versions=library_versions(),
    )
