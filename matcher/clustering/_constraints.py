"""Pairs that a person has decided: which listings are one product, and which are two."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from matcher.clustering._unions import components
from matcher.errors import DataError
from matcher.types import Int64


def _no_pairs() -> Int64:
    return np.empty((0, 2), np.int64)


@dataclass(frozen=True, slots=True)
class Constraints:
    """Pairs of listings that must, or must not, end in one cluster.

    Must-link pairs hold through others: a with b and b with c puts a and c together. What is
    to stay apart from one of them stays apart from all. A pair may be given more than once, and
    either way round.

    Attributes:
        cannot_link: Rows of the listings that are different products, shape ``(c, 2)``.
        must_link: Rows of the listings that are one product, shape ``(m, 2)``.

    Raises:
        DataError: If an array is no list of pairs of two rows, or if must-link pairs join the
            rows of a cannot-link pair.

    Example:
        >>> Constraints(cannot_link=np.array([[0, 2]]), must_link=np.array([[0, 1], [1, 2]]))
        Traceback (most recent call last):
        ...
        matcher.errors.DataError: Rows 0 and 2 must not be in one cluster, but must-link pairs \
join them, directly or through others. Take back one of these decisions.
    """

    cannot_link: Int64 = field(default_factory=_no_pairs)
    must_link: Int64 = field(default_factory=_no_pairs)

    def __post_init__(self) -> None:
        _check_pairs(self.cannot_link, "cannot_link")
        _check_pairs(self.must_link, "must_link")
        every = np.concatenate([self.must_link, self.cannot_link])
        _, place = np.unique(every, return_inverse=True)
        must, cannot = np.split(place.reshape(-1, 2), [len(self.must_link)])
        joined = components(must[:, 0], must[:, 1], place.size)
        clash = np.flatnonzero(joined[cannot[:, 0]] == joined[cannot[:, 1]])
        if clash.size:
            a, b = self.cannot_link[clash[0]]
            raise DataError(
                f"Rows {a} and {b} must not be in one cluster, but must-link pairs join them, "
                "directly or through others. Take back one of these decisions."
            )

    def __len__(self) -> int:
        return len(self.cannot_link) + len(self.must_link)

    def rows(self) -> Int64:
        """Rows that a decision names, ascending."""
        return np.unique(np.concatenate([self.cannot_link, self.must_link]))

    def check_rows(self, n: int) -> None:
        """Raise DataError if a decision names a row beyond those of ``n`` listings."""
        last = int(self.rows().max(initial=-1))
        if last >= n:
            raise DataError(
                f"Constraints name rows of the listings, 0 to {n - 1}. Received: row {last}."
            )

    def among(self, rows: Int64) -> Constraints:
        """The same decisions, for a part of the listings.

        Args:
            rows: Rows of the part, ascending; every row that a decision names is among them.

        Returns:
            Constraints on the places in ``rows``.
        """
        pairs = (np.searchsorted(rows, given) for given in (self.cannot_link, self.must_link))
        return Constraints(*pairs)

    def leaders(self, n: int) -> Int64:
        """The lowest row that each of ``n`` listings is must-linked to, or its own; ``(n,)``.

        Raises:
            DataError: If a decision names a row beyond those of ``n`` listings.
        """
        self.check_rows(n)
        labels = components(self.must_link[:, 0], self.must_link[:, 1], n)
        _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        return np.asarray(first[inverse], np.int64)


def _check_pairs(pairs: Int64, name: str) -> None:
    """Raise DataError unless ``pairs`` are pairs of two rows each."""
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise DataError(
            f"{name} must be whole numbers of shape (pairs, 2). "
            f"Received: dtype={pairs.dtype}, shape={pairs.shape}."
        )
    if (pairs < 0).any():
        raise DataError(f"{name} holds row numbers from 0 up. Received: {pairs.min()}.")
    same = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if same.size:
        raise DataError(
            f"{name} pairs two listings. Received: row {pairs[same[0], 0]} with itself."
        )
