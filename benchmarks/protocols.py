"""How figures are made: which rows set the thresholds, which are scored, in which gallery.

No protocol scores a listing, or a pair, whose label took part in setting the thresholds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from matcher.calibration import LabelledPairJudge, fit_fusion
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.fusion import ACCEPTED
from matcher.jobs.dedupe import dedupe
from matcher.jobs.sources import concatenate
from matcher.jobs.steps import encode, find_candidates
from matcher.jobs.tune import fit, row_f1
from matcher.metrics import labelled_pair_counts, score_ranking
from matcher.search import make_index, score_pairs
from matcher.training.splits import folds, tied_rows
from matcher.types import Bool, Int64, Listings


def take(listings: Listings, rows: Int64) -> Listings:
    """Keep some listings, as if the table had held no others."""
    hashes = listings.phashes
    return Listings(
        ids=tuple(listings.ids[i] for i in rows),
        titles=tuple(listings.titles[i] for i in rows),
        images=tuple(listings.images[i] for i in rows),
        groups=None if listings.groups is None else listings.groups[rows],
        phashes=None
        if hashes is None
        else replace(hashes, codes=hashes.codes[rows], present=hashes.present[rows], problems={}),
        id_name=listings.id_name,
    )


def as_given(listings: Listings, config: RunConfig) -> dict[str, float]:
    """All metrics of a config whose thresholds no label of these listings has touched."""
    return dict(dedupe(listings, config=config).metrics)


def held_out_in_all(listings: Listings, config: RunConfig, n_folds: int, seed: int = 0) -> float:
    """Mean row F1 where every listing is searched among all.

    Folds hold whole super-components: listings tied by label, picture or hash stay together.
    Each fold is scored with thresholds from the labels of the others.
    """
    groups = _labels(listings)
    (encoded,) = encode(config, listings, listings).tables
    pairs = find_candidates(config, encoded)
    tied = tied_rows(listings)
    fold = folds(tied, n_folds, seed)
    total = 0.0
    for k in range(n_folds):
        scored = fold == k
        learning = _disjoint(~scored, scored)
        fitted = fit(config, pairs, groups, learning, encoded=(encoded,), tied=tied)
        total += row_f1(fitted, pairs, groups, scored, encoded=(encoded,)) * scored.mean()
    return float(total)


def held_out_alone(
    listings: Listings, config: RunConfig, n_folds: int, seed: int = 0
) -> dict[str, float]:
    """Metrics where each fold is a gallery of its own, with the others' thresholds.

    Encoders see the titles of one side at a time, never those of both.

    Returns:
        Means over the folds, weighted by their listings.
    """
    fold = folds(tied_rows(listings), n_folds, seed)
    totals: dict[str, float] = {}
    for k in range(n_folds):
        scored = fold == k
        learning = take(listings, np.flatnonzero(_disjoint(~scored, scored)))
        (encoded,) = encode(config, learning, learning).tables
        pairs = find_candidates(config, encoded)
        everyone = np.ones(len(learning), dtype=bool)
        tied = tied_rows(learning)
        fitted = fit(config, pairs, _labels(learning), everyone, encoded=(encoded,), tied=tied)
        for name, value in as_given(take(listings, np.flatnonzero(scored)), fitted).items():
            totals[name] = totals.get(name, 0.0) + value * float(scored.mean())
    return totals


def published_pairs(
    left: Listings,
    right: Listings,
    config: RunConfig,
    learning: tuple[Int64, Int64, Bool],
    test: tuple[Int64, Int64, Bool],
) -> dict[str, float]:
    """F1 on published test pairs, thresholds from the published training pairs.

    Args:
        left: First table.
        right: Second table.
        config: Where to start.
        learning: Left rows, right rows and labels of the pairs that set the thresholds.
        test: Those that are scored.
    """
    seen = set(zip(learning[0].tolist(), learning[1].tolist(), strict=True))
    if seen & set(zip(test[0].tolist(), test[1].tolist(), strict=True)):
        raise DataError("Test pairs may not be among those that set the thresholds.")
    ours, theirs = encode(config, concatenate(left, right), left, right).tables
    judge = LabelledPairJudge(score_pairs(learning[0], learning[1], ours, theirs), learning[2])
    bound = config.fusion.bind(find_candidates(config, ours, theirs), ours, theirs)
    fusion = fit_fusion(bound, judge).fusion
    accepted = fusion(score_pairs(test[0], test[1], ours, theirs)) >= ACCEPTED
    counts = labelled_pair_counts(accepted, test[2])
    return {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}


def ranking(listings: Listings, config: RunConfig, name: str) -> dict[str, float]:
    """Top-1, top-5 and the rest of one encoder, every listing a query among all others."""
    (encoded,) = encode(config, listings, listings).tables
    groups = _labels(listings)
    ranked = make_index(encoded[name]).search_within(k=10)
    return score_ranking(ranked, groups, groups, (1, 5, 10), within=True)


def _disjoint(learning: Bool, scored: Bool) -> Bool:
    """The learning rows, once it is sure that none of them is scored."""
    if (learning & scored).any():
        raise DataError("Rows that set the thresholds may not be scored.")
    return learning


def _labels(listings: Listings) -> Int64:
    if listings.groups is None:
        raise DataError("Scoring needs labels.")
    return listings.groups
