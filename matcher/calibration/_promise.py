"""How far a precision can be promised for products that nobody has labelled.

A wrong match seldom comes alone: one bad cluster brings many. So the unit here is a block: groups
of listings that no match ties to other groups. Blocks are drawn anew, never pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from matcher.errors import ConfigError, DataError
from matcher.training.splits import folds
from matcher.types import Bool, Float64, Int64

LEVEL = 0.95
DRAWS = 1000
LEAST_BLOCKS = 20


@dataclass(frozen=True, slots=True)
class Interval:
    """A share, and where it is to be expected on as much data again.

    Attributes:
        estimate: What was measured, in [0, 1].
        low: Lower end.
        high: Upper end.
        level: How often the interval holds, in (0, 1).
    """

    estimate: float
    low: float
    high: float
    level: float = LEVEL

    def __str__(self) -> str:
        return f"{self.estimate:.4f} ({self.level:.0%} interval {self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True, slots=True)
class Promise:
    """A precision to be reached on products not seen.

    Attributes:
        precision: Share of the pairs put together that belong together, in (0, 1).
        confidence: How sure it shall be, in [0.5, 1). With 0.5 the estimate itself reaches it:
            one catalogue in two falls short.
    """

    precision: float
    confidence: float = LEVEL

    def __post_init__(self) -> None:
        if not 0 < self.precision < 1 or not 0.5 <= self.confidence < 1:
            raise ConfigError(
                "A promised precision is a share in (0, 1), its confidence one in [0.5, 1). "
                f"Received: {self.precision} and {self.confidence}."
            )


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """Right and wrong matches of each block of listings, for a series of cuts.

    Attributes:
        right: Pairs put together that belong together, shape ``(n_cuts, n_blocks)``.
        wrong: Pairs put together that do not, likewise; need not be whole numbers.
    """

    right: Float64
    wrong: Float64

    def take(self, blocks: Bool | Int64) -> MatchCounts:
        """Keep some blocks."""
        return MatchCounts(self.right[:, blocks], self.wrong[:, blocks])

    def at(self, cuts: int | Int64) -> MatchCounts:
        """Keep one cut: the same for all blocks, or one for each."""
        every = np.arange(self.right.shape[1])
        return MatchCounts(self.right[cuts, every][None], self.wrong[cuts, every][None])

    def beside(self, other: MatchCounts) -> MatchCounts:
        """Put the blocks of another series with as many cuts beside these."""
        return MatchCounts(
            np.hstack([self.right, other.right]), np.hstack([self.wrong, other.wrong])
        )

    def interval(self, cut: int = 0, *, scale: float = 1, seed: int = 0) -> Interval:
        """Expect the precision of as many blocks again.

        The spread is that of the difference of two samples of blocks: one like that which was
        measured, and one like that which is to come. Both are drawn from the blocks measured
        (Poisson bootstrap), and from one more whose matches are all wrong: what was never seen
        may still come. With n blocks and no error the lower end is so about 1 - 3 / n.

        Args:
            cut: Which of the cuts.
            scale: Size of both samples, in numbers of these blocks.
            seed: Seeds the draws.

        Source:
            Efron & Tibshirani, "An introduction to the bootstrap", 1993, ch. 8 (blocks as
            units); Hanley & Lippman-Hand, "If nothing goes wrong, is everything all right?",
            JAMA 249, 1983 (3 / n).
        """
        estimate, spread = self._spread(cut, scale, seed)
        low, high = estimate + np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(estimate, float(max(low, 0)), float(min(high, 1)), LEVEL)

    def sure(self, cut: int, confidence: float, *, scale: float = 1, seed: int = 0) -> float:
        """Precision that as many blocks again reach with this confidence; 0.5: the estimate."""
        estimate, spread = self._spread(cut, scale, seed)
        return (
            estimate if confidence == 0.5 else estimate + float(np.quantile(spread, 1 - confidence))
        )

    def _spread(self, cut: int, scale: float, seed: int) -> tuple[float, Float64]:
        """The precision, and differences of two samples' precision."""
        found = self.right[cut] + self.wrong[cut]
        total = found.sum()
        if total == 0:
            return 0.0, np.repeat([0.0, 1.0], DRAWS // 2)  # nothing matched, nothing known
        typical = np.array([[0.0, (found**2).sum() / total]])
        table = np.stack([self.right[cut], found], 1)[found > 0]
        kinds, times = np.unique(np.concatenate([table, typical]), axis=0, return_counts=True)
        drawn = np.random.default_rng(seed).poisson(times * scale, (2, DRAWS, len(times))) @ kinds
        shares = drawn[..., 0] / np.maximum(drawn[..., 1], 1e-9)
        return float(self.right[cut].sum() / total), shares[0] - shares[1]


def closest_cut(
    counts: MatchCounts, promise: Promise, *, scale: float = 1, seed: int = 0
) -> tuple[int, bool]:
    """Choose the cut that keeps most, of those for which the precision can be promised.

    Cuts are tried from the loosest on; the first that will do is taken.

    Args:
        counts: Cuts from loose to strict.
        promise: What is promised.
        scale: How many times these blocks the promise is for.
        seed: Seeds the draws.

    Returns:
        The place of the cut, and whether the promise can be kept there. Where it can be kept
        nowhere, the cut that comes closest.
    """
    best, best_sure = 0, -1.0
    for cut in range(len(counts.right)):
        sure = counts.sure(cut, promise.confidence, scale=scale, seed=seed)
        if sure >= promise.precision:
            return cut, True
        if sure > best_sure:
            best, best_sure = cut, sure
    return best, False


def choose_cut(counts: MatchCounts, promise: Promise, *, seed: int = 0) -> int:
    """Choose as ``closest_cut`` does.

    Raises:
        DataError: If the labels are too few, or the errors too many, for the promise.
    """
    cut, kept = closest_cut(counts, promise, seed=seed)
    if not kept:
        refuse(counts, promise, cut, seed=seed)
    return cut


def refuse(counts: MatchCounts, promise: Promise, cut: int, *, seed: int = 0) -> NoReturn:
    """Raise the DataError that says why nothing can be promised at the closest cut."""
    found = (counts.right + counts.wrong)[0]
    n, largest = int((found > 0).sum()), float(found.max(initial=0) / max(found.sum(), 1))
    needed = math.ceil(-math.log(1 - promise.confidence) / (1 - promise.precision))
    estimate = counts.interval(cut, seed=seed).estimate
    sure = max(counts.sure(cut, promise.confidence, seed=seed), 0.0)
    raise DataError(
        f"A precision of {promise.precision:g} cannot be promised from these labels at "
        f"{promise.confidence:.0%} confidence. The strictest useful cut has {estimate:.3f}, of "
        f"which {sure:.3f} can be promised, from {n:,} independent sets of matches, the largest "
        f"with {largest:.0%} of them; even without an error it takes about {needed:,} of equal "
        "size. Promise less, label more, or add an encoder."
    )


def cross_choose(
    counts: MatchCounts, promise: Promise, *, scale: float = 1, seed: int = 0
) -> MatchCounts:
    """Measure what the promise comes to: choose on half the blocks, count on the other.

    Returns:
        Counts of all blocks, each at the cut chosen without it, shape ``(1, n_blocks)``.
    """
    n_blocks = counts.right.shape[1]
    if n_blocks < LEAST_BLOCKS:
        raise DataError(
            f"A promise needs at least {LEAST_BLOCKS} independent sets of labelled listings. "
            f"Received: {n_blocks}. Label more."
        )
    half = folds(np.arange(n_blocks), 2, seed) == 0
    chosen = np.empty(n_blocks, np.int64)
    for learn in (half, ~half):
        chosen[~learn] = closest_cut(counts.take(learn), promise, scale=2 * scale, seed=seed)[0]
    return counts.at(chosen)
