"""Thresholds from labels, with what to expect of them on products not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from matcher.calibration import Gallery, Promise
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.jobs.crowds import without_copies
from matcher.jobs.seen_rows import only_held_out, refuse_seen
from matcher.jobs.steps import (
    KINDS_OF_PROBLEM,
    ConfigLike,
    ListingsLike,
    as_listings,
    count_problems,
    encode,
    find_candidates,
    resolve_config,
)
from matcher.jobs.thresholds import fit, row_f1
from matcher.jobs.tune_files import Tuned, write_config
from matcher.jobs.tune_pairs import expect, read_pairs
from matcher.jobs.tune_precision import Labelled, keep_promise
from matcher.jobs.tune_unlabelled import guess_thresholds
from matcher.search import score_pairs, take_rows
from matcher.training.splits import digest_labels, super_components, tied_rows
from matcher.types import UNLABELLED, Encoded, Int64, Listings, ScoredPairs

__all__ = ["Tuned", "fit", "row_f1", "tune", "write_config"]

LEAST_GROUPS = 10
# How far below the lowest score of a candidate to look where a larger catalogue is foreseen.
DEEPER, DEEPEST = 0.3, 0.05


def tune(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
    precision: float | None = None,
    confidence: float = 0.95,
    gallery_size: int | None = None,
    pairs: Any = None,
    unlabelled: bool = False,
    held_out_by: str | Path | None = None,
    seed: int = 0,
) -> Tuned:
    """Fit the thresholds of the fusion and of the clusterer to labels.

    Args:
        listings: As for ``dedupe``, with labels unless ``pairs`` or ``unlabelled`` is given.
        images: Folder or zip archive of the pictures.
        config: Everything that is not a threshold; its thresholds are not looked at.
        encoders: Names of modalities or encoders to use; None for all.
        columns: Names of the columns.
        precision: Share of the matched pairs that shall be right on products not seen, in
            (0, 1); None for the best F1.
        confidence: How sure that shall be, in [0.5, 1); with 0.5 the estimate itself reaches it.
        gallery_size: Number of listings in the catalogue that the thresholds are for; None for
            as many as there are here.
        pairs: Labelled pairs instead of labelled listings: table, or path of a CSV file, with
            the columns ``id_left``, ``id_right`` and ``label`` (1 or 0).
        unlabelled: Whether to take thresholds from the scores alone.
        held_out_by: Folder of a training: only the labels of listings that it held out to
            choose its weights by are used.
        seed: Seeds the splits and the draws.

    Raises:
        DataError: If there are no labels, too few groups to split, or too few for the promise;
            or if an encoder was trained on listings that would set the thresholds.
        ConfigError: If a setting is wrong, or two contradict each other.
    """
    _check_aims(precision, gallery_size, pairs, unlabelled, held_out_by)
    promise = None if precision is None else Promise(precision, confidence)
    config = resolve_config(config, encoders)
    listings = as_listings(listings, images, columns)
    if held_out_by is not None:
        listings = only_held_out(listings, held_out_by)
    by_labels = not unlabelled and pairs is None
    if by_labels:
        _labels(listings)  # before the long work
    refuse_seen(config, listings, _telling(listings, pairs, unlabelled), "set thresholds")
    digest = digest_labels(listings) if by_labels else ""
    config = config.model_copy(update={"fitted_on": (digest,) if digest else ()})
    encodings = encode(config, listings, listings)
    (encoded,) = encodings.tables
    if unlabelled:
        tuned = _from_scores(config, encoded, len(listings))
    elif pairs is not None:
        tuned = _from_pairs(config, encoded, listings, pairs, promise, seed)
    else:
        tuned = _from_labels(config, encoded, listings, gallery_size, promise, seed)
    problems = dict(count_problems(listings, encoded).most_common(KINDS_OF_PROBLEM))
    tuned = replace(
        tuned, encoders=encodings.about(), left_out=encodings.left_out, problems=problems
    )
    return tuned if held_out_by is None else replace(tuned, held_out_by=str(held_out_by))


def _telling(listings: Listings, pairs: Any, unlabelled: bool) -> Int64 | None:
    """Rows that the thresholds are to come from; None for those that have a label."""
    if unlabelled:
        return np.arange(len(listings))
    if pairs is None:
        return None
    left, right, _ = read_pairs(pairs, listings.ids)
    return np.union1d(left, right)


def _from_labels(
    config: RunConfig,
    encoded: Mapping[str, Encoded],
    listings: Listings,
    gallery_size: int | None,
    promise: Promise | None,
    seed: int,
) -> Tuned:
    """Thresholds from labelled listings."""
    labelled = _labelled(config, encoded, _labels(listings), _tied(listings), gallery_size)
    fitted = labelled.fit(config, labelled.known)
    halves = labelled.halves(config, seed)
    size, n = gallery_size or len(listings), len(listings)
    if promise is not None:
        kept = keep_promise(labelled, fitted, halves, promise, seed)
        fitted_f1 = labelled.row_f1(kept.config, labelled.known)
        return Tuned(kept.config, kept.expected_f1, fitted_f1, size, n, promise, kept.precision)
    total = sum(labelled.row_f1(other, rows) * rows.sum() for other, rows in halves)
    expected = float(total / labelled.known.sum())
    return Tuned(fitted, expected, labelled.row_f1(fitted, labelled.known), size, n)


def _labelled(
    config: RunConfig,
    encoded: Mapping[str, Encoded],
    groups: Int64,
    tied: Int64,
    gallery_size: int | None,
) -> Labelled:
    """Candidates and labels, crowds of copies as one listing."""
    rows = without_copies(config, encoded, groups)
    n = len(groups)
    if len(rows) < n:
        _check_groups(groups[rows], " that are not copies of one another")
        encoded, groups, tied = _take(encoded, rows), groups[rows], super_components(tied[rows])
    if gallery_size is not None and gallery_size != n:
        gallery_size = max(round(gallery_size * len(rows) / n), 1)  # as many copies there as here
    return see(config, encoded, groups, tied, gallery_size)


def _take(encoded: Mapping[str, Encoded], rows: Int64) -> dict[str, Encoded]:
    return {name: take_rows(table, rows) for name, table in encoded.items()}


def see(
    config: RunConfig,
    encoded: Mapping[str, Encoded],
    groups: Int64,
    tied: Int64,
    gallery_size: int | None = None,
) -> Labelled:
    """Find the candidates, those of a catalogue of another size where one is given.

    In a larger catalogue impostors come closer than any do here. So weaker candidates are
    looked at too; only impostors among them are kept.
    """
    pairs = find_candidates(config, encoded)
    n = len(groups)
    if gallery_size is None or gallery_size == n:
        return Labelled(pairs, groups, tied, None, (encoded,))
    if gallery_size > n:
        deeper = find_candidates(_looking_deeper(config), encoded)
        known = np.isin(deeper.left * n + deeper.right, pairs.left * n + pairs.right)
        keep = known | (tied[deeper.left] != tied[deeper.right])
        scores = {name: values[keep] for name, values in deeper.scores.items()}
        pairs = ScoredPairs(deeper.left[keep], deeper.right[keep], scores, n, n)
    gallery = Gallery.of(pairs, groups != UNLABELLED, tied, gallery_size / n)
    return Labelled(pairs, groups, tied, gallery, (encoded,))


def _looking_deeper(config: RunConfig) -> RunConfig:
    """The same search, for candidates of lower scores too."""
    encoders = {}
    for name, modality in config.encoders.items():
        lower = min(modality.min_score, max(modality.min_score - DEEPER, DEEPEST))
        encoders[name] = modality.model_copy(update={"min_score": lower})
    return config.model_copy(update={"encoders": encoders})


def _from_scores(config: RunConfig, encoded: Mapping[str, Encoded], n: int) -> Tuned:
    """Thresholds without labels."""
    rows = without_copies(config, encoded, np.full(n, UNLABELLED))
    guessed = guess_thresholds(config, find_candidates(config, _take(encoded, rows)))
    nan = float("nan")
    return Tuned(guessed, nan, nan, n, n, source="scores")


def _from_pairs(
    config: RunConfig,
    encoded: Mapping[str, Encoded],
    listings: Listings,
    source: Any,
    promise: Promise | None,
    seed: int,
) -> Tuned:
    """Thresholds from labelled pairs."""
    left, right, truth = read_pairs(source, listings.ids)
    pairs = score_pairs(left, right, encoded)
    # A fusion that judges a pair among all candidates has to see them all.
    fusion = config.fusion.bind(find_candidates(config, encoded), encoded)
    bound = config.model_copy(update={"fusion": fusion})
    fitted, expected, own, interval = expect(bound, pairs, truth, promise, seed)
    n = len(listings)
    return Tuned(fitted, expected, own, n, n, promise, interval, source="pairs")


def _check_aims(
    precision: float | None,
    gallery_size: int | None,
    pairs: Any,
    unlabelled: bool,
    held_out_by: str | Path | None = None,
) -> None:
    """Refuse aims that contradict each other."""
    if unlabelled and (precision is not None or gallery_size is not None or pairs is not None):
        raise ConfigError(
            "Without labels nothing can be promised, nor transferred: 'unlabelled' goes with "
            "neither precision, gallery_size nor pairs."
        )
    if held_out_by is not None and (unlabelled or pairs is not None):
        raise ConfigError(
            "held_out_by chooses among labelled listings: it goes with neither pairs nor "
            "unlabelled."
        )
    if pairs is not None and gallery_size is not None:
        raise ConfigError(
            "Labelled pairs do not say how many impostors a catalogue holds: give gallery_size "
            "with labelled listings."
        )
    if gallery_size is not None and gallery_size < 1:
        raise ConfigError(f"gallery_size must be 1 or more. Received: {gallery_size}.")


def _tied(listings: Listings) -> Int64:
    """Sets of tied listings, if there are enough to hold half of them out."""
    tied = tied_rows(listings)
    labelled = np.unique(tied[_labels(listings) != UNLABELLED])
    if len(labelled) < LEAST_GROUPS:
        raise DataError(
            f"Tuning needs at least {LEAST_GROUPS} sets of products that share no picture or hash. "
            f"Received: {len(labelled)}. Check the columns of pictures and hashes."
        )
    return tied


def _labels(listings: Listings) -> Int64:
    """The groups, if they are enough to fit anything."""
    groups = listings.groups
    if groups is None:
        raise DataError("Tuning needs labels. Name their column with --group.")
    _check_groups(groups)
    return groups


def _check_groups(groups: Int64, which: str = "") -> None:
    """Refuse too few groups; ``which`` says what listings they are of."""
    sizes = np.bincount(groups[groups != UNLABELLED], minlength=1)
    if (sizes > 1).sum() < LEAST_GROUPS:
        raise DataError(
            f"Tuning needs at least {LEAST_GROUPS} groups of two or more listings{which}. "
            f"Received: {int((sizes > 1).sum())}. Label more, or keep the default thresholds."
        )
