"""Why two listings were matched, or nearly were, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from matcher.errors import DataError
from matcher.fusion import ACCEPTED
from matcher.text.attributes import Conflict, conflicts, read_attributes
from matcher.types import (
    Clusters,
    Embeddings,
    Encoded,
    Float32,
    Hashes,
    Int64,
    ScoredPairs,
    SimilarityGraph,
)

BLOCK = 20_000
MOST_EDGES = 4_000_000  # of the listings of one block, which bounds the memory
SHOWN_CONFLICTS = 2
SHOWN_VALUES = 3
BLENDED = 0.02  # a score this far from the cosine of the titles comes from others
SHOWN_TERMS = 4
SHOWN_MODALITIES = 3
WORTH_SAYING = 0.3
NOTHING = "little in common"


def explain_pairs(
    pairs: ScoredPairs,
    left: Mapping[str, Encoded],
    right: Mapping[str, Encoded],
    titles: tuple[Sequence[str], Sequence[str]] | None = None,
    neighbors: SimilarityGraph | None = None,
    holders: Mapping[str, Int64] | None = None,
) -> tuple[str, ...]:
    """Say for each pair what speaks for it, and what against.

    Args:
        pairs: Pairs with the score of every modality.
        left: The encoded listings that ``pairs.left`` points into, by modality.
        right: Those that ``pairs.right`` points into.
        titles: Titles of the listings that ``pairs.left`` and ``pairs.right`` point into, to
            tell conflicts between; None tells none.
        neighbors: The accepted matches among all listings of one table that both sides point
            into, each pair both ways; None tells no neighbours.
        holders: How many listings hold each term, by modality with terms, shape ``(d,)``; None
            counts those of both sides.

    Returns:
        One line a pair, such as "words in common: maling, luncheon (0.83); phash: 2 of 64 bits
        differ; 3 neighbours in common; but mass differs: 397g, 198g". At most three modalities
        speak, the strongest, and none below 0.3; one that can't name what it saw gives way to
        those that can. Of the terms in common, those found in the fewest listings come first.

    Raises:
        DataError: If ``neighbors`` is not of one table, or of another than the pairs'.
    """
    parts = [[reason] for reason in _alike(pairs, left, right, holders)]
    if neighbors is not None:
        for part, n in zip(parts, common_neighbors(pairs, neighbors).tolist(), strict=True):
            part += [f"{n} neighbour{'s' * (n > 1)} in common"] * (n > 0)
    if titles is not None:
        for row, (i, j) in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
            found = conflicts(read_attributes(titles[0][i]), read_attributes(titles[1][j]))
            parts[row] += [f"but {_differences(found)}"] * bool(found)
    return tuple("; ".join(part) for part in parts)


def near_misses(
    candidates: ScoredPairs,
    fused: Float32,
    clusters: Clusters | None,
    most: int = 1000,
    least: float = 0.35,
) -> Int64:
    """Find the candidate pairs that fell short of a match.

    Args:
        candidates: Candidate pairs.
        fused: Their fused scores, shape ``(m,)``. Scores without vetoes show the vetoed pairs
            as well, which otherwise score 0.
        clusters: Clusters of the listings that the candidates point into, within one table: a
            pair fell short if it is not in one cluster, whatever its score. None: if its score
            is below 0.5.
        most: Most pairs to return.
        least: Lowest fused score to return, in [0, 1]; the bound included.

    Returns:
        Positions in ``candidates``, shape at most ``(most,)``: best score first, ties by left,
        then right row.

    Raises:
        DataError: If the number of scores or of clustered listings is not that of the candidates.
    """
    if len(fused) != len(candidates):
        raise DataError(
            "near_misses needs one fused score per candidate pair. Received: "
            f"{len(fused)} scores for {len(candidates)} pairs."
        )
    if clusters is None:
        short = fused < np.float32(ACCEPTED)
    elif len(clusters) == candidates.n_left == candidates.n_right:
        short = clusters.labels[candidates.left] != clusters.labels[candidates.right]
    else:
        raise DataError(
            "near_misses needs the cluster of each listing that the candidates point into. "
            f"Received: {len(clusters)} clustered listings, and candidates among "
            f"{candidates.n_left} and {candidates.n_right}. For a part of the listings, take "
            "its labels; between two tables, pass None."
        )
    found = np.flatnonzero(short & (fused >= np.float32(least)))
    order = np.lexsort((candidates.right[found], candidates.left[found], -fused[found]))
    return np.asarray(found[order][: max(most, 0)], np.int64)


def common_neighbors(pairs: ScoredPairs, neighbors: SimilarityGraph) -> Int64:
    """Count the listings that both listings of each pair are matched with, shape ``(m,)``.

    Raises:
        DataError: If ``neighbors`` is not of one table, or of another than the pairs'.
    """
    n = neighbors.n_rows
    if not n == neighbors.n_cols == pairs.n_left == pairs.n_right:
        raise DataError(
            "Neighbours in common are counted among the listings of one table. Received: matches "
            f"of {n} listings with {neighbors.n_cols}, and pairs of {pairs.n_left} with "
            f"{pairs.n_right}. Between two tables, leave neighbors out."
        )
    ones = np.ones(len(neighbors.indices), np.int32)
    matched = csr_array((ones, neighbors.indices, neighbors.indptr), shape=(n, n))
    degree = np.diff(neighbors.indptr)
    counts = np.zeros(len(pairs), np.int64)
    for block in _blocks(degree[pairs.left] + degree[pairs.right]):
        both = matched[pairs.left[block]].multiply(matched[pairs.right[block]])
        counts[block] = np.asarray(both.sum(axis=1)).ravel()
    return counts


def _blocks(edges: Int64) -> Iterator[slice]:
    """Runs of pairs with a bounded number of edges together, and of pairs."""
    cost = np.cumsum(edges + MOST_EDGES // BLOCK) // MOST_EDGES
    cuts = [0, *(np.flatnonzero(np.diff(cost)) + 1).tolist(), len(edges)]
    return (slice(start, stop) for start, stop in pairwise(cuts) if stop > start)


def _differences(found: Sequence[Conflict]) -> str:
    """Conflicts in words: "volume differs: 150ml, 250ml"."""
    return "; ".join(
        f"{kind} differs: {_values(left)}, {_values(right)}"
        for kind, left, right in found[:SHOWN_CONFLICTS]
    )


def _values(values: Sequence[str]) -> str:
    """What one title says, the first few of it."""
    more = "/…" if len(values) > SHOWN_VALUES else ""
    return "/".join(values[:SHOWN_VALUES]) + more


def _alike(
    pairs: ScoredPairs,
    left: Mapping[str, Encoded],
    right: Mapping[str, Encoded],
    holders: Mapping[str, Int64] | None,
) -> list[str]:
    """Say for each pair which modalities speak for it."""
    names = [name for name in pairs.scores if name in left]
    if not names or not len(pairs):
        return [NOTHING] * len(pairs)
    known = {} if holders is None else holders
    phrases = {
        name: _phrases(name, pairs, left[name], right[name], known.get(name)) for name in names
    }
    table = np.stack([np.nan_to_num(pairs.scores[name]) for name in names])
    behind = np.array([_tie_break(left[name]) for name in names])
    order = np.argsort(behind[:, None] - table.round(2), axis=0, kind="stable")
    reasons = []
    for row, ranked in enumerate(order.T.tolist()):
        worth = [m for m in ranked if table[m, row] >= WORTH_SAYING]
        said = {phrases[names[m]][row].what: m for m in reversed(worth)}  # no amount told twice
        first = sorted(sorted(said.values(), key=worth.index)[:SHOWN_MODALITIES])
        reasons.append("; ".join(phrases[names[m]][row].text for m in first) or NOTHING)
    return reasons


class Phrase(NamedTuple):
    """What one modality says of one pair.

    Attributes:
        what: What it saw, without its name; equal for two that saw the same.
        text: The words.
    """

    what: str
    text: str


def _tie_break(encoded: Encoded) -> float:
    """Whom to let speak first: pictures on equal scores; who can't name what it saw last."""
    if isinstance(encoded, Hashes):
        return -0.001
    return 0.0 if _terms(encoded) or not isinstance(encoded.vectors, csr_array) else 1.0


def _terms(encoded: Encoded) -> tuple[str, ...]:
    """Words for the dimensions, where there are any."""
    return encoded.terms if isinstance(encoded, Embeddings) else ()


def _phrases(
    name: str, pairs: ScoredPairs, left: Encoded, right: Encoded, holders: Int64 | None
) -> list[Phrase]:
    """What one modality says of each pair."""
    scores = pairs.scores[name]
    if isinstance(left, Hashes) or isinstance(right, Hashes):
        bits = np.rint((1 - np.nan_to_num(scores)) * 32).astype(int).tolist()
        told = [f"{b} of 64 bits differ" if b else "identical" for b in bits]
        return [Phrase(name, f"{name}: {difference}") for difference in told]
    if not left.terms:
        return [Phrase(name, f"{name} alike ({score:.2f})") for score in scores.tolist()]
    holders = _count_holders(left, right) if holders is None else holders
    shared = _shared_terms(left, right, pairs, holders)
    both = zip(shared, scores.tolist(), strict=True)
    return [_in_common(name, terms, own, score) for (terms, own), score in both]


def _in_common(name: str, terms: str, own: float, score: float) -> Phrase:
    """The terms in common and the score; where blending made that, also the titles' own."""
    if not terms:
        return Phrase(f"{name} of others", f"{name} alike through other listings ({score:.2f})")
    blended = abs(own - score) > BLENDED
    told = f"{own:.2f}, {score:.2f} through other listings" if blended else f"{score:.2f}"
    return Phrase(terms, f"{name} in common: {terms} ({told})")


def _count_holders(left: Embeddings, right: Embeddings) -> Int64:
    """How many listings of both sides hold each term."""
    tables = [csr_array(side.vectors) for side in ([left] if left is right else [left, right])]
    counts = [np.bincount(table.indices, minlength=len(left.terms)) for table in tables]
    return np.asarray(np.sum(counts, axis=0), np.int64)


def _shared_terms(
    left: Embeddings, right: Embeddings, pairs: ScoredPairs, holders: Int64
) -> list[tuple[str, float]]:
    """For each pair, the shared terms that the fewest listings have, and the cosine."""
    ours, theirs = csr_array(left.vectors), csr_array(right.vectors)
    rows, cols = pairs.left, pairs.right
    told: list[tuple[str, float]] = []
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        product = csr_array(ours[rows[block]].multiply(theirs[cols[block]]))
        rare = holders[product.indices].tolist()
        weights, columns = (-product.data).tolist(), product.indices.tolist()
        for first, last in pairwise(product.indptr.tolist()):
            span = slice(first, last)
            entries = zip(rare[span], weights[span], columns[span], strict=True)
            best = sorted((n, weight, left.terms[c]) for n, weight, c in entries)[:SHOWN_TERMS]
            told.append((", ".join(term for *_, term in best), -sum(weights[span])))
    return told
