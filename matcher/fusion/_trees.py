"""Boosted regression trees as plain arrays: what a learner left, without the learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import DataError
from matcher.types import Bool, Float32, Float64, Int64

BLOCK = 16_384  # rows at a time: their features stay in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """A sum of regression trees.

    A node sends a row to its left child where ``row[feature] <= threshold``, and where the
    feature is missing (NaN) and ``missing_left`` says so. A leaf is its own two children.

    Attributes:
        feature: Column each node looks at, shape ``(n_nodes,)``.
        threshold: Shape ``(n_nodes,)``.
        missing_left: Shape ``(n_nodes,)``.
        left: Left child of each node; behind it in the order of nodes, or itself for a leaf.
        right: Likewise.
        value: What a leaf adds to the sum, shape ``(n_nodes,)``.
        roots: First node of each tree, shape ``(n_trees,)``.
        n_features: Number of columns it was trained on.
    """

    feature: Int64
    threshold: Float64
    missing_left: Bool
    left: Int64
    right: Int64
    value: Float64
    roots: Int64
    n_features: int

    def __post_init__(self) -> None:
        nodes = np.arange(len(self.feature))
        columns = (self.threshold, self.missing_left, self.left, self.right, self.value)
        if any(len(column) != len(nodes) for column in columns):
            raise DataError("Every column of a tree must have one value per node.")
        leaf = self.left == nodes
        forward = (self.left > nodes) & (self.right > nodes) & (self.right < len(nodes))
        forward &= self.left < len(nodes)
        known = (self.feature >= 0) & (self.feature < self.n_features)
        inside = (self.roots >= 0) & (self.roots < max(len(nodes), 1))
        if not ((leaf & (self.right == nodes)) | (forward & known)).all() or not inside.all():
            raise DataError(
                "The nodes of a tree must lead to later nodes and look at known features. "
                "The model is damaged: train it again."
            )

    def __call__(self, rows: Float32) -> Float64:
        """Sum of the trees for each row, shape ``(n,)``.

        Args:
            rows: Features, NaN where missing, shape ``(n, n_features)``.

        Raises:
            DataError: If the rows have another number of features.
        """
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise DataError(
                f"The model was trained on {self.n_features} features. "
                f"Received rows of shape {rows.shape}."
            )
        total = np.zeros(len(rows))
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            for root in self.roots.tolist():
                total[start : start + BLOCK] += self.value[self._leaf(root, block)]
        return total

    def _leaf(self, root: int, rows: Float32) -> Int64:
        """The leaf of one tree that each row ends in."""
        node = np.full(len(rows), root, np.int64)
        open_rows = np.arange(len(rows)) if self.left[root] != root else np.arange(0)
        while len(open_rows):
            at = node[open_rows]
            seen = rows[open_rows, self.feature[at]]
            goes_left = np.where(np.isnan(seen), self.missing_left[at], seen <= self.threshold[at])
            node[open_rows] = at = np.where(goes_left, self.left[at], self.right[at])
            open_rows = open_rows[self.left[at] != at]
        return node

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Arrays by name, as ``of`` takes them."""
        names = ("feature", "threshold", "missing_left", "left", "right", "value", "roots")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]], n_features: int) -> Trees:
        """Build from stored arrays.

        Raises:
            DataError: If one is missing, or they are no trees.
        """
        kinds = {"threshold": np.float64, "value": np.float64, "missing_left": np.bool_}
        names = ("feature", "threshold", "missing_left", "left", "right", "value", "roots")
        missing = [name for name in names if name not in tensors]
        if missing:
            raise DataError(f"The model lacks {', '.join(missing)}: train it again.")
        columns: dict[str, Any] = {
            n: np.asarray(tensors[n], kinds.get(n, np.int64)).ravel() for n in names
        }
        return cls(**columns, n_features=n_features)
