"""Figures to report of a trained encoder: on products by which nothing was learnt or chosen.

The threshold of row F1 comes from the side ``held_out``, by which the training chose its weights;
the figures are those of the side ``test``, a gallery of its own. Beside the trained encoder stand
what it started from and encoders that nobody trained, measured alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matcher.encoders import make_encoder
from matcher.errors import ConfigError, DataError
from matcher.jobs.encoding import encode_table, take_listings
from matcher.jobs.one_encoder import starting_config
from matcher.jobs.seen_rows import refuse_seen
from matcher.jobs.train_files import read_sides
from matcher.metrics import (
    rowwise_f1,
    rowwise_precision,
    rowwise_recall,
    score_matches,
    score_ranking,
)
from matcher.protocols import EncoderSpec
from matcher.search import make_index
from matcher.similarity import keep_edges
from matcher.training.settings import TrainConfig
from matcher.training.trained_rows import refuse_trained
from matcher.types import (
    UNLABELLED,
    Bool,
    Encoded,
    Float32,
    Float64,
    Int64,
    Listings,
    SimilarityGraph,
)

NEIGHBORS = 50
EQUAL = 1.0  # score of two equal hashes
BASELINES: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "title": {
        "TF-IDF of words": {"encoder": "tfidf", "tokens": "words"},
        "TF-IDF of characters": {"encoder": "tfidf", "tokens": "characters"},
    },
    "image": {"equal perceptual hash": {"encoder": "phash"}},
}
BEFORE, AFTER = "before training", "after training"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows of a training that its encoder may be judged by.

    Attributes:
        listings: The table.
        choosing: Rows that set the thresholds, those it held out to choose weights by.
        scored: Rows that are scored, by which nothing was chosen: the whole gallery.
    """

    listings: Listings
    choosing: Int64
    scored: Int64

    @property
    def counts(self) -> dict[str, int]:
        """How many there are."""
        groups = self.listings.groups
        assert groups is not None  # noqa: S101, or nothing could have been held out
        return {
            "threshold_listings": len(self.choosing),
            "gallery": len(self.scored),
            "scored": len(self.scored),
            "products": len(np.unique(groups[self.scored])),
        }


def read_held_out(run: Path, listings: Listings) -> HeldOut:
    """Find the rows that a run may be judged by.

    Raises:
        ConfigError: If it held none out, or has no test fold.
        DataError: If it does not know a listing, or was trained on one of those rows.
        StoreError: If the folder is of no training.
    """
    sides = read_sides(run, listings)
    choosing, scored = (np.flatnonzero(sides == side) for side in ("held_out", "test"))
    if not (len(choosing) and len(scored)):
        raise ConfigError(
            f"{run} held out {len(choosing):,} listings to choose by and {len(scored):,} to test "
            "on, and figures need both. Set validation.split: folds and validation.test_fold."
        )
    refuse_trained(run, listings, np.union1d(choosing, scored))
    return HeldOut(listings, choosing, scored)


def measure_run(run: Path, config: TrainConfig, listings: Listings) -> dict[str, dict[str, float]]:
    """Score a trained encoder, what it started from, and encoders that nobody trained.

    Args:
        run: Folder of the finished training.
        config: Its settings.
        listings: Its listings.

    Returns:
        By encoder: what ``score_encoder`` gives.

    Raises:
        BackendError: If an encoder cannot run.
        ConfigError: If the run has no test fold.
        DataError: If the listings are not those of the run, or it was trained on those that
            would be scored.
    """
    rows = read_held_out(run, listings)
    kind = "image" if config.image is not None else "title"
    start = starting_config(config)
    refuse_seen(start, listings, np.union1d(rows.choosing, rows.scored))
    ((_, before),) = start.encoders.items()
    specs = {name: _make(**given) for name, given in BASELINES[kind].items()}
    specs |= {BEFORE: before.make(), AFTER: _make(before.encoder, weights=str(run))}
    return {
        name: score_encoder(spec, rows, EQUAL if name.startswith("equal") else None)
        for name, spec in specs.items()
    }


def score_encoder(
    spec: EncoderSpec, rows: HeldOut, threshold: float | None = None
) -> dict[str, float]:
    """Score one encoder, each of the two sides being a gallery of its own.

    An encoder that learns from listings (a vocabulary, say) learns from one side at a time.

    Args:
        spec: Settings of the encoder.
        rows: Those that set the threshold, and those that are scored.
        threshold: Score from which two listings match; None: the one with the best row F1 on
            the first.

    Returns:
        ``row_f1``, ``row_precision`` and ``row_recall`` of direct matches at ``threshold``, over
        all scored listings; ``top1``, ``top5`` and ``mar@10`` over those that have a mate.
    """
    groups = rows.listings.groups
    assert groups is not None  # noqa: S101, or nothing could have been held out
    if threshold is None:
        threshold = best_threshold(_search(spec, rows, rows.choosing), groups[rows.choosing])
    graph, truth = _search(spec, rows, rows.scored), groups[rows.scored]
    ranked = score_ranking(graph, truth, truth, (1, 5, 10), within=True)
    matched = score_matches(keep_edges(graph, graph.scores >= np.float32(threshold)), truth)
    return {
        **{f"row_{part}": matched[f"rowwise_{part}"] for part in ("f1", "precision", "recall")},
        **{name: ranked[name] for name in ("top1", "top5", "mar@10")},
        "threshold": threshold,
    }


def score_in_gallery(matches: SimilarityGraph, groups: Int64, rows: Bool) -> dict[str, float]:
    """Score the matches of some listings, found among all.

    Args:
        matches: Accepted pairs of all listings, both ways; those with an unlabelled listing are
            left out.
        groups: True product of each listing or ``UNLABELLED``, shape ``(n,)``.
        rows: Which to score, shape ``(n,)``; those without a label are left out.

    Returns:
        Means of ``rowwise_f1``, ``rowwise_precision`` and ``rowwise_recall``.

    Raises:
        DataError: If none of them has a label.
    """
    known = np.asarray(groups != UNLABELLED, np.bool_)
    if not (rows & known).any():
        raise DataError("None of the listings that are to be scored has a label.")
    labelled = keep_edges(matches, known[matches.rows()] & known[matches.indices])
    apart = np.where(known, groups, groups.max() + 1 + np.arange(len(groups)))
    return {
        metric.__name__: float(metric(labelled, apart)[rows & known].mean())
        for metric in (rowwise_f1, rowwise_precision, rowwise_recall)
    }


def best_threshold(graph: SimilarityGraph, groups: Int64) -> float:
    """The score from which direct matches have the best mean row F1.

    Every score of the graph is tried: an edge changes the F1 of its own row alone, so that the
    sum over rows is known after each edge, from the best score down.

    Args:
        graph: Neighbours within one table.
        groups: True product of each row, shape ``(n,)``.

    Returns:
        The middle between the last score that is taken and the next; above all scores where no
        match is best.

    Example:
        >>> graph = SimilarityGraph(
        ...     np.array([0, 2, 3, 4]), np.array([1, 2, 0, 0]), np.float32([0.9, 0.5, 0.9, 0.5]), 3
        ... )
        >>> round(best_threshold(graph, np.array([7, 7, 8])), 3)
        0.7
    """
    if not len(graph.indices):
        return EQUAL
    order = np.argsort(-graph.scores, kind="stable")
    scores: Float32 = graph.scores[order]
    gained = np.cumsum(_gains(graph, groups)[order])
    ends = np.flatnonzero(np.append(scores[1:] < scores[:-1], True))  # equal scores go together
    best = ends[int(np.argmax(gained[ends]))]
    if gained[best] <= 0:
        return float(np.nextafter(scores[0], np.float32(np.inf)))
    following = scores[min(best + 1, len(scores) - 1)]
    return (float(scores[best]) + float(following)) / 2


def _gains(graph: SimilarityGraph, groups: Int64) -> Float64:
    """What each edge, taken after the better ones of its row, adds to the F1 of that row."""
    rows = graph.rows()
    right = (groups[rows] == groups[graph.indices]).astype(np.float64)
    rank = np.arange(len(rows)) - graph.indptr[rows] + 1
    total = np.cumsum(right)
    hits = total - (total - right)[graph.indptr[rows]]
    _, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    true = sizes[inverse][rows]
    with_it = 2 * (1 + hits) / (1 + rank + true)
    return np.asarray(with_it - 2 * (1 + hits - right) / (rank + true), np.float64)


def _search(spec: EncoderSpec, held_out: HeldOut, rows: Int64) -> SimilarityGraph:
    part = take_listings(held_out.listings, rows.tolist())
    encoded: Encoded = encode_table(spec.fit(part), part, "encoding").encoded
    return make_index(encoded).search_within(k=min(NEIGHBORS, len(rows) - 1))


def _make(encoder: str, **settings: Any) -> EncoderSpec:
    return make_encoder(encoder, **settings)
