"""Right and wrong matches by block, for a series of cuts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from matcher.calibration._promise import MatchCounts
from matcher.errors import DataError
from matcher.training.splits import super_components
from matcher.types import UNLABELLED, Bool, Float32, Float64, Int64, ScoredPairs

STEPS = 40


def shares_kept(steps: int = STEPS) -> Float64:
    """Shares of the accepted pairs that ever stricter cuts keep, from 1 downwards."""
    return np.linspace(1, 0, steps, endpoint=False)


def cuts_keeping(fused: Float32, n_pairs: Int64) -> tuple[float, ...]:
    """Find the cuts that keep given numbers of pairs, ties of the last one included.

    Numbers of pairs mean the same whatever the scale of a fusion's scores; cuts do not.

    Args:
        fused: Scores of the candidates, shape ``(m,)``.
        n_pairs: Numbers of pairs, descending.
    """
    ordered = np.sort(fused)[::-1]
    places = np.clip(n_pairs, 1, max(len(ordered), 1)) - 1
    return tuple(float(ordered[i]) if len(ordered) else 1.0 for i in places)


def count_matches(labels: Iterable[Int64], groups: Int64, tied: Int64, rows: Bool) -> MatchCounts:
    """Count the matches among some rows by block.

    Pairs with another listing are left out, so that labels of other rows play no part. To make up
    for the impostors among those, each wrong pair counts as many times as there are labelled
    listings for each of ``rows``; within a tied set once, for such a set is never split.

    Args:
        labels: For each cut the clusters of all listings, shape ``(n,)`` each.
        groups: True product of each listing, shape ``(n,)``; ``UNLABELLED`` counts neither way.
        tied: Sets of listings that are not independent, shape ``(n,)``.
        rows: Listings to count; whole sets.

    Raises:
        DataError: If none of ``rows`` is labelled.
    """
    known = groups != UNLABELLED
    keep = np.flatnonzero(rows & known)
    if not len(keep):
        raise DataError("A precision needs labelled listings to be measured on. Received: none.")
    partitions = [found[keep] for found in labels]
    block = super_components(tied[keep])
    for found in partitions:
        block = super_components(block, found)
    weight = known.sum() / len(keep)
    n = int(block.max()) + 1
    right = np.empty((len(partitions), n))
    wrong = np.empty_like(right)
    for i, found in enumerate(partitions):
        together, tied_too, right[i] = (
            _pairs_by_block(_cells(found, *columns), block, n)
            for columns in ((), (tied[keep],), (groups[keep],))
        )
        # Listings of one set are all here, or none is; others are here in proportion.
        wrong[i] = tied_too - right[i] + (together - tied_too) * weight
    return MatchCounts(right, wrong)


def _cells(*columns: Int64) -> Int64:
    """Number the combinations of several columns."""
    return np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel()


def _pairs_by_block(sets: Int64, block: Int64, n_blocks: int) -> Float64:
    """Unordered pairs of rows in one set, by the block that the set lies in."""
    _, first, sizes = np.unique(sets, return_index=True, return_counts=True)
    pairs = sizes * (sizes - 1) / 2
    return np.asarray(np.bincount(block[first], pairs, minlength=n_blocks), np.float64)


def count_pair_matches(
    fused: Float32,
    pairs: ScoredPairs,
    cuts: Sequence[float],
    groups: Int64,
    tied: Int64,
    rows: Bool,
) -> MatchCounts:
    """Count as ``count_matches`` does, where the accepted pairs themselves are the matches.

    Args:
        fused: Scores of the candidates, shape ``(m,)``.
        pairs: The candidates, within one table.
        cuts: Lowest scores accepted, the loosest first.
        groups: As for ``count_matches``.
        tied: As for ``count_matches``.
        rows: As for ``count_matches``.
    """
    known = groups != UNLABELLED
    keep = rows & known
    if not keep.any():
        raise DataError("A precision needs labelled listings to be measured on. Received: none.")
    inside = keep[pairs.left] & keep[pairs.right] & (fused >= np.float32(cuts[0]))
    left, right, scores = pairs.left[inside], pairs.right[inside], fused[inside]
    block = super_components(*_ends(tied, left, right))[: len(tied)]
    block = np.unique(block, return_inverse=True)[1]
    n = int(block.max()) + 1
    same = groups[left] == groups[right]
    weight = np.where(tied[left] == tied[right], 1.0, known.sum() / keep.sum())
    shape = len(cuts), n
    counts = MatchCounts(np.empty(shape), np.empty(shape))
    for i, cut in enumerate(cuts):
        accepted = scores >= np.float32(cut)
        counts.right[i] = np.bincount(block[left[accepted & same]], minlength=n)
        wrong = accepted & ~same
        counts.wrong[i] = np.bincount(block[left[wrong]], weight[wrong], minlength=n)
    return counts.take(np.unique(block[keep]))


def _ends(tied: Int64, left: Int64, right: Int64) -> tuple[Int64, Int64]:
    """Two columns of codes that tie the listings of a set, and the ends of each pair.

    A row for each listing, then two for each pair, one for each of its ends.
    """
    ends = np.concatenate([left, right])
    pair = np.tile(np.arange(len(left)), 2)
    alone = np.full(len(tied), -1)
    return np.concatenate([tied, tied[ends]]), np.concatenate([alone, pair])


def count_labelled_pairs(
    fused: Float32, truth: Bool, pairs: ScoredPairs, cuts: Sequence[float]
) -> MatchCounts:
    """Count accepted pairs of a labelled list by block: pairs tied by common listings.

    Args:
        fused: Their scores, shape ``(m,)``.
        truth: Whether each is a match, shape ``(m,)``.
        pairs: The pairs; within one table, or from one to another.
        cuts: Lowest scores accepted.
    """
    block = pair_blocks(pairs)
    n = int(block.max(initial=-1)) + 1
    accepted = [fused >= np.float32(cut) for cut in cuts]
    return MatchCounts(
        np.stack([np.bincount(block[a & truth], minlength=n) for a in accepted]).astype(float),
        np.stack([np.bincount(block[a & ~truth], minlength=n) for a in accepted]).astype(float),
    )


def pair_blocks(pairs: ScoredPairs, within: bool = True) -> Int64:
    """Number the sets of pairs tied by common listings, shape ``(m,)``."""
    right = pairs.right if within else pairs.right + pairs.n_left
    ends = np.concatenate([pairs.left, right])
    every = np.tile(np.arange(len(pairs)), 2)
    return super_components(every, ends)[: len(pairs)]
