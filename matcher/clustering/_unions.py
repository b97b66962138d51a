"""Sets of listings that grow by joining: union-find with a size cap and sets kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.types import Float32, Int64


class Apart:
    """Which clusters may not join; each is named by one number, and joining merges names.

    Args:
        pairs: Numbers of the clusters that are to stay apart, two by two.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._of: dict[int, set[int]] = {}
        for a, b in pairs:
            self._of.setdefault(a, set()).add(b)
            self._of.setdefault(b, set()).add(a)

    def forbids(self, a: int, b: int) -> bool:
        """Whether clusters ``a`` and ``b`` may not join."""
        return b in self._of.get(a, ())

    def join(self, a: int, b: int) -> None:
        """Cluster ``b`` has become part of ``a``: who stays apart from it does so from ``a``."""
        for other in self._of.pop(b, ()):
            theirs = self._of[other]
            theirs.remove(b)
            theirs.add(a)
            self._of.setdefault(a, set()).add(other)


class Unions:
    """A union-find that refuses to join what is too large together, or to stay apart.

    Args:
        size: Listings in each set at the start; a set of more than ``max_size`` stays as it is.
        max_size: Most listings in a set that has been joined.
        apart: Pairs of sets that may not be joined, not through others either.
    """

    def __init__(
        self, size: Sequence[int], max_size: int, apart: Iterable[tuple[int, int]] = ()
    ) -> None:
        self.size = list(size)
        self.max_size = max_size
        self._parent = list(range(len(self.size)))
        self._apart = Apart(apart)

    def root(self, i: int) -> int:
        """Representative of ``i``, halving the path on the way."""
        parent = self._parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(self, a: int, b: int) -> bool:
        """Join the sets of ``a`` and ``b``; return whether they were two and may be one."""
        a, b = self.root(a), self.root(b)
        if a == b or self.size[a] + self.size[b] > self.max_size or self._apart.forbids(a, b):
            return False
        self._parent[b] = a
        self.size[a] += self.size[b]
        self._apart.join(a, b)
        return True

    def roots(self) -> Int64:
        """Representative of each, shape ``(n,)``."""
        return np.array([self.root(i) for i in range(len(self._parent))], np.int64)


def components(rows: Int64, cols: Int64, n: int) -> Int64:
    """Label of the connected component of each of ``n`` listings, shape ``(n,)``."""
    ones = np.ones(len(rows), dtype=np.int8)
    graph = csr_array((ones, (rows, cols)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def limit_clusters(
    labels: Int64,
    edges: tuple[Int64, Int64, Float32],
    max_size: int,
    size: Int64 | None = None,
    apart: Int64 | None = None,
) -> Int64:
    """Build clusters that break a rule anew from their strongest pairs down.

    Each pair that would join too many, or what is to stay apart, is left out (Kruskal's
    algorithm with refusals). Clusters that break no rule stay as they are.

    Args:
        labels: Cluster of each listing, in ``0..n-1``, shape ``(n,)``.
        edges: Ends and scores of the pairs that may join, each pair once.
        max_size: Most listings in a cluster.
        size: How many listings each counts as, shape ``(n,)``; None for 1.
        apart: Pairs that no cluster may hold, shape ``(c, 2)``; None for none.

    Returns:
        New labels, in ``0..2n-1``, shape ``(n,)``.
    """
    n = len(labels)
    size = np.ones(n, np.int64) if size is None else size
    apart = np.empty((0, 2), np.int64) if apart is None else apart
    together = apart[labels[apart[:, 0]] == labels[apart[:, 1]]]
    broken = np.bincount(labels, size, minlength=1) > max_size
    broken[labels[together[:, 0]]] = True
    broken = broken[labels]
    if not broken.any():
        return labels
    rows, cols, scores = edges
    inside = broken[rows] & (labels[rows] == labels[cols])
    rows, cols, scores = rows[inside], cols[inside], scores[inside]
    sets = Unions(size.tolist(), max_size, map(tuple, together.tolist()))
    order = np.lexsort((cols, rows, -scores))
    for a, b in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
        sets.join(a, b)
    labels = labels.copy()
    labels[broken] = n + sets.roots()[broken]  # beyond every label in use
    return labels
