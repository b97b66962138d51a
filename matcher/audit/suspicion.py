"""Which labels are likely wrong: what the labels of similar listings say of each.

A label is judged by the other rows' labels only, never by itself: how much a listing resembles the
others of its label, against how much it resembles those of any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.errors import DataError
from matcher.types import UNLABELLED, Bool, Float32, Float64, Int64, SimilarityGraph

ALONE = -1  # instead of a label: nothing else is this product
NOBODY = -1  # instead of a row
FLAGGED = 0.5  # suspicion from which something else is supported as well as the label
SUGGESTED = 0.35  # support from which another label is suggested; below it, to stand alone
STANDS_ALONE = 0.5  # support of a label that no other listing has
LEFT_ALONE = 0.2  # support of the chance that a listing belongs to no label of the table
MOST_VOICES = 50  # listings of a label that are expected among the candidates of one listing
SINGLE_VOICE = 0.1  # support counts n / (n + this) with n listings behind it
ROUNDS = 2  # in the second, suspects have less of a say
LEAST_TRUST = 0.05
PRIOR_PAIRS = 21


@dataclass(frozen=True, slots=True)
class Suspicions:
    """What speaks against the label of each listing.

    Attributes:
        scores: Suspicion in [0, 1], shape ``(n,)``; at 0.5 another label (or none) is supported
            as well as the listing's own. NaN without a label.
        own: Support of the listing's own label by the others that have it, in [0, 1].
        other: Support of the best other label, in [0, 1].
        suggested: That label, or ``ALONE``; the listing's own where nothing else has more support,
            shape ``(n,)``.
        closest: Row of the most similar listing under another label; ``NOBODY`` where none
            scores above 0.
        closest_own: The same under its own label.
    """

    scores: Float64
    own: Float64
    other: Float64
    suggested: Int64
    closest: Int64
    closest_own: Int64

    def ranked(self) -> Int64:
        """All labelled rows, the most suspicious first; ties by less support of the own label."""
        rows = np.flatnonzero(~np.isnan(self.scores))
        order = np.lexsort((rows, self.own[rows], -self.scores[rows]))
        return np.asarray(rows[order], np.int64)


def judge_labels(graph: SimilarityGraph, groups: Int64) -> Suspicions:
    r"""Weigh the label of each listing against the others.

    A pair's voice is the mean of its fused score and of the chance that candidates of such a
    score have one label. A label's support is the mean voice of its listings, those that are no
    candidates being 0. Suspicion is :math:`(1 + \text{other} - \text{own}) / 2`. In a second
    round listings that were suspicious have less of a say, so that of two listings under one
    label the one that fits elsewhere is to blame. Rows without a label have no say.

    Args:
        graph: Symmetric, fused scores in [0, 1]; all pairs of one label should be in it, or in
            labels of more than 50 listings a good part of them.
        groups: Label of each listing, shape ``(n,)``; ``UNLABELLED`` (-1) where there is none.

    Raises:
        DataError: If the number of labels is not that of the rows.

    Source:
        Northcutt et al., Confident Learning, JAIR 2021, for judging a label by a prediction that
        did not see it; the prediction here is a vote of neighbors.
    """
    if groups.shape != (graph.n_rows,) or graph.n_cols != graph.n_rows:
        raise DataError(
            "judge_labels needs one label per row of a graph within one table. Received: "
            f"{groups.shape} labels, {graph.n_rows} rows, {graph.n_cols} columns."
        )
    votes = _Votes.of(graph, groups)
    labelled = groups != UNLABELLED
    trust = np.ones(len(groups))
    for _ in range(ROUNDS):
        own, other, best = votes.count(groups, trust)
        unsure = np.where(_is_only(groups), 0, LEFT_ALONE)
        scores = (1 + np.maximum(other, unsure) - own) / 2
        trust = np.clip(2 - 2 * scores, LEAST_TRUST, 1)
    return Suspicions(
        scores=np.where(labelled, scores, np.nan),
        own=own,
        other=other,
        suggested=_suggest(groups, scores, other, best),
        closest=_closest(graph, groups, same=False),
        closest_own=_closest(graph, groups, same=True),
    )


def find_contradictions(codes: Int64, groups: Int64) -> Int64:
    """For each listing, another with an equal code under another label.

    Args:
        codes: What is compared, such as numbers of titles, shape ``(n,)``; negative: nothing.
        groups: Label of each listing, shape ``(n,)``.

    Returns:
        Of those the first row; ``NOBODY`` where there is none, shape ``(n,)``.

    Example:
        >>> find_contradictions(np.array([7, 7, 7, -1]), np.array([0, 1, 0, 1])).tolist()
        [1, 0, 1, -1]
    """
    found = np.full(len(codes), NOBODY)
    usable = np.flatnonzero((codes >= 0) & (groups != UNLABELLED))
    if not len(usable):
        return found
    _, code = np.unique(codes[usable], return_inverse=True)
    n = int(code.max()) + 1
    first = np.full(n, len(codes))
    np.minimum.at(first, code, usable)
    differs = groups[usable] != groups[first[code]]
    second = np.full(n, len(codes))  # the first with another label than the first of all
    np.minimum.at(second, code[differs], usable[differs])
    twin = np.where(differs, first[code], second[code])
    found[usable] = np.where(twin < len(codes), twin, NOBODY)
    return found


def fit_chance(scores: Float32, same: Bool) -> Float64:
    """The chance that a pair of such a score has one label: never falling with the score.

    Isotonic regression of the labels on the scores; where there are few pairs, what the fusion
    means by its scores (a match from 0.5 up) counts like another 21 of them.

    Args:
        scores: Fused scores of pairs, shape ``(m,)``.
        same: Whether the labels of each are the same, shape ``(m,)``.

    Returns:
        Chances in [0, 1], shape ``(m,)``.
    """
    if not len(scores):
        return np.empty(0, np.float64)
    from sklearn.isotonic import IsotonicRegression

    prior = np.linspace(0, 1, PRIOR_PAIRS)
    known = np.concatenate([scores.astype(np.float64), prior])
    truth = np.concatenate([same.astype(np.float64), (prior >= FLAGGED).astype(np.float64)])
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(known, truth)
    return np.asarray(fitted.predict(scores.astype(np.float64)), np.float64)


@dataclass(frozen=True, slots=True)
class _Votes:
    """Voices of listings for labels, gathered by the listing judged and the label.

    Attributes:
        cell: Which (listing, label) each voice belongs to, shape ``(m,)``.
        speaker: Row of the listing that speaks, shape ``(m,)``.
        voice: What it says, in [0, 1], shape ``(m,)``.
        judged: Row of each cell, ascending, shape ``(c,)``.
        label: Label of each cell, shape ``(c,)``.
    """

    cell: Int64
    speaker: Int64
    voice: Float64
    judged: Int64
    label: Int64

    @classmethod
    def of(cls, graph: SimilarityGraph, groups: Int64) -> _Votes:
        rows, cols = graph.rows(), graph.indices
        keep = (groups[rows] != UNLABELLED) & (groups[cols] != UNLABELLED)
        rows, cols, scores = rows[keep], cols[keep], graph.scores[keep]
        chance = fit_chance(scores, np.asarray(groups[rows] == groups[cols], np.bool_))
        n_labels = int(groups.max(initial=0)) + 1
        cells, cell = np.unique(rows * n_labels + groups[cols], return_inverse=True)
        judged, label = np.divmod(cells, n_labels)
        return cls(cell, cols, (scores + chance) / 2, judged, label)

    def count(self, groups: Int64, trust: Float64) -> tuple[Float64, Float64, Int64]:
        """Support of each listing's own label, of its best other label, and which that is."""
        n, n_cells = len(groups), len(self.judged)
        heard = np.bincount(self.cell, trust[self.speaker], minlength=n_cells)
        said = np.bincount(self.cell, trust[self.speaker] * self.voice, minlength=n_cells)
        known = groups != UNLABELLED
        size = np.bincount(groups[known], trust[known], minlength=int(groups.max(initial=0)) + 1)
        is_own = self.label == groups[self.judged]
        expected = np.where(is_own, 0, np.minimum(size[self.label], MOST_VOICES))
        voices = np.maximum(heard, expected)
        support = said / (voices + SINGLE_VOICE)
        own = np.where(_is_only(groups), STANDS_ALONE, 0.0)
        own[self.judged[is_own]] = support[is_own]
        other, best = np.zeros(n), np.full(n, ALONE)
        ranked = np.flatnonzero(~is_own)
        ranked = ranked[np.lexsort((-self.label[ranked], support[ranked]))]
        other[self.judged[ranked]] = support[ranked]  # of several, the last stays: the best
        best[self.judged[ranked]] = self.label[ranked]
        return own, other, best


def _suggest(groups: Int64, scores: Float64, other: Float64, best: Int64) -> Int64:
    """The label that each listing should have, ``ALONE`` for one of its own."""
    elsewhere = np.where(other >= SUGGESTED, best, ALONE)
    return np.asarray(np.where(scores > FLAGGED, elsewhere, groups), np.int64)


def _is_only(groups: Int64) -> Bool:
    """Whether a listing is the only one of its label."""
    known = groups != UNLABELLED
    sizes = np.bincount(groups[known], minlength=1)
    return np.asarray(known & (sizes[np.where(known, groups, 0)] == 1), np.bool_)


def _closest(graph: SimilarityGraph, groups: Int64, same: bool) -> Int64:
    """Of each row, the best edge to a listing of the same label, or of another."""
    rows, cols = graph.rows(), graph.indices
    keep = (groups[rows] != UNLABELLED) & (groups[cols] != UNLABELLED)
    keep &= ((groups[rows] == groups[cols]) == same) & (graph.scores > 0)
    found = np.full(len(groups), NOBODY)
    found[rows[keep][::-1]] = cols[keep][::-1]  # of several, the last stays: the best
    return found
