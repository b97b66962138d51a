"""What a larger (or smaller) catalogue does to the scores of candidates.

Among N listings instead of n a listing meets N / n times as many impostors above any score, while
its genuine partners score what they did. So the impostors' scores are moved until they are those
of the larger catalogue; whatever fits thresholds then fits them for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.calibration._judges import Examples, Judge
from matcher.errors import ConfigError
from matcher.types import Bool, Float32, Float64, Int64, ScoredPairs

TAIL = 200  # impostors from which the tail is fitted
LEAST_SCORE, MOST_SCORE = 1e-6, 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Gallery:
    """A catalogue of another size than that of the labels.

    Attributes:
        encounter: For each candidate pair the two sets of tied listings that it is between, as a
            code; -1 where it is no impostor, or one that would be in a catalogue of any size: of
            one product, of one set, or unlabelled. Shape ``(m,)``.
        ratio: Its size by that of the labelled one; positive.
    """

    encounter: Int64
    ratio: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.ratio) and self.ratio > 0):
            raise ConfigError(f"A gallery has a positive size. Received a ratio of {self.ratio}.")

    @classmethod
    def of(cls, pairs: ScoredPairs, known: Bool, tied: Int64, ratio: float) -> Gallery:
        """See which candidates met by chance.

        Args:
            pairs: Candidates within one table.
            known: Whether each listing has a label, shape ``(n,)``.
            tied: Sets of listings that share a label or a picture, shape ``(n,)``.
            ratio: Size of the catalogue by that of this table.
        """
        left, right = tied[pairs.left], tied[pairs.right]
        chance = (left != right) & known[pairs.left] & known[pairs.right]
        code = np.minimum(left, right) * (int(tied.max(initial=0)) + 1) + np.maximum(left, right)
        return cls(np.where(chance, code, -1), ratio)

    def __call__(self, fused: Float32) -> Float32:
        """Move the scores of impostor pairs to where they would be in that gallery.

        The r-th highest impostor takes the score of the place ``r / ratio``. The places of the
        ``TAIL`` highest are chance; their scores come from an exponential tail on the log-odds
        scale, whose rate is their mean excess. Two large groups that look alike meet in many
        pairs, but they met once: places are counted in encounters of sets, by their best pair.

        Args:
            fused: Fused scores in [0, 1], shape ``(m,)``.

        Returns:
            Scores of the same pairs; those of other pairs are kept.

        Source:
            Hill, "A simple general approach to inference about the tail of a distribution",
            Annals of Statistics 3, 1975 (mean log excess).
        """
        rows = np.flatnonzero((self.encounter >= 0) & (fused > LEAST_SCORE))
        if self.ratio == 1 or not len(rows):
            return fused
        scores = _log_odds(fused[rows])
        order = np.lexsort((self.encounter[rows], -scores))
        _, first = np.unique(self.encounter[rows][order], return_index=True)
        met = scores[order][np.sort(first)]
        places = np.arange(len(met)) + 0.5
        moved = _quantiles(met, np.interp(-scores, -met, places) / self.ratio)
        moved = np.maximum(moved, scores) if self.ratio > 1 else np.minimum(moved, scores)
        result = fused.copy()
        result[rows] = (1 / (1 + np.exp(-moved))).astype(np.float32)
        return result


@dataclass(frozen=True, slots=True)
class GalleryJudge:
    """Judges fused scores as they would be in a gallery of another size."""

    judge: Judge
    gallery: Gallery

    @property
    def pairs(self) -> ScoredPairs:
        """The candidates that are judged."""
        return self.judge.pairs

    def __call__(self, fused: Float32) -> float:
        """Return a figure in [0, 1], higher is better."""
        return self.judge(self.gallery(fused))

    def examples(self) -> Examples:
        """Those of the judge: what a pair of one product looks like does not change."""
        return self.judge.examples()


def _quantiles(ordered: Float64, places: Float64) -> Float64:
    """Scores at (fractional) places of a descending sequence, the highest by a fitted tail."""
    m = min(TAIL, len(ordered))
    start = ordered[m - 1]
    rate = float((ordered[:m] - start).mean())
    body = np.interp(places, np.arange(len(ordered)) + 0.5, ordered)
    tail = start + rate * np.log(m / np.minimum(places, m))
    return np.where(places < m, tail, body)


def _log_odds(scores: Float32) -> Float64:
    inside = np.clip(scores.astype(np.float64), LEAST_SCORE, MOST_SCORE)
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float64)
