"""The seams where new behaviour plugs in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from matcher.types import Clusters, Encoded, Float32, Listings, ScoredPairs, SimilarityGraph


class Encoder(Protocol):
    """Ready to use: weights loaded, vocabulary learnt."""

    def encode(self, listings: Listings) -> Encoded:
        """Return one row per listing; a row without signal is 0 (or not present)."""
        ...


class EncoderSpec(Protocol):
    """Plain settings, as read from a config; ``fit`` turns them into an Encoder."""

    def fit(self, listings: Listings) -> Encoder:
        """Load weights, or learn from ``listings``.

        Raises:
            BackendError: If weights or a library are missing; the message says how to get them.
        """
        ...


class Index(Protocol):
    """Holds the rows to search in.

    At least one of ``k`` (neighbours kept per row) and ``min_score`` must be given.
    """

    def search(
        self, queries: Encoded, k: int | None = None, min_score: float | None = None
    ) -> SimilarityGraph:
        """Find the indexed rows closest to each query."""
        ...

    def search_within(
        self, k: int | None = None, min_score: float | None = None
    ) -> SimilarityGraph:
        """Find the other indexed rows closest to each indexed row."""
        ...


class Fusion(Protocol):
    """Turns the scores of the modalities into one score per pair."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities it reads; those that are missing count for nothing."""
        ...

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return fused scores in [0, 1]; a pair is accepted at 0.5 and above."""
        ...

    def bind(self, candidates: ScoredPairs, *tables: Mapping[str, Encoded]) -> Fusion:
        """Return the same fusion for the pairs of one run.

        Some judge a pair by where it stands among the others; they must be bound before they
        are called.

        Args:
            candidates: All candidate pairs of the run.
            *tables: What was encoded: one table, or the left and the right one.
        """
        ...


class Clusterer(Protocol):
    """Groups matched listings."""

    def __call__(self, graph: SimilarityGraph, constraints: Any = None) -> Clusters:
        """Return the cluster of each listing.

        Args:
            graph: Symmetric, with fused scores, the pairs that fell short included: they say
                how much the ends of a chain resemble each other.
            constraints: Pairs that a person has decided, a ``matcher.clustering.Constraints``;
                every clusterer keeps to them. None where nothing has been decided.
        """
        ...
