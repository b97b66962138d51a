"""Matching the listings of one source with those of another: no pairs inside a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from matcher.clustering import Constraints
from matcher.config import RunConfig
from matcher.explain import explain_pairs
from matcher.fusion import ACCEPTED
from matcher.io.columns import Columns
from matcher.jobs.assignment import assign
from matcher.jobs.decisions import as_constraints, decided_across, with_decided
from matcher.jobs.near import explain_near_misses, find_near_misses
from matcher.jobs.seen_rows import find_seen
from matcher.jobs.steps import (
    KINDS_OF_PROBLEM,
    ConfigLike,
    Encodings,
    ListingsLike,
    accepted_graph,
    as_listings,
    count_problems,
    encode,
    find_candidates,
    fuse,
    library_versions,
    resolve_config,
)
from matcher.jobs.stopwatch import Stopwatch
from matcher.results import MatchReport, MatchResult
from matcher.search import score_pairs
from matcher.types import Bool, Float32, Listings, ScoredPairs


def match(
    left: ListingsLike,
    right: ListingsLike,
    images: str | Path | None = None,
    right_images: str | Path | None = None,
    *,
    one_to_one: bool = False,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
    right_columns: Columns | None = None,
    decisions: str | Path | Constraints | None = None,
) -> MatchResult:
    """Find which listings of two sources are the same product.

    Args:
        left: As for ``dedupe``.
        right: Likewise, the other source.
        images: Folder or zip archive of the pictures of ``left``.
        right_images: Those of ``right``; None for the same place.
        one_to_one: Match each listing at most once, so that the sum of the fused scores is the
            largest possible. By default a listing may have many matches.
        config: A config, its values by name, or the path of a YAML file; None for the default.
        encoders: Names of modalities or encoders to use; None for all.
        columns: Names of the columns of ``left``.
        right_columns: Those of ``right``; None for the same as ``columns``.
        decisions: What a person has decided about pairs: a table with the columns ``id_left``,
            ``id_right`` and ``decision`` ("same" or "different"), or ``Constraints`` by row,
            those of ``right`` counted on from those of ``left``. They hold whatever the scores.

    Returns:
        Matches and accepted pairs as tables.

    Raises:
        DataError: If a table cannot be used.
        ConfigError: If a setting is wrong.
        BackendError: If none of the encoders can run.
    """
    config = resolve_config(config, encoders)
    left = as_listings(left, images, columns)
    right = as_listings(right, right_images or images, right_columns or columns)
    decided = as_constraints(decisions, left.ids, right.ids)

    def choose(pairs: ScoredPairs, fused: Float32) -> Bool:
        same, different = decided_across(pairs, decided)
        keep = (fused >= ACCEPTED) & ~same & ~different
        if one_to_one:
            for ends in (pairs.left, pairs.right):
                keep &= ~np.isin(ends, ends[same])
            keep[keep] = assign(pairs.left[keep], pairs.right[keep], fused[keep])
        return keep | same

    result = match_rows(config, left, right, concatenate(left, right), choose, decided)
    ours, theirs = (find_seen(config, table, result.report.encoders) for table in (left, right))
    return replace(result, trained_on=ours, right_trained_on=theirs)


def match_rows(
    config: RunConfig,
    left: Listings,
    right: Listings,
    learn_from: Listings,
    choose: Callable[[ScoredPairs, Float32], Bool],
    decided: Constraints | None = None,
) -> MatchResult:
    """Encode → search → fuse → choose → explain, from one table to another.

    Args:
        config: The settings.
        left: Listings that search.
        right: Listings that are searched.
        learn_from: Listings that encoders learn from.
        choose: Tells from the candidates and their fused scores which to keep.
        decided: What a person has decided; pairs called the same are candidates in any case.
    """
    watch = Stopwatch()
    with watch.step("encode"):
        encodings = encode(config, learn_from, left, right)
    ours, theirs = encodings.tables
    with watch.step("search"):
        candidates = find_candidates(config, ours, theirs, searched=encodings.searched)
        candidates = with_decided(candidates, decided or Constraints(), ours, theirs)
    fusion, fused = fuse(config, candidates, ours, theirs)
    with watch.step("explain"):
        kept = choose(candidates, fused)
        accepted, scores = _best_first(candidates, fused, kept)
        seen, their_seen = encodings.plain
        reasons = explain_pairs(accepted, seen, their_seen, (left.titles, right.titles))
        near, near_scores = find_near_misses(fusion, candidates, fused, kept)
        pairs = score_pairs(candidates.left[near], candidates.right[near], ours, theirs)
        both = left, right
        missed = explain_near_misses(
            pairs, near_scores, encodings.plain, both, vetoes=fusion.vetoes, decided=decided
        )
    return MatchResult(
        listings=left,
        right_listings=right,
        graph=accepted_graph(accepted, scores, within=False),
        clusters_found=None,
        accepted=accepted,
        scores=scores,
        reasons=reasons,
        candidate_scores=fused,
        candidate_truth=None,
        report=_report(config, left, right, encodings, candidates, accepted, watch.seconds),
        near=missed,
    )


def concatenate(left: Listings, right: Listings) -> Listings:
    """Put two sources below one another, for encoders to learn from; labels are dropped."""
    return Listings(
        ids=(*(f"left:{i}" for i in left.ids), *(f"right:{i}" for i in right.ids)),
        titles=left.titles + right.titles,
        images=left.images + right.images,
    )


def _best_first(candidates: ScoredPairs, fused: Float32, keep: Bool) -> tuple[ScoredPairs, Float32]:
    """The kept pairs and their fused scores, best first."""
    kept = np.flatnonzero(keep)
    order = kept[np.lexsort((candidates.right[kept], candidates.left[kept], -fused[kept]))]
    by_modality: Mapping[str, Float32] = {k: v[order] for k, v in candidates.scores.items()}
    left, right = candidates.left[order], candidates.right[order]
    return replace(candidates, left=left, right=right, scores=by_modality), fused[order]


def _report(
    config: RunConfig,
    left: Listings,
    right: Listings,
    encodings: Encodings,
    candidates: ScoredPairs,
    accepted: ScoredPairs,
    seconds: dict[str, float],
) -> MatchReport:
    ours, theirs = encodings.tables
    problems = count_problems(left, ours) + count_problems(right, theirs)
    return MatchReport(
        command="match",
        config=config.dump(),
        encoders=encodings.about(),
        left_out=encodings.left_out,
        search=encodings.searched,
        counts={
            "left_listings": len(left),
            "right_listings": len(right),
            "candidate_pairs": len(candidates),
            "accepted_pairs": len(accepted),
            "matched_left": len(np.unique(accepted.left)),
            "matched_right": len(np.unique(accepted.right)),
        },
        problems=dict(problems.most_common(KINDS_OF_PROBLEM)),
        seconds=seconds,
        versions=library_versions(),
    )
