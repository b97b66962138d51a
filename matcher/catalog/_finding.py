"""Pairs of new listings with those that are there, and with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from matcher.catalog._gallery import Gallery
from matcher.catalog._segments import Block, Segment
from matcher.search import rank_in_row, take_rows
from matcher.store import Edges
from matcher.types import Float32, Int64

# Listings looked up together: bounds the memory.
AT_ONCE = 2_048
# Candidates of a listing in one modality and segment.
MOST_CANDIDATES = 500
# Edges that a listing brings with it.
MOST_EDGES = 100
# Listings from which all pairs among them are looked for at once, and a sample that says whether
# that can be: a crowd of one in thirty is in it all but surely.
MANY, SAMPLE = 2_048, 200
PAIRS_AT_ONCE = 1 << 20
NOTHING = np.zeros(0, np.int64)

# Positions among the new listings, rows of the store, fused scores.
Pairs: TypeAlias = tuple[Int64, Int64, Float32]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        edges: Between the oldest listings of each kind.
        crowded: Rows that are like more listings than are kept.
    """

    edges: Edges
    crowded: frozenset[int] = field(default_factory=frozenset)


def find_edges(gallery: Gallery, new: Segment) -> Found:
    """Find the pairs that new listings bring.

    Candidates reach the lowest score of a modality that proposes; they are kept where their
    fused score reaches the floor. Each pair is judged by itself, so that what is found depends
    neither on the batch nor on the order, as far as no listing is crowded.

    Args:
        gallery: All listings, the new ones included.
        new: The segment of ``gallery`` that holds the new ones.
    """
    block = new.block
    fresh = np.array([p for p in block.firsts.tolist() if _is_first(gallery, block, p)], np.int64)
    pairs: list[Pairs] = []
    crowded: set[int] = set()
    for segment in gallery.segments:
        if segment is new and len(fresh) >= MANY and not _is_crowded(block, fresh):
            for left, right, scores in _judged(block, _within(block, fresh), block):
                pairs.append((left, block.rows[right], scores))
                pairs.append((right, block.rows[left], scores))
            continue
        for start in range(0, len(fresh), AT_ONCE):
            asked = fresh[start : start + AT_ONCE]
            found = _across(block, asked, segment, crowded)
            for left, right, scores in _judged(block, found, segment.block):
                heads = _heads(gallery, segment, right)
                other = (heads >= 0) & (heads != block.rows[left])
                pairs.append((left[other], heads[other], scores[other]))
        segment.block.rest()
    return _keep_best(block, pairs, crowded)


def _is_first(gallery: Gallery, block: Block, place: int) -> bool:
    key = block.keys[place]
    return key is None or gallery.first(key) == block.rows[place]


def _is_crowded(block: Block, fresh: Int64) -> bool:
    """Whether any of a sample of listings has too many candidates to look for all at once."""
    sample = fresh[:: max(1, len(fresh) // SAMPLE)]
    crowded: set[int] = set()
    _across(block, sample, Segment.of(block), crowded)
    return bool(crowded)


def _within(block: Block, fresh: Int64) -> Int64:
    """Candidates among the new listings, each pair once, as left * n + right."""
    keys = []
    for name in block.encoded:
        proposes, lowest = block.settings.config.search_of(name)
        if proposes:
            graph = block.index(name).search_within(min_score=lowest)
            rows = graph.rows()
            once = rows < graph.indices
            left, right = block.firsts[rows[once]], block.firsts[graph.indices[once]]
            both = np.isin(left, fresh) & np.isin(right, fresh)
            keys.append(left[both] * len(block) + right[both])
    return np.unique(np.concatenate(keys)) if keys else NOTHING


def _across(block: Block, asked: Int64, segment: Segment, crowded: set[int]) -> Int64:
    """Candidates of some new listings in a segment of n, as left * n + right."""
    other, keys = segment.block, []
    for name in block.encoded:
        proposes, lowest = block.settings.config.search_of(name)
        if proposes:
            queries = take_rows(block.encoded[name], asked)
            graph = other.index(name).search(queries, k=MOST_CANDIDATES, min_score=lowest)
            full = np.flatnonzero(np.diff(graph.indptr) >= MOST_CANDIDATES)
            crowded.update(block.rows[asked[full]].tolist())
            keys.append(asked[graph.rows()] * len(other) + other.firsts[graph.indices])
    return np.unique(np.concatenate(keys)) if keys else NOTHING


def _judged(block: Block, keys: Int64, other: Block) -> Iterator[Pairs]:
    """Candidates from the floor up, with their fused scores."""
    settings = block.settings
    for start in range(0, len(keys), PAIRS_AT_ONCE):
        left, right = np.divmod(keys[start : start + PAIRS_AT_ONCE], len(other))
        fused = settings.config.fusion(block.score(left, other, right))
        kept = fused >= settings.floor
        yield left[kept], right[kept], fused[kept]


def _heads(gallery: Gallery, segment: Segment, places: Int64) -> Int64:
    """Row of the oldest living listing of the kind at each place; -1 where there is none."""
    block = segment.block
    different, inverse = np.unique(places, return_inverse=True)
    heads = np.where(segment.alive[different], block.rows[different], -1)
    shared = len(gallery.segments) > 1 or segment.n_dead or len(block.places) < len(block)
    if shared:
        for at, place in enumerate(different.tolist()):
            key = block.keys[place]
            if key is not None:
                heads[at] = gallery.first(key)
    return np.asarray(heads[inverse], np.int64)


def _keep_best(block: Block, pairs: Sequence[Pairs], crowded: set[int]) -> Found:
    """The best pairs of each new listing, each once."""
    if not pairs:
        return Found(Edges(NOTHING, NOTHING, np.zeros(0, np.float32)))
    places, heads, scores = (np.concatenate(column) for column in zip(*pairs, strict=True))
    order = np.lexsort((heads, -scores, places))
    rank = rank_in_row(places[order])
    crowded.update(block.rows[places[order[rank >= MOST_EDGES]]].tolist())
    order = order[rank < MOST_EDGES]
    ends = np.sort(np.stack([block.rows[places[order]], heads[order]]), axis=0)
    scores = scores[order]
    by_ends = np.lexsort(ends[::-1])
    ends, scores = ends[:, by_ends], scores[by_ends]
    new = np.ones(len(scores), np.bool_)
    new[1:] = (ends[:, 1:] != ends[:, :-1]).any(axis=0)
    return Found(Edges(ends[0, new], ends[1, new], scores[new]), frozenset(crowded))
