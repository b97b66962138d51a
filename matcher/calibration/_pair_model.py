"""Training the pair model so that nothing it says of a labelled pair comes from that label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matcher.calibration._judges import Examples
from matcher.calibration._learners import grow
from matcher.errors import DataError
from matcher.fusion import PairModel, PairsFusion, vetoed
from matcher.fusion._reliability import Reliability
from matcher.progress import tracked
from matcher.training.splits import folds
from matcher.types import Bool, Float32, Float64, Int64, ScoredPairs

__all__ = ["Reliability", "TrainedPairs", "reliability", "train_pairs"]

FOLDS = 4
LEAST_PAIRS = 20  # of either kind
OUTSIDE = -1
BINS = 10


@dataclass(frozen=True, slots=True)
class TrainedPairs:
    """A trained pair model.

    Attributes:
        fusion: With the model trained on all examples, which holds ``reliability`` too.
        fused: Probability of each pair; that of an example comes from models that saw no pair
            of its two products.
        reliability: Of ``fused``, on the examples.
    """

    fusion: PairsFusion
    fused: Float32
    reliability: Reliability


def train_pairs(
    fusion: PairsFusion, pairs: ScoredPairs, examples: Examples, seed: int = 0
) -> TrainedPairs:
    """Train on labelled pairs, and calibrate on predictions of models that left them out.

    Args:
        fusion: Bound to the candidates; its settings say how to train.
        pairs: The pairs that the examples are about, and others.
        examples: A row a pair.
        seed: Seeds the learner.

    Raises:
        DataError: If there are fewer than 20 matches or 20 other pairs.
    """
    known = examples.weight > 0
    n_right, n_wrong = int(examples.truth[known].sum()), int((~examples.truth[known]).sum())
    if min(n_right, n_wrong) < LEAST_PAIRS:
        n_products = len(_products(examples, known))
        raise DataError(
            f"The pair model learns from at least {LEAST_PAIRS} candidate pairs that are matches "
            "and as many that are not, those held out to say what to expect not counted. "
            f"Received: {n_right:,} and {n_wrong:,}, of {n_products:,} products. Label "
            "more, of other products, or fit thresholds (fusion method: boundary)."
        )
    names, rows = fusion.features(pairs)
    raw = _left_out(fusion, rows, examples, seed)
    slope, offset = _platt(raw[known], examples.truth[known], examples.weight[known])
    trees = grow(fusion, rows[known], examples.truth[known], examples.weight[known], seed)
    raw[~known] = trees(rows[~known])
    model = PairModel(trees, names, slope, offset)
    fused = model.probability(raw)
    told = reliability(fused[known], examples.truth[known], examples.weight[known])
    fused[vetoed(pairs, fusion.vetoes)] = 0
    model = replace(model, reliability=told)
    return TrainedPairs(fusion.with_model(model), fused, told)


def _left_out(fusion: PairsFusion, rows: Float32, examples: Examples, seed: int) -> Float64:
    """Log-odds of the examples, by models that saw no pair of either of their products."""
    known = examples.weight > 0
    total, times = np.zeros(len(rows)), np.zeros(len(rows))
    left, right = _deal(examples, known, seed)
    for fold in tracked(range(FOLDS), "pair model", FOLDS):
        touched = (left == fold) | (right == fold)
        learning = known & ~touched
        if len(np.unique(examples.truth[learning])) < 2:
            raise DataError(
                "The labelled matches are too few products to learn from some of them and check "
                "on the others. Label more products."
            )
        trees = grow(
            fusion, rows[learning], examples.truth[learning], examples.weight[learning], seed
        )
        asked = known & touched
        total[asked] += trees(rows[asked])
        times[asked] += 1
    return np.asarray(total / np.maximum(times, 1), np.float64)


def _deal(examples: Examples, known: Bool, seed: int) -> tuple[Int64, Int64]:
    """Folds of the left and of the right product of each pair; -1 for none.

    Raises:
        DataError: If there are fewer products than folds.
    """
    products = _products(examples, known)
    if len(products) < FOLDS:
        raise DataError(f"The pair model needs at least {FOLDS} products. Label more.")
    fold_of = folds(np.arange(len(products)), FOLDS, seed)
    dealt = []
    for product in (examples.left, examples.right):
        at = np.minimum(np.searchsorted(products, product), len(products) - 1)
        inside = (products[at] == product) & (product != OUTSIDE)
        dealt.append(np.where(inside, fold_of[at], OUTSIDE))
    return dealt[0], dealt[1]


def _products(examples: Examples, known: Bool) -> Int64:
    """Numbers of the products that the labelled pairs are of, ascending."""
    both = np.concatenate([examples.left[known], examples.right[known]])
    return np.unique(both[both != OUTSIDE])


def _platt(raw: Float64, truth: Bool, weight: Int64) -> tuple[float, float]:
    """Slope and offset of a logistic curve from log-odds to probabilities (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    curve = LogisticRegression(C=1e6).fit(raw[:, None], truth, sample_weight=weight)
    return max(float(curve.coef_[0, 0]), 1e-3), float(curve.intercept_[0])


def reliability(probabilities: Float32, truth: Bool, weight: Int64) -> Reliability:
    """Compare probabilities with what is true, in ten bins of equal width.

    Args:
        probabilities: In [0, 1], shape ``(m,)``.
        truth: Whether each pair is a match, shape ``(m,)``.
        weight: How many times each pair counts, shape ``(m,)``; one of weight 0 is left out.

    Raises:
        DataError: If no pair has any weight.

    Example:
        >>> told = reliability(np.float32([0.25, 0.25]), np.array([True, False]), np.ones(2, int))
        >>> told.observed[2].item(), told.n_pairs[2].item(), told.error, told.brier
        (0.5, 2, 0.25, 0.3125)
    """
    if not (weight > 0).any():
        raise DataError(
            "Reliability is measured on labelled pairs. Received: none with a weight above 0."
        )
    place = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    columns = weight, weight * probabilities, weight * truth
    sums = np.stack([np.bincount(place, np.asarray(c, np.float64), BINS) for c in columns])
    with np.errstate(invalid="ignore"):
        predicted, observed = sums[1:] / sums[0]
    gaps = np.nan_to_num(np.abs(predicted - observed))
    brier = np.average((probabilities - truth) ** 2, weights=weight)
    error = float((gaps * sums[0]).sum() / sums[0].sum())
    n_pairs = np.bincount(place[weight > 0], minlength=BINS)
    return Reliability(predicted, observed, sums[0], n_pairs, float(brier), error)
