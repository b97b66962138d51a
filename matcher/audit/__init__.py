"""Which labels are likely wrong, and why, in words."""

from __future__ import annotations

from matcher.audit.suspicion import (
    ALONE,
    FLAGGED,
    NOBODY,
    Suspicions,
    find_contradictions,
    fit_chance,
    judge_labels,
)
from matcher.audit.wording import Wording

__all__ = [
    "ALONE",
    "FLAGGED",
    "NOBODY",
    "Suspicions",
    "Wording",
    "find_contradictions",
    "fit_chance",
    "judge_labels",
]
