"""How figures are made: which rows set the thresholds, which are scored, in which gallery.

No protocol scores a listing, or a pair, whose label took part in setting the thresholds or in
training an encoder.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from matcher.calibration import LabelledPairJudge, fit_fusion
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.fusion import ACCEPTED
from matcher.jobs.dedupe import dedupe
from matcher.jobs.seen_rows import refuse_seen
from matcher.jobs.sources import concatenate
from matcher.jobs.steps import encode, find_candidates
from matcher.jobs.thresholds import fit, row_f1
from matcher.jobs.tune import see
from matcher.metrics import labelled_pair_counts, score_ranking
from matcher.search import make_index, score_pairs
from matcher.training.splits import digest_labels, folds, tied_rows
from matcher.types import Bool, Float32, Int64, Listings


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
    if digest_labels(listings) in config.fitted_on:
        raise DataError("The thresholds of this config were fitted to these labels.")
    refuse_seen(config, listings)
    return dict(dedupe(listings, config=config).metrics)


def held_out_in_all(listings: Listings, config: RunConfig, n_folds: int, seed: int = 0) -> float:
    """Mean row F1 where every listing is searched among all.

    Folds hold whole super-components: listings tied by label, picture or hash stay together.
    Each fold is scored with thresholds from the labels of the others.
    """
    groups = labels_of(listings)
    refuse_seen(config, listings)
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
        fitted = fitted_alone(listings, config, _disjoint(~scored, scored))
        for name, value in as_given(take(listings, np.flatnonzero(scored)), fitted).items():
            totals[name] = totals.get(name, 0.0) + value * float(scored.mean())
    return totals


def fitted_alone(
    listings: Listings, config: RunConfig, rows: Bool, gallery_size: int | None = None
) -> RunConfig:
    """Fit a config to some listings as if there were no others.

    Args:
        listings: All listings.
        config: Where to start.
        rows: The listings to fit to, shape ``(n,)``.
        gallery_size: What size of gallery the thresholds are for; None for their own.
    """
    part = take(listings, np.flatnonzero(rows))
    refuse_seen(config, part, what="set thresholds")
    (encoded,) = encode(config, part, part).tables
    labelled = see(config, encoded, labels_of(part), tied_rows(part), gallery_size)
    return labelled.fit(config, labelled.known)


def with_distractors(
    listings: Listings, config: RunConfig, n_distractors: int, *, transferred: bool
) -> float:
    """Mean row F1 of one fold in five, others that nothing was learnt from being in its gallery.

    Two other folds, as a gallery alone, set the thresholds.

    Args:
        listings: All listings.
        config: Where to start.
        n_distractors: How many folds join the gallery unscored: 0, 1 or 2.
        transferred: Whether the thresholds are fitted for the size of that gallery.
    """
    fold = folds(tied_rows(listings), 5, 0)
    total = 0.0
    for k in range(5):
        scored, joined = fold == k, np.isin(fold, [(k + 1 + i) % 5 for i in range(n_distractors)])
        learning = _disjoint(np.isin(fold, [(k + 3) % 5, (k + 4) % 5]), scored | joined)
        rows = np.flatnonzero(scored | joined)
        fitted = fitted_alone(listings, config, learning, len(rows) if transferred else None)
        gallery = take(listings, rows)
        refuse_seen(fitted, gallery)
        (encoded,) = encode(fitted, gallery, gallery).tables
        pairs = find_candidates(fitted, encoded)
        value = row_f1(fitted, pairs, labels_of(gallery), scored[rows], encoded=(encoded,))
        total += value * float(scored.mean())
    return total


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
    for table, rows in ((left, learning[0]), (right, learning[1])):
        refuse_seen(config, table, np.unique(rows), "set thresholds")
    _refuse_pairs(left, right, config, test)
    ours, theirs = encode(config, concatenate(left, right), left, right).tables
    judge = LabelledPairJudge(score_pairs(learning[0], learning[1], ours, theirs), learning[2])
    bound = config.fusion.bind(find_candidates(config, ours, theirs), ours, theirs)
    fusion = fit_fusion(bound, judge).fusion
    return _score(fusion(score_pairs(test[0], test[1], ours, theirs)), test[2])


def pairs_as_given(
    left: Listings, right: Listings, config: RunConfig, test: tuple[Int64, Int64, Bool]
) -> dict[str, float]:
    """As ``published_pairs``, of a config that nothing is fitted in."""
    _refuse_pairs(left, right, config, test)
    ours, theirs = encode(config, concatenate(left, right), left, right).tables
    bound = config.fusion.bind(find_candidates(config, ours, theirs), ours, theirs)
    return _score(bound(score_pairs(test[0], test[1], ours, theirs)), test[2])


def _refuse_pairs(
    left: Listings, right: Listings, config: RunConfig, test: tuple[Int64, Int64, Bool]
) -> None:
    """Refuse to score pairs that an encoder was trained on an end of."""
    refuse_seen(config, left, np.unique(test[0]))
    refuse_seen(config, right, np.unique(test[1]))


def _score(fused: Float32, truth: Bool) -> dict[str, float]:
    """F1, precision and recall of the accepted pairs."""
    counts = labelled_pair_counts(fused >= ACCEPTED, truth)
    return {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}


def ranking(listings: Listings, config: RunConfig, name: str) -> dict[str, float]:
    """Top-1, top-5 and the rest of one encoder, every listing a query among all others."""
    refuse_seen(config, listings)
    (encoded,) = encode(config, listings, listings).tables
    groups = labels_of(listings)
    ranked = make_index(encoded[name]).search_within(k=10)
    return score_ranking(ranked, groups, groups, (1, 5, 10), within=True)


def _disjoint(learning: Bool, scored: Bool) -> Bool:
    """The learning rows, once it is sure that none of them is scored."""
    if (learning & scored).any():
        raise DataError("Rows that set the thresholds may not be scored.")
    return learning


def labels_of(listings: Listings) -> Int64:
    """The labels of a table that has them."""
    if listings.groups is None:
        raise DataError("Scoring needs labels.")
    return listings.groups
