"""What a run on one table has to say of itself: counts, metrics, problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from matcher.clustering import bridges, chaining
from matcher.config import RunConfig
from matcher.jobs.found import Found
from matcher.jobs.seen_rows import CHOSEN, UNSCORED, count_learnt
from matcher.jobs.steps import (
    KINDS_OF_PROBLEM,
    Encodings,
    count_problems,
    library_versions,
    pair_graph,
)
from matcher.metrics import score_clusters, score_matches
from matcher.results import MatchReport
from matcher.training.splits import digest_labels
from matcher.types import UNLABELLED, Clusters, Int64, Listings, Matches, SimilarityGraph

MANY_CLUSTERS = 10  # a listing with accepted pairs into as many is reported as a bridge
SHOWN_BRIDGES = 20
SEEN = "label seen when the thresholds were set: the metrics are too good to expect elsewhere"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found, for its report.

    Attributes:
        listings: All listings.
        found: The candidates, among the listings that were searched.
        among: Clusters of the listings that were searched.
        clusters: Clusters of all listings.
        graph: The matches of all listings, both ways.
        seen: By run that made an encoder: rows that it was trained on.
        chosen: Likewise, rows that its weights were chosen by.
    """

    listings: Listings
    found: Found
    among: Clusters
    clusters: Clusters
    graph: Matches
    seen: Mapping[str, Int64] = field(default_factory=dict)
    chosen: Mapping[str, Int64] = field(default_factory=dict)

    def report(
        self, config: RunConfig, encodings: Encodings, seconds: dict[str, float]
    ) -> MatchReport:
        """Say how the result came about, and how good it is where there are labels."""
        problems = count_problems(self.listings, encodings.tables[0])
        n_learnt = count_learnt(self.listings, self.seen)
        told = self._flattering(config) | dict(problems.most_common(KINDS_OF_PROBLEM))
        scored = pair_graph(self.found.candidates, self.found.fused)
        return MatchReport(
            command="dedupe",
            config=config.dump(),
            encoders=encodings.about(),
            left_out=encodings.left_out,
            search=encodings.searched,
            counts=self._count(scored),
            metrics={} if n_learnt else self._score(),
            problems=told,
            bridges=self._bridges(scored),
            seconds=seconds,
            versions=library_versions(),
        )

    def _flattering(self, config: RunConfig) -> dict[str, int]:
        """Why the metrics, if there are any, are too good, and for how many listings."""
        groups = self.listings.groups
        n_learnt = count_learnt(self.listings, self.seen)
        n_chosen = count_learnt(self.listings, self.chosen)
        if n_learnt:
            return {UNSCORED: n_learnt}
        if groups is not None and digest_labels(self.listings) in config.fitted_on:
            return {SEEN: int((groups != UNLABELLED).sum())}
        return {CHOSEN: n_chosen} if n_chosen else {}

    def _score(self) -> dict[str, float]:
        """All metrics, where there are labels."""
        groups = self.listings.groups
        if groups is None or not (groups != UNLABELLED).any():
            return {}
        return {**score_matches(self.graph, groups), **score_clusters(self.clusters.labels, groups)}

    def _count(self, scored: SimilarityGraph) -> dict[str, int]:
        listings, groups = self.listings, self.listings.groups
        sizes = np.bincount(self.clusters.labels, minlength=1)
        return {
            "listings": len(listings),
            "with_title": sum(map(bool, listings.titles)),
            "with_image": sum(ref is not None for ref in listings.images),
            "labelled": 0 if groups is None else int((groups >= 0).sum()),
            "candidate_pairs": len(self.found.candidates),
            "accepted_pairs": len(self.graph.indices) // 2,
            "clusters": int((sizes > 1).sum()),
            "clustered_listings": int(sizes[sizes > 1].sum()),
            "largest_cluster": int(sizes.max()),
            "chains": int((chaining(scored, self.among).least_alike == 0).sum()),
        }

    def _bridges(self, scored: SimilarityGraph) -> dict[str, int]:
        """Ids of the listings with direct matches in many clusters, and in how many."""
        worst = bridges(scored, self.among, least=MANY_CLUSTERS)
        rows = self.found.rows[worst.row[:SHOWN_BRIDGES]].tolist()
        counts = worst.n_clusters[:SHOWN_BRIDGES].tolist()
        return dict(zip((self.listings.ids[row] for row in rows), counts, strict=True))
