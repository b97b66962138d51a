"""Labels that are likely wrong: listings to look at again, the most suspicious first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.audit import (
    ALONE,
    FLAGGED,
    NOBODY,
    Suspicions,
    Wording,
    find_contradictions,
    judge_labels,
)
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.explain import explain_pairs
from matcher.io.columns import Columns
from matcher.jobs.found import pairs_within
from matcher.jobs.label_names import name_labels
from matcher.jobs.seen_rows import UNSUSPECTED, count_learnt, find_seen
from matcher.jobs.steps import (
    KINDS_OF_PROBLEM,
    ConfigLike,
    Encodings,
    ListingsLike,
    as_listings,
    count_problems,
    encode,
    find_candidates,
    library_versions,
    pair_graph,
    resolve_config,
)
from matcher.jobs.stopwatch import Stopwatch
from matcher.results import MatchReport
from matcher.search import score_pairs
from matcher.types import (
    UNLABELLED,
    Clusters,
    Encoded,
    Hashes,
    Int64,
    Listings,
    ScoredPairs,
    SimilarityGraph,
)


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit found.

    Attributes:
        listings: The listings, labels included.
        names: Label of each group, as the table has it.
        graph: Fused scores of all pairs that were compared, both ways.
        suspicions: Of every listing, suspects or not.
        suspects: Rows worth a look, the most suspicious first.
        why: Of each suspect, what speaks against its label, in words.
        twins: By what is the same (title, hash): for each listing, the first with the same under
            another label; -1 without one.
        closest: Of each listing, the most similar one under another label, or such a twin; -1
            without any.
        alike: Of each suspect, what it shares with that one.
        report: How the result came about.
    """

    listings: Listings
    names: tuple[str, ...]
    graph: SimilarityGraph
    suspicions: Suspicions
    suspects: Int64
    why: tuple[str, ...]
    twins: Mapping[str, Int64]
    closest: Int64
    alike: tuple[str, ...]
    report: MatchReport

    def label(self, row: int) -> str:
        """Label of a listing; empty where it has none."""
        group = _groups(self.listings)[row]
        return "" if group == UNLABELLED else self.names[group]

    def suggestion(self, row: int) -> str:
        """The label that suits a listing best, its own included, or "alone"."""
        code = int(self.suspicions.suggested[row])
        return "alone" if code == ALONE else self.names[code]


def audit(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
) -> Audited:
    """Find listings whose label is likely wrong.

    Args:
        listings: As for ``dedupe``, with labels; rows without one are never suspects.
        images: Folder or zip archive of the pictures.
        config: How listings are compared; None for the default. Its clustering and its
            re-ranking play no part.
        encoders: Names of modalities or encoders to use; None for all.
        columns: Names of the columns.

    Returns:
        Suspects, the most suspicious first: listings that another label, or none, suits as well
        as their own, and those with the very title or picture hash of another label.

    Raises:
        DataError: If there are no labels.
        ConfigError: If a setting is wrong.
        BackendError: If none of the encoders can run.
    """
    watch, config = Stopwatch(), resolve_config(config, encoders)
    with watch.step("read"):
        listings = as_listings(listings, images, columns)
        groups = _groups(listings)
    with watch.step("encode"):
        encodings = encode(config, listings, listings)
    (encoded,), (plain,) = encodings.tables, encodings.plain
    with watch.step("search"):
        candidates = find_candidates(config, encoded, searched=encodings.searched)
        graph = compare(config, encoded, candidates, groups)
    with watch.step("judge"):
        found = judge_labels(graph, groups)
        twins = _find_twins(listings, plain, groups)
        suspects = _choose(found, twins)
    with watch.step("explain"):
        names = name_labels(listings, columns)
        closest = _or_twin(found.closest, twins)
        alike = _explain(suspects, closest, plain)
        told = Wording(listings, names, groups, graph, found, twins)
        why = tuple(told.why(row) for row in suspects.tolist())
    report = _report(config, listings, encodings, suspects, found, watch.seconds)
    return Audited(listings, names, graph, found, suspects, why, twins, closest, alike, report)


def compare(
    config: RunConfig, encoded: Mapping[str, Encoded], candidates: ScoredPairs, groups: Int64
) -> SimilarityGraph:
    """Score candidates, and the pairs of each label that are none.

    In labels of more than 50 listings a listing is compared with the 25 on either side of it in
    the table, so that the number of pairs stays in proportion to the number of listings.

    Args:
        config: Whose fusion scores them.
        encoded: The listings, by modality.
        candidates: Pairs with the score of every modality.
        groups: Label of each listing, shape ``(n,)``.

    Returns:
        Fused scores in [0, 1], both ways.
    """
    n = len(groups)
    known = np.flatnonzero(groups != UNLABELLED)
    labels = Clusters(np.unique(groups[known], return_inverse=True)[1].astype(np.int64))
    own_left, own_right = (known[side] for side in pairs_within(labels))
    new = ~np.isin(own_left * n + own_right, candidates.left * n + candidates.right)
    mates = score_pairs(own_left[new], own_right[new], encoded)
    scores = {
        name: np.concatenate([values, mates.scores[name]])
        for name, values in candidates.scores.items()
    }
    left = np.concatenate([candidates.left, mates.left])
    right = np.concatenate([candidates.right, mates.right])
    pairs = ScoredPairs(left, right, scores, n, n)
    fusion = config.fusion.bind(candidates, encoded)
    return pair_graph(pairs, fusion(pairs))


def _groups(listings: Listings) -> Int64:
    groups = listings.groups
    if groups is None or not (groups != UNLABELLED).any():
        raise DataError("An audit needs labels. Name their column with --group COLUMN.")
    return groups


def _find_twins(
    listings: Listings, encoded: Mapping[str, Encoded], groups: Int64
) -> dict[str, Int64]:
    """By what is the same: for each listing, one with the same under another label."""
    codes: dict[str, Int64] = {"title": _number_titles(listings.titles)}
    for name, rows in encoded.items():
        if isinstance(rows, Hashes):
            numbers = np.unique(rows.codes, return_inverse=True)[1]
            codes[name] = np.where(rows.present, numbers, NOBODY)
    return {name: find_contradictions(values, groups) for name, values in codes.items()}


def _number_titles(titles: tuple[str, ...]) -> Int64:
    """Number titles that differ in more than case and spaces; -1 for an empty one."""
    seen: dict[str, int] = {"": -1}
    numbers = [
        seen.setdefault(key, len(seen)) for key in (" ".join(t.casefold().split()) for t in titles)
    ]
    return np.array(numbers, np.int64)


def _choose(found: Suspicions, twins: Mapping[str, Int64]) -> Int64:
    """Rows worth a look, in the order of the ranking."""
    twin = np.any([rows != NOBODY for rows in twins.values()], axis=0)
    ranked = found.ranked()
    worth = (found.scores[ranked] >= FLAGGED) | twin[ranked]
    return np.asarray(ranked[worth], np.int64)


def _or_twin(closest: Int64, twins: Mapping[str, Int64]) -> Int64:
    """The closest listing under another label; where nothing scores, a twin."""
    for rows in twins.values():
        closest = np.where(closest == NOBODY, rows, closest)
    return closest


def _explain(rows: Int64, closest: Int64, encoded: Mapping[str, Encoded]) -> tuple[str, ...]:
    """What each row shares with the closest listing under another label; empty without one."""
    has_one = closest[rows] != NOBODY
    left, right = rows[has_one], closest[rows[has_one]]
    reasons = iter(explain_pairs(score_pairs(left, right, encoded), encoded, encoded))
    return tuple(next(reasons) if one else "" for one in has_one.tolist())


def _report(
    config: RunConfig,
    listings: Listings,
    encodings: Encodings,
    suspects: Int64,
    found: Suspicions,
    seconds: dict[str, float],
) -> MatchReport:
    groups = _groups(listings)
    labelled = groups[groups != UNLABELLED]
    sizes, suggested = np.bincount(labelled), found.suggested[suspects]
    counts = {
        "listings": len(listings),
        "labelled": len(labelled),
        "labels": int((sizes > 0).sum()),
        "labels_of_one": int((sizes == 1).sum()),
        "suspects": len(suspects),
        "suggested_elsewhere": int(((suggested != ALONE) & (suggested != groups[suspects])).sum()),
    }
    problems = dict(count_problems(listings, encodings.tables[0]).most_common(KINDS_OF_PROBLEM))
    n_learnt = count_learnt(listings, find_seen(config, listings, encodings.plain[0]))
    return MatchReport(
        command="audit",
        config=config.dump(),
        encoders=encodings.about(),
        left_out=encodings.left_out,
        search=encodings.searched,
        counts=counts,
        problems={UNSUSPECTED: n_learnt, **problems} if n_learnt else problems,
        seconds=seconds,
        versions=library_versions(),
    )
