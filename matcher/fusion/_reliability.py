"""How far the probabilities of a pair model are true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.errors import DataError
from matcher.types import Float64, Int64

COLUMNS = ("predicted", "observed", "weight")
FIGURES = ("brier", "error")


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How far probabilities are true: of the pairs that get 0.8, 80 % should be matches.

    The bins are of equal width and cover [0, 1].

    Attributes:
        predicted: Mean probability of the pairs in each bin; NaN where there is none.
        observed: Share of matches there.
        weight: Weight of the pairs there.
        n_pairs: Number of pairs there.
        brier: Mean squared difference between probability and truth, in [0, 1]; lower is better.
        error: Mean difference between ``predicted`` and ``observed``, by weight, in [0, 1]
            (expected calibration error).

    Raises:
        DataError: If the columns do not have one value a bin, or one is out of range.

    Source:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 2; Brier,
        "Verification of forecasts expressed in terms of probability", 1950.
    """

    predicted: Float64
    observed: Float64
    weight: Float64
    n_pairs: Int64
    brier: float
    error: float

    def __post_init__(self) -> None:
        columns = (self.predicted, self.observed, self.weight, self.n_pairs)
        shapes = {column.shape for column in columns}
        if len(shapes) > 1 or self.predicted.ndim != 1 or not len(self.predicted):
            raise DataError(
                "Reliability has one value a bin in each of its columns. Received shapes: "
                f"{', '.join(str(column.shape) for column in columns)}."
            )
        some = self.weight > 0
        shares = np.concatenate([self.predicted[some], self.observed[some]])
        shares = np.append(shares, [self.brier, self.error])
        counted = np.isfinite(self.weight).all() and (self.weight >= 0).all()
        if not (counted and (self.n_pairs >= 0).all() and _within(shares)):
            raise DataError(
                "Reliability has shares in [0, 1] where there are pairs, and weights and numbers "
                f"of pairs of 0 or more. Received: {self}."
            )

    def plain(self) -> dict[str, Any]:
        """Values that JSON can hold; None for NaN."""
        columns = {name: _without_nan(getattr(self, name)) for name in COLUMNS}
        return {
            **columns,
            "n_pairs": self.n_pairs.tolist(),
            "brier": self.brier,
            "error": self.error,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Reliability:
        """Build from what ``plain`` gave.

        Raises:
            DataError: If a value is missing, or makes no sense.
        """
        try:
            predicted, observed, weight = (np.array(plain[name], np.float64) for name in COLUMNS)
            brier, error = (float(plain[name]) for name in FIGURES)
            n_pairs = np.array(plain["n_pairs"], np.int64)
            return cls(predicted, observed, weight, n_pairs, brier, error)
        except DataError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError) as reason:
            wanted = ", ".join((*COLUMNS, "n_pairs", *FIGURES))
            raise DataError(
                f"Reliability is stored as {wanted}, in numbers. Received: {plain!r}."
            ) from reason


def _within(shares: Float64) -> bool:
    """Whether all lie in [0, 1], a rounding error aside."""
    return bool(((shares >= -1e-9) & (shares <= 1 + 1e-9)).all())  # NaN compares as False


def _without_nan(column: Float64) -> list[float | None]:
    return [None if np.isnan(value) else value for value in column.tolist()]
