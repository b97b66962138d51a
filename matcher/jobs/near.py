"""The pairs that came closest to a match without being one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matcher.explain import explain_pairs, near_misses
from matcher.fusion import VetoingFusion, vetoed
from matcher.results import NearMisses
from matcher.types import Clusters, Encoded, Float32, Int64, Listings, Matches, ScoredPairs


def find_near_misses(
    fusion: VetoingFusion, candidates: ScoredPairs, fused: Float32, clusters: Clusters | None
) -> tuple[Int64, Float32]:
    """Places of the near misses among the candidates, best first, and their fused scores.

    Args:
        fusion: Bound to the candidates.
        candidates: All candidate pairs.
        fused: Their fused scores; those of vetoed pairs are computed anew without the vetoes.
        clusters: Of the listings that the candidates point into; None between two tables.
    """
    refused = np.flatnonzero(vetoed(candidates, fusion.vetoes))
    scores = fused.copy()
    scores[refused] = fusion.model_copy(update={"vetoes": {}})(_take(candidates, refused))
    near = near_misses(candidates, scores, clusters)
    return near, scores[near]


def _take(pairs: ScoredPairs, places: Int64) -> ScoredPairs:
    by_modality = {name: values[places] for name, values in pairs.scores.items()}
    ends = pairs.left[places], pairs.right[places]
    return ScoredPairs(*ends, by_modality, pairs.n_left, pairs.n_right)


def explain_near_misses(
    pairs: ScoredPairs,
    scores: Float32,
    tables: tuple[Mapping[str, Encoded], ...],
    listings: tuple[Listings, Listings],
    matches: Matches | None = None,
) -> NearMisses:
    """Say why each near miss nearly was a match, and what spoke against it.

    Args:
        pairs: Pairs among all listings.
        scores: Their fused scores.
        tables: What was encoded: of one table, or of the left and the right one.
        listings: The left and the right listings.
        matches: Accepted pairs within one table, for neighbours in common.
    """
    titles = listings[0].titles, listings[1].titles
    reasons = explain_pairs(pairs, tables[0], tables[-1], titles, matches)
    return NearMisses(pairs, scores, reasons)
