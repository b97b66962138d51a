"""Why two listings were matched, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from matcher.types import Embeddings, Encoded, Hashes, Int64, ScoredPairs

BLOCK = 20_000
SHOWN_TERMS = 4
SHOWN_MODALITIES = 3
WORTH_SAYING = 0.3
NOTHING = "little in common"


def explain_pairs(
    pairs: ScoredPairs,
    left: Mapping[str, Encoded],
    right: Mapping[str, Encoded],
) -> tuple[str, ...]:
    """Say for each pair which modalities speak for it, three at most.

    Args:
        pairs: Pairs with the score of every modality.
        left: The encoded listings that ``pairs.left`` points into, by modality.
        right: Those that ``pairs.right`` points into.

    Returns:
        One line a pair, such as "words in common: canned, luncheon, maling (0.83); phash: 2 of
        64 bits differ". Modalities below 0.3 are left out, and all but the three strongest;
        one that can't name what it saw gives way to those that can.
    """
    names = [name for name in pairs.scores if name in left]
    if not names or not len(pairs):
        return (NOTHING,) * len(pairs)
    phrases = {name: _phrases(name, pairs, left[name], right[name]) for name in names}
    table = np.stack([np.nan_to_num(pairs.scores[name]) for name in names])
    behind = np.array([_tie_break(left[name]) for name in names])
    order = np.argsort(behind[:, None] - table.round(2), axis=0, kind="stable")
    reasons = []
    for row, ranked in enumerate(order.T.tolist()):
        worth = [m for m in ranked if table[m, row] >= WORTH_SAYING]
        said = {phrases[names[m]][row].what: m for m in reversed(worth)}  # no amount told twice
        first = sorted(sorted(said.values(), key=worth.index)[:SHOWN_MODALITIES])
        reasons.append("; ".join(phrases[names[m]][row].text for m in first) or NOTHING)
    return tuple(reasons)


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


def _phrases(name: str, pairs: ScoredPairs, left: Encoded, right: Encoded) -> list[Phrase]:
    """What one modality says of each pair."""
    scores = pairs.scores[name]
    if isinstance(left, Hashes) or isinstance(right, Hashes):
        bits = np.rint((1 - np.nan_to_num(scores)) * 32).astype(int).tolist()
        told = [f"{b} of 64 bits differ" if b else "identical" for b in bits]
        return [Phrase(name, f"{name}: {difference}") for difference in told]
    if not left.terms:
        return [Phrase(name, f"{name} alike ({score:.2f})") for score in scores.tolist()]
    shared = zip(_shared_terms(left, right, pairs.left, pairs.right), scores.tolist(), strict=True)
    return [Phrase(terms, f"{name} in common: {terms} ({score:.2f})") for terms, score in shared]


def _shared_terms(left: Embeddings, right: Embeddings, rows: Int64, cols: Int64) -> list[str]:
    """For each pair, the shared terms that add most to the score."""
    told: list[str] = []
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        theirs = csr_array(right.vectors)[cols[block]]
        product = csr_array(csr_array(left.vectors)[rows[block]].multiply(theirs))
        told += [_strongest(product, i, left.terms) for i in range(product.shape[0])]
    return told


def _strongest(product: csr_array, row: int, terms: Sequence[str]) -> str:
    """The terms of the largest entries of one row, ties in alphabetical order."""
    span = slice(product.indptr[row], product.indptr[row + 1])
    entries = zip((-product.data[span]).tolist(), product.indices[span].tolist(), strict=True)
    best = sorted((weight, terms[column]) for weight, column in entries)[:SHOWN_TERMS]
    return ", ".join(term for _, term in best)
