"""The pairs that came closest to a match without being one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matcher.clustering import Constraints
from matcher.explain import explain_pairs, near_misses
from matcher.fusion import ACCEPTED, VetoingFusion, vetoed
from matcher.jobs.decisions import are_different
from matcher.results import NearMisses
from matcher.types import Bool, Clusters, Encoded, Float32, Int64, Listings, Matches, ScoredPairs

DIFFERENT = "a person calls them different"


def find_near_misses(
    fusion: VetoingFusion, candidates: ScoredPairs, fused: Float32, matched: Bool | None = None
) -> tuple[Int64, Float32]:
    """Places of the near misses among the candidates, best first, and their fused scores.

    Args:
        fusion: Bound to the candidates.
        candidates: All candidate pairs.
        fused: Their fused scores; those of vetoed pairs are computed anew without the vetoes.
        matched: Which of them are matches, shape ``(m,)``; None for those that the fusion
            accepts.
    """
    refused = np.flatnonzero(vetoed(candidates, fusion.vetoes))
    scores = fused.copy()
    scores[refused] = fusion.model_copy(update={"vetoes": {}})(_take(candidates, refused))
    matched = fused >= np.float32(ACCEPTED) if matched is None else matched
    short = np.flatnonzero(~matched)
    # Side by side, each listing a cluster of its own: then no pair of these is a match.
    left, right = candidates.left[short], candidates.n_left + candidates.right[short]
    n = candidates.n_left + candidates.n_right
    alone = Clusters(np.arange(n))
    near = short[near_misses(ScoredPairs(left, right, {}, n, n), scores[short], alone)]
    return near, scores[near]


def are_matches(left: Int64, right: Int64, matches: Matches) -> Bool:
    """Whether each pair of listings, left and right rows of shape ``(m,)``, is a match."""
    n = matches.n_cols
    return np.isin(left * n + right, matches.rows() * n + matches.indices)


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
    vetoes: Mapping[str, float] | None = None,
    decided: Constraints | None = None,
) -> NearMisses:
    """Say why each near miss nearly was a match, and what spoke against it.

    Args:
        pairs: Pairs among all listings.
        scores: Their fused scores.
        tables: What was encoded: of one table, or of the left and the right one.
        listings: The left and the right listings.
        matches: Accepted pairs within one table, for neighbours in common.
        vetoes: Of the fusion: the score of each modality below which a pair is refused.
        decided: What a person has decided; between two tables the right rows count on from
            the left ones.
    """
    titles = listings[0].titles, listings[1].titles
    told = explain_pairs(pairs, tables[0], tables[-1], titles, matches)
    against = [
        (f"vetoed by {name}", vetoed(pairs, {name: bound}))
        for name, bound in (vetoes or {}).items()
    ]
    if decided is not None:
        right = pairs.right if len(tables) == 1 else pairs.n_left + pairs.right
        against.append((DIFFERENT, are_different(pairs.left, right, decided)))
    reasons = tuple(
        "; ".join([reason, *(why for why, holds in against if holds[row])])
        for row, reason in enumerate(told)
    )
    return NearMisses(pairs, scores, reasons)
