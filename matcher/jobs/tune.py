"""Thresholds from a labelled table, with the F1 to expect on products not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from matcher.calibration import PairJudge, cluster_row_f1, fit_clusterer, fit_fusion
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.io.atomic import write_atomically
from matcher.io.columns import Columns
from matcher.jobs.steps import (
    ConfigLike,
    ListingsLike,
    as_listings,
    encode,
    find_candidates,
    pair_graph,
    resolve_config,
)
from matcher.training.splits import folds, tied_rows
from matcher.types import UNLABELLED, Bool, Int64, Listings, ScoredPairs

LEAST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Tuned:
    """What ``tune`` found.

    Attributes:
        config: The config with fitted thresholds, from all labels.
        expected_f1: Mean row F1 on held-out products: half of the products set the thresholds,
            the listings of the other half are scored, then the other way round.
        fitted_f1: Mean row F1 on the listings that set the thresholds: too good to expect.
        gallery_size: Number of listings searched; thresholds hold for galleries of about
            that size.
    """

    config: RunConfig
    expected_f1: float
    fitted_f1: float
    gallery_size: int


def tune(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
    seed: int = 0,
) -> Tuned:
    """Fit the thresholds of the fusion and of the clusterer to labels.

    Args:
        listings: As for ``dedupe``, with labels.
        images: Folder or zip archive of the pictures.
        config: Everything that is not a threshold; its thresholds are not looked at.
        encoders: Names of modalities or encoders to use; None for all.
        columns: Names of the columns.
        seed: Seeds the split into halves.

    Raises:
        DataError: If there are no labels, or too few groups to split.
    """
    config = resolve_config(config, encoders)
    listings = as_listings(listings, images, columns)
    groups = _labels(listings)
    (encoded,) = encode(config, listings, listings).tables
    pairs = find_candidates(config, encoded)
    labelled = groups != UNLABELLED
    fitted = fit(config, pairs, groups, labelled)
    half = folds(tied_rows(listings), 2, seed) == 0
    expected = []
    for held_out in (half & labelled, ~half & labelled):
        other = fit(config, pairs, groups, labelled & ~held_out)
        expected.append(row_f1(other, pairs, groups, held_out) * held_out.sum())
    return Tuned(
        config=fitted,
        expected_f1=float(sum(expected) / labelled.sum()),
        fitted_f1=row_f1(fitted, pairs, groups, labelled),
        gallery_size=len(listings),
    )


def fit(config: RunConfig, pairs: ScoredPairs, groups: Int64, rows: Bool) -> RunConfig:
    """Fit the thresholds of a config to the labels of ``rows``.

    Args:
        config: Everything that is not a threshold.
        pairs: Scored candidates among all listings.
        groups: True product of each listing, shape ``(n,)``.
        rows: Listings whose labels may be used, shape ``(n,)``; the products of the others
            must all be different from theirs.
    """
    fusion, _ = fit_fusion(config.fusion, PairJudge(pairs, groups, rows))
    config = config.model_copy(update={"fusion": fusion})
    if config.matches == "pairs":
        return config
    graph = pair_graph(pairs, fusion(pairs))
    clusterer, _ = fit_clusterer(config.clustering, graph, groups, rows)
    return config.model_copy(update={"clustering": clusterer})


def row_f1(config: RunConfig, pairs: ScoredPairs, groups: Int64, rows: Bool) -> float:
    """Mean row F1 of a config's matches over ``rows``, all listings being the gallery."""
    fused = config.fusion(pairs)
    if config.matches == "pairs":
        return PairJudge(pairs, groups, rows)(fused)
    labels = config.clustering(pair_graph(pairs, fused)).labels
    return cluster_row_f1(labels, groups, rows)


def write_config(tuned: Tuned, path: str | Path) -> None:
    """Write the fitted config as YAML that ``RunConfig.load`` and ``--config`` take.

    Raises:
        StoreError: If the file cannot be written.
    """
    header = (
        "# Written by `matcher tune`.\n"
        f"# Row F1 to expect on products not seen: {tuned.expected_f1:.4f}; thresholds hold for\n"
        f"# galleries of about {tuned.gallery_size} listings.\n"
    )
    body = yaml.safe_dump(tuned.config.dump(), sort_keys=False, default_flow_style=None)
    write_atomically(path, lambda aside: aside.write_text(header + body, encoding="utf-8"))


def _labels(listings: Listings) -> Int64:
    """The groups, if they are enough to fit anything."""
    groups = listings.groups
    if groups is None:
        raise DataError("Tuning needs labels. Name their column with --group.")
    sizes = np.bincount(groups[groups != UNLABELLED], minlength=1)
    if (sizes > 1).sum() < LEAST_GROUPS:
        raise DataError(
            f"Tuning needs at least {LEAST_GROUPS} groups of two or more listings. "
            f"Received: {int((sizes > 1).sum())}. Label more, or keep the default thresholds."
        )
    return groups
