"""Fitting a config's thresholds, and scoring it: the steps that all ways of tuning share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from matcher.calibration import (
    CUTS,
    PROBABILITY_CUTS,
    Gallery,
    GalleryJudge,
    PairJudge,
    cluster_row_f1,
    fit_clusterer,
    fit_fusion,
)
from matcher.config import RunConfig
from matcher.errors import ConfigError
from matcher.fusion import ACCEPTED, PairsFusion, VetoingFusion
from matcher.jobs.steps import cluster, fuse, pair_graph
from matcher.types import Bool, Encoded, Float32, Int64, ScoredPairs

Tables: TypeAlias = Sequence[Mapping[str, Encoded]]


def fit(
    config: RunConfig,
    pairs: ScoredPairs,
    groups: Int64,
    rows: Bool,
    gallery: Gallery | None = None,
    encoded: Tables = (),
    tied: Int64 | None = None,
) -> RunConfig:
    """Fit the thresholds of a config to the labels of ``rows``, for the best mean row F1.

    Args:
        config: Everything that is not a threshold.
        pairs: Scored candidates among all listings.
        groups: True product of each listing, shape ``(n,)``.
        rows: Listings whose labels may be used, shape ``(n,)``; the products of the others
            must all be different from theirs.
        gallery: The catalogue that the thresholds are for; None for one like these listings.
        encoded: The table that was encoded, for a fusion that reads it.
        tied: Sets of listings that are not independent; None for the groups.
    """
    judge = PairJudge(pairs, groups, rows, tied)
    fitted = fit_fusion(
        config.fusion.bind(pairs, *encoded), GalleryJudge(judge, gallery) if gallery else judge
    )
    config = config.model_copy(update={"fusion": fitted.fusion})
    if config.matches == "pairs":
        return config
    fused = fitted.fused if config.reranking is None else config.reranking(pairs, fitted.fused)
    graph = pair_graph(pairs, gallery(fused) if gallery else fused)
    cuts = PROBABILITY_CUTS if isinstance(fitted.fusion, PairsFusion) else CUTS
    clusterer, _ = fit_clusterer(config.clustering, graph, groups, rows, cuts)
    return config.model_copy(update={"clustering": clusterer})


def fused_scores(
    config: RunConfig, pairs: ScoredPairs, gallery: Gallery | None = None, encoded: Tables = ()
) -> Float32:
    """Fused scores of the candidates, in another gallery where one is given."""
    _, fused = fuse(config, pairs, *encoded)
    return gallery(fused) if gallery else fused


def row_f1(
    config: RunConfig,
    pairs: ScoredPairs,
    groups: Int64,
    rows: Bool,
    gallery: Gallery | None = None,
    encoded: Tables = (),
) -> float:
    """Mean row F1 of a config's matches over ``rows``, all listings being the gallery."""
    fused = fused_scores(config, pairs, gallery, encoded)
    if config.matches == "pairs":
        return PairJudge(pairs, groups, rows)(fused)
    return cluster_row_f1(cluster(config, pairs, fused).labels, groups, rows)


def partitions(
    config: RunConfig, pairs: ScoredPairs, fused: Float32, cuts: Sequence[float]
) -> list[Int64]:
    """Clusters of all listings for each of several ``min_score``, shape ``(n,)`` each."""
    swept = config.clustering.sweep(pair_graph(pairs, fused), cuts)
    return [clusters.labels for clusters in swept]


def lowest_score(config: RunConfig) -> float:
    """The fused score from which a config matches two listings."""
    return config.clustering.min_score if config.matches == "clusters" else ACCEPTED


def with_cut(config: RunConfig, cut: float) -> RunConfig:
    """Match from a given fused score on.

    Args:
        config: What has been fitted. Its clusterer takes the cut; where accepted pairs are the
            matches, the thresholds of its fusion are scaled until 0.5 lies there.
        cut: Fused score in (0, 1).

    Raises:
        ConfigError: If the fusion has no thresholds to scale.
    """
    cut = math.floor(cut * 1e6) / 1e6  # ties of a rounded score stay on its side
    if config.matches == "clusters":
        clustering = config.clustering.model_copy(update={"min_score": cut})
        return config.model_copy(update={"clustering": clustering})
    return config.model_copy(update={"fusion": _scaled(config.fusion, cut / (1 - cut))})


def _scaled(fusion: VetoingFusion, times: float) -> VetoingFusion:
    """Multiply what a pair must reach; a fused score is ``r / (1 + r)``, ``r`` times the bound."""
    fields = type(fusion).model_fields
    if "thresholds" in fields:
        thresholds: dict[str, float] = fusion.thresholds  # type: ignore[attr-defined]
        scaled = {name: value * times for name, value in thresholds.items()}
        return fusion.model_copy(update={"thresholds": scaled})
    if "threshold" in fields:
        threshold: float = fusion.threshold * times  # type: ignore[attr-defined]
        if threshold <= 1:
            return fusion.model_copy(update={"threshold": threshold})
    raise ConfigError(
        f"{type(fusion).__name__} has no threshold that can be raised as far as that. "
        "Set 'matches: clusters' instead; then the clusterer's min_score is raised."
    )
