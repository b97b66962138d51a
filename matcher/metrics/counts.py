"""Precision, recall and F1 of things that are either found or not."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """How many things were predicted, how many there are, how many are in both.

    Attributes:
        correct: Predicted and true.
        predicted: Predicted, right or wrong.
        true: There to be found.

    Example:
        >>> counts = Counts(correct=2, predicted=3, true=5)
        >>> round(counts.precision, 3), counts.recall, counts.f1
        (0.667, 0.4, 0.5)
    """

    correct: int
    predicted: int
    true: int

    @property
    def precision(self) -> float:
        """``correct / predicted``; 1 where nothing is predicted, for then nothing is wrong."""
        return self.correct / self.predicted if self.predicted else 1.0

    @property
    def recall(self) -> float:
        """``correct / true``; 1 where there is nothing to find, for then nothing is missed."""
        return self.correct / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two, ``2 * correct / (predicted + true)``."""
        either = self.predicted + self.true
        return 2 * self.correct / either if either else 1.0
