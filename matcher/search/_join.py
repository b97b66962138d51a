"""The way every index answers: propose among different rows, score exactly, spread to all.

An index makes a ``Plan``: blocks of queries, and a function that returns for a block at
least the pairs that belong in the answer. Everything else happens here and is the same for
all of them: exact scores, bounds, ties, rows without signal, repeated rows, self-pairs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np

from matcher.errors import ConfigError
from matcher.progress import tracked
from matcher.search._checks import check_comparable, check_kind
from matcher.search._distinct import Distinct
from matcher.search._scores import pair_scores
from matcher.search._threads import in_order
from matcher.similarity import check_score
from matcher.types import Encoded, Float32, Int64, SimilarityGraph

Pairs: TypeAlias = tuple[Int64, Int64]


@dataclass(frozen=True, slots=True)
class Limits:
    """What belongs in the answer.

    Attributes:
        k: Neighbours kept per row; None keeps all.
        min_score: Lowest score kept, itself included; None keeps all.

    Raises:
        ConfigError: If neither is given, or one is out of range.
    """

    k: int | None
    min_score: float | None

    def __post_init__(self) -> None:
        if self.k is None and self.min_score is None:
            raise ConfigError("A search needs k, min_score or both. Received: neither.")
        if self.k is not None and (not isinstance(self.k, Integral) or self.k < 1):
            raise ConfigError(f"k must be a whole number of at least 1. Received: {self.k}.")
        if self.min_score is not None:
            check_score(self.min_score)

    @property
    def floor(self) -> float:
        """Lowest score kept, as float32; -1, which all reach, when there is no bound."""
        return -1.0 if self.min_score is None else float(np.float32(self.min_score))


class Plan(NamedTuple):
    """How one index finds candidates.

    Attributes:
        blocks: Spans of queries, ascending, that together cover all.
        propose: Returns the rows and columns of at least all pairs of a block that belong
            in the answer; no pair twice. Called from several threads.
        half: Whether it proposes only pairs whose column is not below the row. What is found
            is mirrored.
    """

    blocks: list[slice]
    propose: Callable[[slice], Pairs]
    half: bool = False


class Edges(NamedTuple):
    """Scored pairs, column by column."""

    rows: Int64
    cols: Int64
    scores: Float32


NO_EDGES = Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


class JoinIndex(ABC):
    """What all indexes share; a new one says which ``kinds`` it holds and makes a ``Plan``.

    Args:
        encoded: Rows to search in.

    Raises:
        DataError: If ``encoded`` is of a kind that the index cannot hold.
    """

    kinds: ClassVar[tuple[str, ...]]

    def __init__(self, encoded: Encoded) -> None:
        check_kind(encoded, self.kinds, type(self).__name__)
        self.encoded = encoded
        self._held = Distinct.of(encoded)

    def search(
        self, queries: Encoded, k: int | None = None, min_score: float | None = None
    ) -> SimilarityGraph:
        """Find the indexed rows closest to each query.

        Args:
            queries: Encoded by the encoder of the indexed rows.
            k: Neighbours kept per query.
            min_score: Lowest similarity kept, in [-1, 1]; the bound itself is kept.

        Returns:
            Of each query the ``k`` best rows that reach ``min_score``, best first, ties by
            lower row. Rows without signal neither find nor are found.

        Raises:
            ConfigError: If neither limit is given, or one is out of range.
            DataError: If the queries came from another encoder.
        """
        check_comparable(queries, self.encoded)
        return self._join(Distinct.of(queries), Limits(k, min_score), within=False)

    def search_within(
        self, k: int | None = None, min_score: float | None = None
    ) -> SimilarityGraph:
        """Find the other indexed rows closest to each indexed row, as ``search`` does.

        A row is left out of its own neighbours; another row with the same vector is not.
        """
        return self._join(self._held, Limits(k, min_score), within=True)

    @abstractmethod
    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        """Say how to find candidates among the different rows, ``self._held.encoded``.

        Args:
            queries: Different rows that all carry a signal.
            limits: What is wanted of them; a row itself counts as found.
            within: Whether the queries are the rows held. Where ``limits.k`` is None too, a
                plan of half the pairs will do.
        """

    def _join(self, queries: Distinct, limits: Limits, within: bool) -> SimilarityGraph:
        # A row finds itself, but not always first: twins tie with it. Hence one more.
        wanted = None if limits.k is None else limits.k + within
        edges = NO_EDGES
        if queries.n_different and self._held.n_different:
            edges = self._find(queries.encoded, Limits(wanted, limits.min_score), within)
        return _repeat(edges, queries, self._held, limits.k, within)

    def _find(self, queries: Encoded, limits: Limits, within: bool) -> Edges:
        """Edges from different queries to all listings held."""
        held, plan = self._held, self._plan(queries, limits, within)

        def settle(block: slice) -> Edges:
            rows, cols = plan.propose(block)
            scores = pair_scores(queries, held.encoded, rows, cols)
            kept = scores >= limits.floor
            found = Edges(rows[kept], cols[kept], scores[kept])
            return found if plan.half else _finish(found, held, limits.k)

        settled = tracked(in_order(settle, plan.blocks), "search", len(plan.blocks))
        edges = Edges(*(np.concatenate(column) for column in zip(*settled, strict=True)))
        return _finish(_mirror(edges), held, None) if plan.half else edges


def _finish(edges: Edges, held: Distinct, k: int | None) -> Edges:
    """The ``k`` best edges of each row to all listings held, from those to different rows."""
    best = _best(edges, k)
    if held.n_different == len(held.members):  # each stands for itself, in the same order
        return Edges(best.rows, held.members[best.cols], best.scores)
    return _best(_spread(best, held, k), k)


def _mirror(edges: Edges) -> Edges:
    """Both directions of edges that are given in one."""
    rows, cols, scores = edges
    others = rows != cols
    return Edges(
        np.concatenate([rows, cols[others]]),
        np.concatenate([cols, rows[others]]),
        np.concatenate([scores, scores[others]]),
    )


def _best(edges: Edges, k: int | None) -> Edges:
    """Sort the edges, then keep the first ``k`` of each row."""
    order = _sorted(edges)
    if k is not None:
        order = order[rank_in_row(edges.rows[order]) < k]
    return Edges(edges.rows[order], edges.cols[order], edges.scores[order])


def _sorted(edges: Edges) -> Int64:
    """Order by row, then higher score, then column.

    One number stands for row and score, which sorts ten times faster than three keys do.
    Columns settle the ties that are left.
    """
    bits = (edges.scores + np.float32(0)).view(np.int32)  # -0 and 0 tie
    ascending = np.where(bits < 0, bits ^ np.int32(2**31 - 1), bits)
    key = (edges.rows << 32) - ascending
    order = np.argsort(key)
    key = key[order]
    same = key[1:] == key[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    order[tied] = order[tied][np.lexsort((edges.cols[order[tied]], key[tied]))]
    return order


def rank_in_row(rows: Int64) -> Int64:
    """Place of each edge among those of its row, from 0; rows ascend."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))


def _spread(edges: Edges, held: Distinct, k: int | None) -> Edges:
    """Give each edge to every listing that its column stands for, or to the first ``k``.

    No listing beyond the first ``k`` of its kind can be among the ``k`` best: those before
    it score the same and have lower rows.
    """
    sizes = held.sizes[edges.cols]
    sizes = sizes if k is None else np.minimum(sizes, k)
    members = held.members[ragged(held.starts[edges.cols], sizes)]
    return Edges(np.repeat(edges.rows, sizes), members, np.repeat(edges.scores, sizes))


def _repeat(
    edges: Edges, queries: Distinct, held: Distinct, k: int | None, within: bool
) -> SimilarityGraph:
    """Give every query the edges of the different row it is."""
    # One count more than there are numbers: it is 0, and -1 (without signal) points to it.
    counts = np.bincount(edges.rows, minlength=queries.n_different + 1)
    starts = np.cumsum(counts) - counts
    rows = np.repeat(np.arange(len(queries)), counts[queries.number])
    at = ragged(starts[queries.number], counts[queries.number])
    if within:
        others = edges.cols[at] != rows
        rows, at = rows[others], at[others]
        if k is not None:
            kept = rank_in_row(rows) < k
            rows, at = rows[kept], at[kept]
    ends = np.cumsum(np.bincount(rows, minlength=len(queries)))
    indptr = np.concatenate([[0], ends]).astype(np.int64)
    return SimilarityGraph(indptr, edges.cols[at], edges.scores[at], len(held))


def ragged(starts: Int64, sizes: Int64) -> Int64:
    """Concatenate ``arange(start, start + size)`` of every start.

    Example:
        >>> ragged(np.array([7, 2]), np.array([2, 3]))
        array([7, 8, 2, 3, 4])
    """
    ends = np.cumsum(sizes)
    return np.repeat(starts - ends + sizes, sizes) + np.arange(ends[-1] if len(ends) else 0)
