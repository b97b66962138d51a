"""Sets of listings that grow by joining: union-find with a size cap and sets kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.errors import DataError
from matcher.machine_code import compiled
from matcher.types import Float32, Int64

COMPILED_EDGES = 2**17  # fewer are joined before a loop is compiled or read from the disk


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
    """Label the connected component of each of ``n`` listings.

    Args:
        rows: One end of each edge, shape ``(m,)``.
        cols: The other, shape ``(m,)``.
        n: Number of listings.

    Returns:
        Labels by first member, in ``0..k-1``, shape ``(n,)``.

    Raises:
        DataError: If an edge has an end that is no listing.

    Example:
        >>> components(np.array([3, 0]), np.array([1, 0]), 4)
        array([0, 1, 2, 1])
    """
    if len(rows) < COMPILED_EDGES:
        _check_ends(rows, cols, n)
        ones = np.ones(len(rows), dtype=np.int8)
        graph = csr_array((ones, (rows, cols)), shape=(n, n))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)
    roots = join_all(rows, cols, np.ones(n, np.int64), n)
    return np.asarray((np.cumsum(roots == np.arange(n)) - 1)[roots])


def join_all(rows: Int64, cols: Int64, size: Int64, max_size: int) -> Int64:
    """Join the ends of each edge in turn, but for those whose sets are too large together.

    As ``Unions`` does with no sets to be kept apart, in a compiled loop.

    Args:
        rows: One end of each edge, shape ``(m,)``.
        cols: The other, shape ``(m,)``.
        size: Listings in each set at the start, shape ``(n,)``.
        max_size: Most listings in a set that has been joined.

    Returns:
        The first member of the set of each, shape ``(n,)``.

    Raises:
        DataError: If an edge has an end that is no listing.
    """
    _check_ends(rows, cols, len(size))
    left, right = (np.asarray(end, np.int64) for end in (rows, cols))
    return _union_find(left, right, np.array(size, np.int64), max_size)


def _check_ends(rows: Int64, cols: Int64, n: int) -> None:
    """Raise DataError unless all ends are in ``0..n-1``: compiled loops do not look."""
    lowest = min((int(ends.min()) for ends in (rows, cols) if len(ends)), default=0)
    highest = max((int(ends.max()) for ends in (rows, cols) if len(ends)), default=-1)
    if lowest < 0 or highest >= n:
        raise DataError(
            f"Edges must join listings 0 to {n - 1}. Received: {lowest} to {highest}. "
            "Give the number of listings that the rows were counted in."
        )


@compiled()
def _union_find(rows: Int64, cols: Int64, size: Int64, max_size: int) -> Int64:
    """Union-find with path halving; the lower root stays one. Overwrites ``size``."""
    parent = np.arange(len(size))
    for i in range(len(rows)):
        a, b = rows[i], cols[i]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b and size[a] + size[b] <= max_size:
            a, b = min(a, b), max(a, b)
            parent[b] = a
            size[a] += size[b]
    for i in range(len(parent)):
        parent[i] = parent[parent[i]]  # what is before it has its root already
    return parent


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
    order = np.lexsort((cols, rows, -scores))
    roots = _join_in_order(rows[order], cols[order], size, max_size, together)
    labels = labels.copy()
    labels[broken] = n + roots[broken]  # beyond every label in use
    return labels


def _join_in_order(rows: Int64, cols: Int64, size: Int64, max_size: int, apart: Int64) -> Int64:
    """A representative of the set of each listing, shape ``(n,)``."""
    if len(rows) >= COMPILED_EDGES and not len(apart):
        return join_all(rows, cols, size, max_size)
    sets = Unions(size.tolist(), max_size, map(tuple, apart.tolist()))
    for a, b in zip(rows.tolist(), cols.tolist(), strict=True):
        sets.join(a, b)
    return sets.roots()
