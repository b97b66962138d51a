"""What speaks against a label, in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matcher.audit.suspicion import ALONE, NOBODY, Suspicions
from matcher.types import UNLABELLED, Float32, Int64, Listings, SimilarityGraph

UNLIKE = 0.25  # fused score below which a listing resembles no other of its label


class Wording:
    """Says of a listing what speaks against its label.

    Args:
        listings: The listings.
        names: Label of each group, as the table has it.
        groups: Label of each listing, shape ``(n,)``.
        graph: Fused scores of all pairs that were compared, both ways.
        found: How suspicious each listing is.
        twins: By what is the same (title, hash): for each listing, one with the same under
            another label; ``NOBODY`` without one.
    """

    def __init__(
        self,
        listings: Listings,
        names: tuple[str, ...],
        groups: Int64,
        graph: SimilarityGraph,
        found: Suspicions,
        twins: Mapping[str, Int64],
    ) -> None:
        self.ids, self.names, self.groups, self.found = listings.ids, names, groups, found
        self.twins = {name: rows.tolist() for name, rows in twins.items()}
        self.sizes = np.bincount(groups[groups != UNLABELLED]).tolist()
        self.best_own = _best_scores(graph, groups, found.closest_own)

    def why(self, row: int) -> str:
        """Say it of one listing."""
        said = [
            f"same {what} as {self.ids[rows[row]]} under label {self.names[self.groups[rows[row]]]}"
            for what, rows in self.twins.items()
            if rows[row] != NOBODY
        ]
        return "; ".join([*said, self._own(row), *self._other(row)])

    def _own(self, row: int) -> str:
        size = self.sizes[self.groups[row]]
        if size == 1:
            return "the only listing of its label"
        if self.best_own[row] < UNLIKE:
            return f"unlike {_others(size - 1)} of its label (best score {self.best_own[row]:.2f})"
        return f"its own label has support {self.found.own[row]:.2f}"

    def _other(self, row: int) -> list[str]:
        if self.found.closest[row] == NOBODY:
            return []
        code = int(self.found.suggested[row])
        if code in (ALONE, self.groups[row]):
            return [f"no other label has support above {self.found.other[row]:.2f}"]
        return [f"label {self.names[code]} has support {self.found.other[row]:.2f}"]


def _others(n: int) -> str:
    """Name the other listings of a label."""
    return {1: "the other", 2: "both others"}.get(n, f"all {n:,} others")


def _best_scores(graph: SimilarityGraph, groups: Int64, closest: Int64) -> Float32:
    """Score of each row with its closest; 0 without one."""
    best = np.zeros(len(groups), np.float32)
    rows = graph.rows()
    hit = graph.indices == closest[rows]
    best[rows[hit]] = graph.scores[hit]
    return best
