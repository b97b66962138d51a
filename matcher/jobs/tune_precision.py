"""A promised precision: stricter cuts on fused scores, and what they are worth elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.calibration import (
    Gallery,
    Interval,
    MatchCounts,
    Promise,
    closest_cut,
    count_matches,
    count_pair_matches,
    cross_choose,
    cuts_keeping,
    refuse,
    shares_kept,
)
from matcher.config import RunConfig
from matcher.jobs.thresholds import (
    Tables,
    fit,
    fused_scores,
    lowest_score,
    partitions,
    row_f1,
    with_cut,
)
from matcher.training.splits import folds
from matcher.types import UNLABELLED, Bool, Float32, Int64, ScoredPairs


@dataclass(frozen=True, slots=True)
class Labelled:
    """Candidates and labels.

    Attributes:
        pairs: Scored candidates among all listings.
        groups: True product of each listing, shape ``(n,)``.
        tied: Sets of listings that are not independent, shape ``(n,)``.
        gallery: The catalogue that the thresholds are for; None for one like these listings.
        encoded: The table that was encoded, for a fusion that reads it.
    """

    pairs: ScoredPairs
    groups: Int64
    tied: Int64
    gallery: Gallery | None = None
    encoded: Tables = ()

    @property
    def known(self) -> Bool:
        """Whether each listing has a label, shape ``(n,)``."""
        return np.asarray(self.groups != UNLABELLED, np.bool_)

    def fit(self, config: RunConfig, rows: Bool) -> RunConfig:
        """Fit to the labels of some rows."""
        return fit(config, self.pairs, self.groups, rows, self.gallery, self.encoded, self.tied)

    def row_f1(self, config: RunConfig, rows: Bool) -> float:
        """Mean row F1 over some rows."""
        return row_f1(config, self.pairs, self.groups, rows, self.gallery, self.encoded)

    def fused(self, config: RunConfig) -> Float32:
        """Fused scores of the candidates, shape ``(m,)``."""
        return fused_scores(config, self.pairs, self.gallery, self.encoded)

    def halves(self, config: RunConfig, seed: int) -> list[tuple[RunConfig, Bool]]:
        """Configs fitted to half the products each, and the listings each has not seen."""
        half = folds(self.tied, 2, seed) == 0
        held_out = [side & self.known for side in (half, ~half)]
        return [(self.fit(config, self.known & ~rows), rows) for rows in held_out]

    def cuts(self, config: RunConfig, n_pairs: Int64) -> tuple[float, ...]:
        """The cuts at which a config accepts given numbers of candidates."""
        return cuts_keeping(self.fused(config), n_pairs)

    def counts(self, config: RunConfig, rows: Bool, n_pairs: Int64) -> MatchCounts:
        """Right and wrong matches among some rows, for those cuts."""
        fused = self.fused(config)
        cuts = cuts_keeping(fused, n_pairs)
        if config.matches == "pairs":
            return count_pair_matches(fused, self.pairs, cuts, self.groups, self.tied, rows)
        labels = partitions(config, self.pairs, fused, cuts)
        return count_matches(labels, self.groups, self.tied, rows)


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a promise.

    Attributes:
        config: The config with the stricter cut.
        precision: Precision to expect, from products that took no part in the choice.
        expected_f1: Mean row F1 likewise.
        kept: Whether it can be promised.
    """

    config: RunConfig
    precision: Interval
    expected_f1: float
    kept: bool = True


def keep_promise(
    labelled: Labelled,
    fitted: RunConfig,
    halves: list[tuple[RunConfig, Bool]],
    promise: Promise,
    seed: int = 0,
    *,
    closest: bool = False,
) -> Kept:
    """Raise the cut of a fitted config until a precision can be promised.

    The cut is chosen on the matches of each half with the fusion fitted to the other, in numbers
    of pairs accepted, which mean the same for both and for the fusion fitted to all. The
    precision stated is measured on other products again: each half is split once more, the cut
    chosen on one part and counted on the other.

    Args:
        labelled: Candidates and labels.
        fitted: The config fitted to all labels.
        halves: As ``Labelled.halves`` gives them.
        promise: What is promised.
        seed: Seeds the splits and the draws.
        closest: Whether to take the closest cut where the promise cannot be kept.

    Raises:
        DataError: If it can't be kept, and ``closest`` was not asked for.
    """
    fused = labelled.fused(fitted)
    accepted = int((fused >= np.float32(lowest_score(fitted))).sum())
    n_pairs = np.ceil(shares_kept() * max(accepted, 1)).astype(np.int64)
    counts = [labelled.counts(config, rows, n_pairs) for config, rows in halves]
    both = counts[0].beside(counts[1])
    cut, kept = closest_cut(both, promise, seed=seed)
    if not (kept or closest):
        refuse(both, promise, cut, seed=seed)
    measured = [cross_choose(side, promise, scale=2, seed=seed) for side in counts]
    total = 0.0
    for (config, rows), other in zip(halves, reversed(counts), strict=True):
        place, _ = closest_cut(other, promise, scale=2, seed=seed)
        raised = with_cut(config, _raised(labelled, config, n_pairs, place))
        total += labelled.row_f1(raised, rows) * rows.sum()
    return Kept(
        config=with_cut(fitted, _raised(labelled, fitted, n_pairs, cut)),
        precision=measured[0].beside(measured[1]).interval(seed=seed),
        expected_f1=float(total / labelled.known.sum()),
        kept=kept,
    )


def _raised(labelled: Labelled, config: RunConfig, n_pairs: Int64, place: int) -> float:
    """The cut at a place, never looser than the config's own."""
    return max(labelled.cuts(config, n_pairs)[place], lowest_score(config))
