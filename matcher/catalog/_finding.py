"""Pairs of new listings with those that are there, and with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from matcher.catalog._gallery import Gallery
from matcher.catalog._segments import Block, Segment
from matcher.search import rank_in_row, take_rows
from matcher.store import Edges
from matcher.types import Float32, Int64, SimilarityGraph

# Listings looked up together, of few and of many: bounds the memory.
AT_ONCE, MANY_AT_ONCE = 2_048, 25_000
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
# Most candidates of a listing by modality; None for all.
Limits: TypeAlias = dict[str, int | None]


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
        most = _limits(block, fresh, segment)
        if segment is new and len(fresh) >= MANY:
            for left, right, scores in _judged(block, _within(block, fresh, most, crowded), block):
                pairs.append((left, block.rows[right], scores))
                pairs.append((right, block.rows[left], scores))
        else:
            pairs += _beyond(gallery, block, fresh, segment, most, crowded)
        segment.block.rest()
    return _keep_best(block, pairs, crowded)


def _beyond(
    gallery: Gallery,
    block: Block,
    fresh: Int64,
    segment: Segment,
    most: Limits,
    crowded: set[int],
) -> Iterator[Pairs]:
    """Pairs of new listings with those of a segment."""
    step = MANY_AT_ONCE if len(fresh) >= MANY else AT_ONCE
    for start in range(0, len(fresh), step):
        found = _across(block, fresh[start : start + step], segment, most, crowded)
        for left, right, scores in _judged(block, found, segment.block):
            heads = _heads(gallery, segment, right)
            other = (heads >= 0) & (heads != block.rows[left])
            yield left[other], heads[other], scores[other]


def _is_first(gallery: Gallery, block: Block, place: int) -> bool:
    key = block.keys[place]
    return key is None or gallery.first(key) == block.rows[place]


def _limits(block: Block, fresh: Int64, segment: Segment) -> Limits:
    """Most candidates by modality that proposes; None where a sample of many has none so crowded.

    All pairs are found faster than the closest of each listing, but a crowd has too many.
    """
    names = [name for name in block.encoded if block.settings.config.search_of(name)[0]]
    limits: Limits = dict.fromkeys(names, MOST_CANDIDATES)
    if len(fresh) < MANY:
        return limits
    sample = fresh[:: max(1, len(fresh) // SAMPLE)]
    for name in names:
        crowded: set[int] = set()
        _across(block, sample, segment, {name: MOST_CANDIDATES}, crowded)
        limits[name] = MOST_CANDIDATES if crowded else None
    return limits


def _within(block: Block, fresh: Int64, most: Limits, crowded: set[int]) -> Int64:
    """Candidates among the new listings, each pair once, as left * n + right."""
    keys = []
    for name, k in most.items():
        lowest = block.settings.config.search_of(name)[1]
        graph = block.index(name).search_within(k=k, min_score=lowest)
        crowded.update(_crowded(block, block.firsts, graph, k))
        ends = block.firsts[graph.rows()], block.firsts[graph.indices]
        left, right = np.minimum(*ends), np.maximum(*ends)
        kept = np.isin(left, fresh) & np.isin(right, fresh)
        if k is None:  # each pair is found both ways
            kept &= ends[0] < ends[1]
        keys.append(left[kept] * len(block) + right[kept])
    return _different(keys)


def _across(block: Block, asked: Int64, segment: Segment, most: Limits, crowded: set[int]) -> Int64:
    """Candidates of some new listings in a segment of n, as left * n + right."""
    other, keys = segment.block, []
    for name, k in most.items():
        lowest = block.settings.config.search_of(name)[1]
        queries = take_rows(block.encoded[name], asked)
        graph = other.index(name).search(queries, k=k, min_score=lowest)
        crowded.update(_crowded(block, asked, graph, k))
        keys.append(asked[graph.rows()] * len(other) + other.firsts[graph.indices])
    return _different(keys)


def _crowded(block: Block, asked: Int64, graph: SimilarityGraph, k: int | None) -> list[int]:
    """Rows of those that have as many candidates as are looked at."""
    if k is None:
        return []
    found: list[int] = block.rows[asked[np.diff(graph.indptr) >= k]].tolist()
    return found


def _judged(block: Block, keys: Int64, other: Block) -> Iterator[Pairs]:
    """Candidates from the floor up, with their fused scores."""
    settings = block.settings

    def judge(start: int) -> Pairs:
        left, right = np.divmod(keys[start : start + PAIRS_AT_ONCE], len(other))
        fused = settings.config.fusion(block.score(left, other, right))
        kept = fused >= settings.floor
        return left[kept], right[kept], fused[kept]

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(judge, range(0, len(keys), PAIRS_AT_ONCE))


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
    many = np.flatnonzero((np.bincount(places) > MOST_EDGES)[places])
    many = many[np.lexsort((heads[many], -scores[many], places[many]))]
    beyond = many[rank_in_row(places[many]) >= MOST_EDGES]
    crowded.update(block.rows[places[beyond]].tolist())
    kept = np.ones(len(places), np.bool_)
    kept[beyond] = False
    ends = block.rows[places[kept]], heads[kept]
    low, high = np.minimum(*ends), np.maximum(*ends)
    keys = low * (int(high.max(initial=0)) + 1) + high
    order = np.argsort(keys, kind="stable")
    once = order[np.diff(keys[order], prepend=-1) != 0]
    return Found(Edges(low[once], high[once], scores[kept][once]), frozenset(crowded))


def _different(keys: list[Int64]) -> Int64:
    """Each key once, ascending; of millions faster by sorting than ``np.unique`` by hashing."""
    every = np.sort(np.concatenate(keys)) if keys else NOTHING
    different: Int64 = every[np.diff(every, prepend=-1) != 0]
    return different
