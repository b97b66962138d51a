"""Measure how many wrong labels the audit finds: some are planted, and looked for in its ranking.

2 % of Shopee's listings, of labels with two listings or more, get another label. *At random*: that
of a random group. *Confusable*: that of the most similar listing of another group, which is hard,
since many of those are the same product under two labels. Labels that were wrong before count
against the audit. Nothing is fitted: the audit sees the planted labels only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import config as config_named
from matcher.audit import NOBODY, judge_labels
from matcher.config import RunConfig
from matcher.io.listings import read_listings
from matcher.jobs.audit import compare
from matcher.jobs.steps import encode, find_candidates, pair_graph
from matcher.types import Encoded, Int64, ScoredPairs, SimilarityGraph

SHARE = 0.02
BAR = 0.6  # of those planted at random, in the first 4 % of the ranking
SEEDS = 3
Row = dict[str, Any]
Plant = Callable[[Int64, int], tuple[Int64, Int64]]


def plant_at_random(groups: Int64, seed: int) -> tuple[Int64, Int64]:
    """Give listings the label of a random other group.

    Returns:
        The labels with the wrong ones among them, shape ``(n,)``; and the rows that have those.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    rows = rng.permutation(np.flatnonzero(sizes[groups] > 1))[: round(SHARE * len(groups))]
    drawn = rng.integers(0, len(sizes) - 1, len(rows))
    planted = groups.copy()
    planted[rows] = drawn + (drawn >= groups[rows])
    return planted, rows


def plant_confusable(groups: Int64, seed: int, graph: SimilarityGraph) -> tuple[Int64, Int64]:
    """Give listings the label of the most similar listing of another group.

    Args:
        groups: True labels, shape ``(n,)``.
        seed: Seeds the choice of listings.
        graph: Candidates with fused scores.

    Returns:
        As ``plant_at_random``.
    """
    rng = np.random.default_rng(seed)
    closest = judge_labels(graph, groups).closest
    usable = np.flatnonzero((np.bincount(groups)[groups] > 1) & (closest != NOBODY))
    rows = rng.permutation(usable)[: round(SHARE * len(groups))]
    planted = groups.copy()
    planted[rows] = groups[closest[rows]]
    return planted, rows


def measure(
    config: RunConfig,
    encoded: Mapping[str, Encoded],
    candidates: ScoredPairs,
    groups: Int64,
    planting: tuple[Int64, Int64],
) -> dict[str, float]:
    """Where planted labels stand in the ranking.

    Returns:
        Shares of them in its first 2 % and 4 %; the AUC: how often one stands before a label
        that was not planted; how often the suggested label is the one it had.
    """
    planted, rows = planting
    found = judge_labels(compare(config, encoded, candidates, planted), planted)
    is_planted = np.isin(found.ranked(), rows)
    n, n_planted = len(groups), len(rows)
    behind = np.cumsum(~is_planted[::-1])[::-1]
    return {
        "wrong labels in the top 4 %": float(is_planted[: round(0.04 * n)].sum() / n_planted),
        "wrong labels in the top 2 %": float(is_planted[: round(0.02 * n)].sum() / n_planted),
        "AUC of wrong labels": float(behind[is_planted].sum() / n_planted / (n - n_planted)),
        "right label suggested": float((found.suggested[rows] == groups[rows]).mean()),
    }


def audit(data: Path, n_seeds: int = SEEDS) -> Iterator[Row]:
    """Rows of figures for planted labels, means over the seeds; encodes once."""
    listings = read_listings(data / "shopee" / "train.csv")
    if listings.groups is None:
        raise SystemExit("The table has no labels.")
    groups = listings.groups
    config = config_named("shopee")
    (encoded,) = encode(config, listings, listings).tables
    candidates = find_candidates(config, encoded)
    graph = pair_graph(candidates, config.fusion.bind(candidates, encoded)(candidates))
    plantings: dict[str, Plant] = {
        "at random": plant_at_random,
        "confusable": lambda labels, seed: plant_confusable(labels, seed, graph),
    }
    for kind, plant in plantings.items():
        runs = [
            measure(config, encoded, candidates, groups, plant(groups, seed))
            for seed in range(n_seeds)
        ]
        for figure in runs[0]:
            values = [run[figure] for run in runs]
            barred = kind == "at random" and figure == "wrong labels in the top 4 %"
            yield {
                **dict(set=f"Shopee, {len(listings):,} listings", method="audit, titles + phash"),
                **dict(config="shopee", figure=figure, value=float(np.mean(values))),
                **dict(gallery=len(listings), bar=BAR if barred else None),
                **dict(split=f"2 % planted {kind}, mean of {n_seeds} seeds"),
            }
