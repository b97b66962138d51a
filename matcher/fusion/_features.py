"""What the pair model looks at: scores, ranks, the neighbourhood, and the terms of both titles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np
from scipy.sparse import csr_array, vstack

from matcher.fusion._context import PAIRS, Context
from matcher.types import Embeddings, Float32, Float64, Hashes, Int64, ScoredPairs

MEAN = "mean"  # of all modalities
PLACES = (1, 2, 5)  # of the best candidates whose scores are looked at
Named = Iterator[tuple[str, Float32]]


class PairFeatures:
    """Features of pairs, given all candidates of a run.

    Nothing depends on which of two listings comes first: what is known of each is taken as the
    lower and the higher of the two. Missing values are NaN. Memory is that of the candidates,
    and of the pairs' table.

    Args:
        context: The candidates, and what was encoded.
        modalities: Those whose scores are looked at.
        ranks: Those of them whose lists of candidates are looked at.
        terms: Those of them whose terms are looked at, where they have any.
    """

    def __init__(
        self,
        context: Context,
        modalities: tuple[str, ...],
        ranks: tuple[str, ...],
        terms: tuple[str, ...],
    ) -> None:
        self.context = context
        self.modalities = modalities
        scores = _scores(context.candidates, modalities)
        scores[MEAN] = _mean(scores)
        self._ranked = {name: _Ranked(context, scores[name]) for name in (*ranks, MEAN)}
        self._mean = np.maximum(scores[MEAN], 0)
        self._terms = {name: _Terms(context, name) for name in terms if _has_terms(context, name)}
        self._degrees = context.degrees()
        self._copies = {
            name: _copies(context, name) for name in modalities if _is_hash(context, name)
        }

    def __call__(self, pairs: ScoredPairs) -> tuple[tuple[str, ...], Float32]:
        """Names of the features, and their values, shape ``(m, n_features)``."""
        named = list(self._columns(pairs))
        table = np.empty((len(pairs), len(named)), np.float32)
        for column, (_, values) in enumerate(named):
            table[:, column] = values
        return tuple(name for name, _ in named), table

    def _columns(self, pairs: ScoredPairs) -> Named:
        scores = _scores(pairs, self.modalities)
        scores[MEAN] = _mean(scores)
        for name, values in scores.items():
            yield name, values
            if name in self._ranked:
                for what, column in self._ranked[name](pairs, values):
                    yield f"{name} {what}", column
        for name, terms in self._terms.items():
            for what, column in terms(pairs):
                yield f"{name} {what}", column
        for name, (left, right) in self._copies.items():
            yield f"{name} copies", np.maximum(left[pairs.left], right[pairs.right])
        ours, theirs = self._degrees
        yield from _both("candidates", ours[pairs.left], theirs[pairs.right])
        yield "neighbors in common", self.context.shared_neighbors(self._mean, pairs)


def _scores(pairs: ScoredPairs, modalities: tuple[str, ...]) -> dict[str, Float32]:
    """Scores by modality; NaN throughout for one that did not run."""
    absent = np.full(len(pairs), np.nan, np.float32)
    return {name: pairs.scores.get(name, absent) for name in modalities}


def _mean(scores: Mapping[str, Float32]) -> Float32:
    """Sum of the scores of each pair over the number of modalities; a missing one adds nothing."""
    total = sum(np.nan_to_num(values) for values in scores.values())
    return np.asarray(total / max(len(scores), 1), np.float32)


def _both(what: str, left: Float32 | Int64, right: Float32 | Int64) -> Named:
    """The lower and the higher of what is known of the two listings."""
    yield f"{what} low", np.asarray(np.minimum(left, right), np.float32)
    yield f"{what} high", np.asarray(np.maximum(left, right), np.float32)


class _Ranked:
    """Where pairs stand among the candidates of one modality."""

    def __init__(self, context: Context, scores: Float32) -> None:
        self.left, self.right = context.rankings(scores)
        self.best = [(self.left.nth_best(n), self.right.nth_best(n)) for n in PLACES]
        self.all = np.sort(scores[~np.isnan(scores)])

    def __call__(self, pairs: ScoredPairs, scores: Float32) -> Named:
        ranks = self.left.rank(pairs.left, scores), self.right.rank(pairs.right, scores)
        yield from _both("rank", *ranks)
        below = np.searchsorted(self.all, np.nan_to_num(scores)) / max(len(self.all), 1)
        yield "percentile", np.where(np.isnan(scores), np.nan, below).astype(np.float32)
        for n, (left, right) in zip(PLACES, self.best, strict=True):
            yield from _both(f"best {n}", left[pairs.left], right[pairs.right])
        left, right = self.best[0][0][pairs.left], self.best[0][1][pairs.right]
        yield from _both("share of best", _ratio(scores, left), _ratio(scores, right))


def _has_terms(context: Context, name: str) -> bool:
    tables = context.left.get(name), context.right.get(name)
    return all(isinstance(t, Embeddings) and bool(t.terms) for t in tables)


def _is_hash(context: Context, name: str) -> bool:
    return all(isinstance(table.get(name), Hashes) for table in (context.left, context.right))


def _copies(context: Context, name: str) -> tuple[Float32, Float32]:
    """How many listings of its own table share each listing's hash: blank pictures share one."""
    found = []
    for table in (context.left, context.right):
        hashes = cast(Hashes, table[name])
        _, inverse, counts = np.unique(hashes.codes, return_inverse=True, return_counts=True)
        copies = counts[inverse].astype(np.float32)
        found.append(np.where(hashes.present, copies, np.float32(np.nan)))
    return found[0], found[1]


class _Terms:
    """Terms that two titles share, and terms that only one of them has, by inverse frequency."""

    def __init__(self, context: Context, name: str) -> None:
        tables = [
            csr_array(cast(Embeddings, t[name]).vectors) for t in (context.left, context.right)
        ]
        both = tables[:1] if context.within else tables
        weights = _inverse_frequencies(vstack(both, "csr") if len(both) > 1 else both[0])
        self.left, self.right = (_weighted(table, weights) for table in tables)

    def __call__(self, pairs: ScoredPairs) -> Named:
        blocks = [self._block(pairs, start) for start in range(0, len(pairs), PAIRS)]
        table = np.concatenate(blocks, axis=1) if blocks else np.zeros((9, 0), np.float32)
        n_shared, shared, rarest, n_left, n_right, left, right, lone_left, lone_right = table
        yield "shared terms", n_shared
        yield "shared weight", shared
        yield "rarest shared", rarest
        yield from _both("terms", n_left, n_right)
        yield from _both("unshared weight", left - shared, right - shared)
        yield from _both("rarest unshared", lone_left, lone_right)
        yield from _both("contained", _ratio(shared, left), _ratio(shared, right))

    def _block(self, pairs: ScoredPairs, start: int) -> Float32:
        """Counts and weights of some pairs, shape ``(9, block)``."""
        a = self.left[pairs.left[start : start + PAIRS]]
        b = self.right[pairs.right[start : start + PAIRS]]
        shared = csr_array(a.minimum(b))
        lone = [_largest(csr_array(ours - shared)) for ours in (a, b)]
        counts = [np.diff(table.indptr) for table in (shared, a, b)]
        sums = [np.asarray(table.sum(axis=1)).ravel() for table in (shared, a, b)]
        columns = [counts[0], sums[0], _largest(shared), *counts[1:], *sums[1:], *lone]
        return np.stack([np.asarray(column, np.float32) for column in columns])


def _inverse_frequencies(table: csr_array) -> Float64:
    """ln((1 + n) / (1 + df)) + 1 of each column."""
    frequency = np.bincount(table.indices, minlength=table.shape[1])
    return np.asarray(np.log((1 + table.shape[0]) / (1 + frequency)) + 1, np.float64)


def _weighted(table: csr_array, weights: Float64) -> csr_array:
    """The same terms, each with its weight."""
    return csr_array((weights[table.indices], table.indices, table.indptr), shape=table.shape)


def _largest(table: csr_array) -> Float64:
    """Largest entry of each row, 0 in an empty one."""
    return np.asarray(table.max(axis=1).toarray(), np.float64).ravel()


def _ratio(part: Float32, whole: Float32) -> Float32:
    return np.asarray(part / np.maximum(whole, 1e-6), np.float32)
