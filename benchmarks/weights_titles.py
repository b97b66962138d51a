"""Measures of title encoders, on titles that were not trained on.

Each encoder alone has one threshold, found among all scores of the products that are not scored, so
that encoders whose scores lie in other ranges are compared fairly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.machine import config as config_named
from benchmarks.protocols import held_out_alone, held_out_in_all, labels_of, take
from benchmarks.shopee import FIVE, HALVES
from benchmarks.weights_encoders import (
    BASE,
    MINILM,
    Row,
    Setting,
    encode_alone,
    measured,
    title_encoders,
)
from matcher.config import Modality, RunConfig
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.jobs.encoding import encode_table
from matcher.jobs.held_out import (
    NEIGHBORS,
    HeldOut,
    best_threshold,
    score_encoder,
    score_in_gallery,
)
from matcher.jobs.seen_rows import refuse_seen
from matcher.metrics import Counts
from matcher.protocols import Encoder, EncoderSpec
from matcher.search import make_index, score_pairs, union_pairs
from matcher.similarity import keep_edges
from matcher.training.splits import folds, tied_rows
from matcher.types import Bool, Float32, Listings

SHOPEE = "Shopee titles: row F1"
SHOPEE_IN_ALL = f"{SHOPEE}, among all"
FUSED = "Shopee titles: row F1, with TF-IDF"
FUSED_IN_ALL = f"{FUSED}, among all"
WITH_WORDS = "Shopee titles: row F1, with TF-IDF of words"
WITH_WORDS_IN_ALL = f"{WITH_WORDS}, among all"
PRICERUNNER = "PriceRunner, held-out clusters: pairwise F1"
TFIDF = "TF-IDF alone"
N_FOLDS = 5
FIVE_IN_ALL = "five-fold, among all"


def shopee(setting: Setting) -> Iterator[Row]:
    """Titles of Shopee: each encoder alone, and beside TF-IDF."""
    listings = setting.part(read_listings(setting.data / "shopee" / "train.csv"))
    n, encoders = len(listings), title_encoders(setting)
    for name, config in encoders.items():
        refuse_seen(config, listings)
        yield measured(SHOPEE, name, _each_alone(config, listings), n // N_FOLDS, FIVE)
        yield measured(SHOPEE_IN_ALL, name, _in_all(config, listings), n, FIVE_IN_ALL)
    for plain, (alone, in_all) in _tfidf_of_shopee():
        fused = {TFIDF: plain, **{name: _beside(plain, encoders[name]) for name in (BASE, MINILM)}}
        for name, config in fused.items():
            value = held_out_alone(listings, config, N_FOLDS)["rowwise_f1"]
            yield measured(alone, name, value, n // N_FOLDS, FIVE)
            value = held_out_in_all(listings, config, N_FOLDS)
            yield measured(in_all, name, value, n, FIVE_IN_ALL)


def pricerunner(setting: Setting) -> Iterator[Row]:
    """Offers of PriceRunner, of clusters that were not trained on."""
    columns = Columns(id="listing_id", title="title", group="product", image="", phash="")
    listings = setting.part(read_listings(setting.held_out, columns=columns))
    half = folds(tied_rows(listings), 2, 0) == 0
    for name, config in title_encoders(setting).items():
        refuse_seen(config, listings)
        spec, value = _ready(config, listings), 0.0
        for scored in (half, ~half):
            chosen, truth = (_Pairs.of(spec, listings, rows) for rows in (~scored, scored))
            value += truth.f1(chosen.best_threshold()) * float(scored.mean())
        yield measured(PRICERUNNER, name, value, len(listings) // 2, HALVES)


def _each_alone(config: RunConfig, listings: Listings) -> float:
    """Mean row F1 of direct matches, each fold a gallery of its own."""
    fold, spec, total = folds(tied_rows(listings), N_FOLDS, 0), _ready(config, listings), 0.0
    for k in range(N_FOLDS):
        rows = HeldOut(listings, np.flatnonzero(fold != k), np.flatnonzero(fold == k))
        total += score_encoder(spec, rows)["row_f1"] * float((fold == k).mean())
    return total


def _in_all(config: RunConfig, listings: Listings) -> float:
    """Mean row F1 of direct matches, every listing searched among all."""
    fold, groups = folds(tied_rows(listings), N_FOLDS, 0), labels_of(listings)
    graph = make_index(encode_alone(config, listings)).search_within(
        k=min(NEIGHBORS, len(listings) - 1)
    )
    unknown, total = groups.max() + 1 + np.arange(len(groups)), 0.0
    for k in range(N_FOLDS):
        scored: Bool = fold == k
        known = np.where(scored, unknown, groups)  # their labels set no threshold
        bound = best_threshold(keep_edges(graph, ~scored[graph.rows()]), known)
        matches = keep_edges(graph, graph.scores >= np.float32(bound))
        value = score_in_gallery(matches, groups, scored)["rowwise_f1"]
        total += value * float(scored.mean())
    return total


def _tfidf_of_shopee() -> Iterator[tuple[RunConfig, tuple[str, str]]]:
    """The published config without the hashes, and with words alone; and what is measured."""
    published = config_named("shopee")
    tfidf = [name for name, m in published.encoders.items() if m.encoder == "tfidf"]
    yield published.select(tfidf), (FUSED, FUSED_IN_ALL)
    yield published.select(["words"]), (WITH_WORDS, WITH_WORDS_IN_ALL)


def _beside(plain: RunConfig, encoder: RunConfig) -> RunConfig:
    """A config with one more encoder; its threshold is fitted with the others."""
    ((name, modality),) = encoder.encoders.items()
    more: dict[str, Modality] = {name: modality.model_copy(update={"min_score": 0.5})}
    thresholds = {**plain.fusion.thresholds, name: 0.9}  # type: ignore[attr-defined]
    fusion = plain.fusion.model_copy(update={"thresholds": thresholds})
    return plain.model_copy(update={"encoders": {**plain.encoders, **more}, "fusion": fusion})


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Settings of an encoder that learns nothing from listings: it is loaded once."""

    encoder: Encoder

    def fit(self, listings: Listings) -> Encoder:
        return self.encoder


def _ready(config: RunConfig, listings: Listings) -> EncoderSpec:
    """The one encoder of a config; TF-IDF learns its words from each gallery anew."""
    (modality,) = config.encoders.values()
    spec = modality.make()
    return spec if modality.encoder == "tfidf" else _Loaded(spec.fit(listings))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Candidate pairs of one gallery.

    Attributes:
        scores: Best first, shape ``(m,)``.
        right: Whether each is of one product, shape ``(m,)``.
        n_true: Pairs of one product in the gallery, candidates or not.
    """

    scores: Float32
    right: Bool
    n_true: int

    @classmethod
    def of(cls, spec: EncoderSpec, listings: Listings, rows: Bool) -> _Pairs:
        """Encode and search some listings as if there were no others."""
        part = take(listings, np.flatnonzero(rows))
        encoded, groups = encode_table(spec.fit(part), part, "titles").encoded, labels_of(part)
        graph = make_index(encoded).search_within(k=min(NEIGHBORS, len(part) - 1))
        left, right = union_pairs([graph])
        scores = score_pairs(left, right, {"titles": encoded}).scores["titles"]
        order = np.argsort(-scores, kind="stable")
        sizes = np.unique(groups, return_counts=True)[1]
        same: Bool = groups[left] == groups[right]
        return cls(scores[order], same[order], int((sizes * (sizes - 1) // 2).sum()))

    def best_threshold(self) -> float:
        """The lowest score that is accepted for the best pairwise F1; every score is tried."""
        ends = np.flatnonzero(np.append(self.scores[1:] < self.scores[:-1], True))
        f1 = 2 * np.cumsum(self.right)[ends] / (ends + 1 + self.n_true)
        return float(self.scores[ends[int(np.argmax(f1))]])

    def f1(self, threshold: float) -> float:
        """Pairwise F1 of the pairs that reach a threshold."""
        accepted = self.scores >= np.float32(threshold)
        return Counts(int(self.right[accepted].sum()), int(accepted.sum()), self.n_true).f1
