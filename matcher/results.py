"""What a run found, as tables a person works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from matcher.errors import DataError
from matcher.io.outputs import clusters_table, matches_table
from matcher.types import Bool, Clusters, Float32, Int64, Listings, Matches, ScoredPairs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class MatchReport:
    """How a run came to its result; written to ``run.json``.

    Attributes:
        command: "dedupe" or "match".
        config: All settings, as ``RunConfig.dump`` gives them.
        encoders: By modality that ran: its fingerprint, how many listings it has and, where the
            cache was asked, how many of them came ``from_cache``.
        left_out: By modality that did not run: why.
        search: By modality that was searched: the ``method``, ``why`` it was taken and, where
            it is approximate, its ``recall`` against exact search (None where there was nothing
            to find) and the ``recall_queries`` it was measured on.
        counts: Listings, pictures, candidate pairs, accepted pairs, clusters …
        metrics: By name, where labels exist that no encoder was trained on; else empty.
        problems: How many listings each kind of trouble touched.
        bridges: Ids of listings with direct matches in ten clusters or more, and in how many;
            at most 20, the worst first.
        seconds: By step.
        versions: Of Python, this package and the libraries that were used.
    """

    command: str
    config: Mapping[str, Any]
    encoders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    problems: Mapping[str, int] = field(default_factory=dict)
    bridges: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NearMisses:
    """The candidate pairs that came closest to a match without being one, best first.

    Attributes:
        pairs: With the score of each modality.
        scores: Fused score of each in [0, 1], vetoes left aside; it may reach 0.5 where a veto
            or the other listings of a cluster spoke against it.
        reasons: For each pair, what speaks for it and against it.
    """

    pairs: ScoredPairs
    scores: Float32
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Matches among listings, or between the listings of two sources.

    Attributes:
        listings: The listings, or those of the left source; without their labels where an
            encoder was trained on some of these.
        right_listings: Those of the right source; None within one table.
        graph: Accepted pairs, both ways within one table, from left to right between two.
        clusters: The cluster of each listing; None between two sources.
        accepted: Every accepted pair once, with the score of each modality, best score first.
        scores: Fused score of each accepted pair in [0, 1]; 0.5 is where the fusion accepts.
        reasons: For each accepted pair, what speaks for it.
        candidate_scores: Fused scores of all candidate pairs, for their distribution.
        candidate_truth: Whether each candidate pair is of one product; None without labels.
        report: How the result came about.
        near: The pairs that came closest without being matches; None where nobody looked.
        trained_on: By folder of the training that made an encoder: rows that it was trained on.
        right_trained_on: Those of the right source.
    """

    listings: Listings
    right_listings: Listings | None
    graph: Matches
    clusters_found: Clusters | None
    accepted: ScoredPairs
    scores: Float32
    reasons: tuple[str, ...]
    candidate_scores: Float32
    candidate_truth: Bool | None
    report: MatchReport
    near: NearMisses | None = None
    trained_on: Mapping[str, Int64] = field(default_factory=dict)
    right_trained_on: Mapping[str, Int64] = field(default_factory=dict)

    @property
    def clusters(self) -> pd.DataFrame:
        """One row per listing: id, cluster."""
        return _to_pandas(self.clusters_table())

    @property
    def matches(self) -> pd.DataFrame:
        """One row per listing: id, and the ids it matches with a space between, best first."""
        return _to_pandas(self.matches_table())

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per accepted pair; the columns of ``pairs_table``."""
        return _to_pandas(self.pairs_table())

    @property
    def near_misses(self) -> pd.DataFrame:
        """One row per pair that came closest without being a match; columns as ``pairs``."""
        return _to_pandas(self.near_misses_table())

    @property
    def metrics(self) -> Mapping[str, float]:
        """Scores against the labels, where there are labels."""
        return self.report.metrics

    @property
    def id_name(self) -> str:
        """Name of the id column in what is written: the table's own, unless that is taken."""
        return "id" if self.listings.id_name in ("matches", "cluster") else self.listings.id_name

    def matches_table(self, cap: int | None = 50) -> pa.Table:
        """Matches as Kaggle's Shopee competition wants them; see ``io.outputs``."""
        right = self.right_listings
        other_ids = None if right is None else right.ids
        return matches_table(self.listings.ids, self.graph, self.id_name, cap, other_ids)

    def clusters_table(self) -> pa.Table:
        """One row per listing: id, cluster.

        Raises:
            DataError: Between two sources, where there are no clusters.
        """
        if self.clusters_found is None:
            raise DataError("Matches between two sources have no clusters; see matches and pairs.")
        return clusters_table(self.listings.ids, self.clusters_found, self.id_name)

    def pairs_table(self, titles: bool = False) -> pa.Table:
        """Accepted pairs: ids, a score a modality, the fused score, the reason.

        Args:
            titles: Add both titles, for a person to read.

        Returns:
            Columns ``id_left``, ``id_right`` (with ``title_left``, ``title_right``), one
            float32 column a modality (null where a listing lacks it), ``score``, ``reason``.
        """
        return self._table(self.accepted, self.scores, self.reasons, titles)

    def near_misses_table(self) -> pa.Table:
        """The pairs that came closest without being matches, in the columns of ``pairs_table``."""
        if self.near is None:
            return self.pairs_table(titles=True).slice(0, 0)
        return self._table(self.near.pairs, self.near.scores, self.near.reasons, titles=True)

    def _table(
        self, pairs: ScoredPairs, scores: Float32, reasons: tuple[str, ...], titles: bool
    ) -> pa.Table:
        right = self.right_listings or self.listings
        ends = (("left", pairs.left, self.listings), ("right", pairs.right, right))
        columns: dict[str, Any] = {}
        for side, rows, listings in ends:
            columns[f"id_{side}"] = pa.array(listings.ids, pa.string()).take(pa.array(rows))
            if titles:
                texts = pa.array(listings.titles, pa.string())
                columns[f"title_{side}"] = texts.take(pa.array(rows))
        for name, values in pairs.scores.items():
            columns[name] = pa.array(values, pa.float32(), from_pandas=True)
        columns["score"] = pa.array(scores, pa.float32())
        columns["reason"] = pa.array(reasons, pa.string())
        return pa.table(columns)


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
