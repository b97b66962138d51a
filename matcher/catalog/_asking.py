"""Which listings of a catalogue are closest to some others?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from matcher.catalog._encoders import Encoders
from matcher.catalog._finding import MOST_CANDIDATES
from matcher.catalog._gallery import Gallery
from matcher.catalog._probability import Platt
from matcher.catalog._segments import Block, Segment
from matcher.catalog._settings import CatalogSettings
from matcher.catalog.records import Candidate
from matcher.explain import explain_pairs
from matcher.fusion import ACCEPTED
from matcher.search import ragged, rank_in_row, take_rows
from matcher.types import Float32, Int64, Listings, ScoredPairs

# Share of a modality's lowest score that will do where no listing reaches all of it, and how many
# of those are looked at.
WEAK_SHARE, WEAK_CANDIDATES = 0.5, 50
WORTH_THREADS = 10_000  # listings from which modalities are searched side by side


@dataclass(frozen=True, slots=True)
class Hits:
    """Candidates within one segment.

    Attributes:
        queries: Position of the query of each, shape ``(m,)``.
        places: Position in the segment.
        scores: Fused.
        pairs: With the score of every modality.
    """

    queries: Int64
    places: Int64
    scores: Float32
    pairs: ScoredPairs

    def take(self, at: Int64) -> Hits:
        """Some of them."""
        own = {name: values[at] for name, values in self.pairs.scores.items()}
        left, right = self.pairs.left[at], self.pairs.right[at]
        pairs = ScoredPairs(left, right, own, self.pairs.n_left, self.pairs.n_right)
        return Hits(self.queries[at], self.places[at], self.scores[at], pairs)

    def with_more(self, other: Hits) -> Hits:
        """These, then others."""
        mine, theirs = self.pairs, other.pairs
        own = {name: np.append(mine.scores[name], theirs.scores[name]) for name in mine.scores}
        left, right = np.append(mine.left, theirs.left), np.append(mine.right, theirs.right)
        pairs = ScoredPairs(left, right, own, mine.n_left, mine.n_right)
        queries = np.append(self.queries, other.queries)
        places, scores = np.append(self.places, other.places), np.append(self.scores, other.scores)
        return Hits(queries, places, scores, pairs)


def encode_queries(encoders: Encoders, settings: CatalogSettings, listings: Listings) -> Block:
    """What is asked for, encoded together; rows are positions."""
    encoded = encoders.encode(listings, cache=False)
    n, nowhere = len(listings), (None,) * len(listings)
    return Block(np.arange(n), listings.ids, listings.titles, nowhere, encoded, settings)


def find_closest(gallery: Gallery, queries: Block, k: int) -> list[tuple[Segment, Hits]]:
    """The best ``k`` of each query, by segment; best score first, ties by lower row."""
    every = np.arange(len(queries))
    found = _find(gallery, queries, every, MOST_CANDIDATES, 1.0)
    if not found:
        return []
    alone = np.setdiff1d(every, np.concatenate([hits.queries for _, hits in found]))
    if alone.size:
        weak = _find(gallery, queries, alone, max(k, WEAK_CANDIDATES), WEAK_SHARE)
        both = zip(found, weak, strict=True)
        found = [(segment, hits.with_more(more)) for (segment, hits), (_, more) in both]
    rows = np.concatenate([segment.block.rows[hits.places] for segment, hits in found])
    asking = np.concatenate([hits.queries for _, hits in found])
    scores = np.concatenate([hits.scores for _, hits in found])
    order = np.lexsort((rows, -scores, asking))
    kept = np.zeros(len(rows), np.bool_)
    kept[order[rank_in_row(asking[order]) < k]] = True
    ends = np.cumsum([len(hits.queries) for _, hits in found])
    parts = np.split(kept, ends[:-1])
    chosen = zip(found, parts, strict=True)
    return [(segment, hits.take(np.flatnonzero(part))) for (segment, hits), part in chosen]


def _find(
    gallery: Gallery, queries: Block, asking: Int64, most: int, share: float
) -> list[tuple[Segment, Hits]]:
    """Candidates of some queries, by segment; see ``_propose``."""
    return [(segment, _hits(segment, queries, asking, most, share)) for segment in gallery.segments]


def _hits(segment: Segment, queries: Block, asking: Int64, most: int, share: float) -> Hits:
    """Candidates of a segment; copies of the best as well."""
    rows, places = _propose(segment, queries, asking, most, share)
    pairs = queries.score(rows, segment.block, places)
    fused = queries.settings.config.fusion(pairs)
    rows, places, at = _with_copies(segment, rows, places)
    hits = Hits(rows, places, fused[at], _repeated(pairs, rows, places, at))
    return hits.take(np.flatnonzero((hits.scores > 0) & segment.alive[places]))


def _propose(
    segment: Segment, queries: Block, asking: Int64, most: int, share: float
) -> tuple[Int64, Int64]:
    """The closest to some queries in every modality that proposes.

    Args:
        segment: Where to look.
        queries: What is asked for.
        asking: Positions of the queries concerned.
        most: Candidates of each in a modality.
        share: Of a modality's lowest score that they reach.
    """
    block, config = segment.block, queries.settings.config
    k = min(most + segment.n_dead, MOST_CANDIDATES)

    def near(name: str) -> Int64:
        asked = take_rows(queries.encoded[name], asking)
        lowest = share * config.search_of(name)[1]
        graph = block.index(name).search(asked, k=k, min_score=lowest)
        return asking[graph.rows()] * len(block) + block.firsts[graph.indices]

    names = [name for name, has in queries.present.items() if has[asking].any()]
    names = [name for name in names if config.search_of(name)[0]]
    with ThreadPoolExecutor(2 if len(block) >= WORTH_THREADS else 1) as pool:
        found = [np.zeros(0, np.int64), *pool.map(near, names)]
    rows, places = np.divmod(np.unique(np.concatenate(found)), max(1, len(block)))
    return rows, places


def _with_copies(segment: Segment, asking: Int64, places: Int64) -> tuple[Int64, Int64, Int64]:
    """Copies beside the first of their kind, and where each stood before."""
    block, at = segment.block, np.arange(len(places))
    if len(block.firsts) == len(block):
        return asking, places, at
    kinds = block.copies.number[places]
    sizes = block.copies.sizes[kinds]
    every = block.copies.places[ragged(block.copies.starts[kinds], sizes)]
    return np.repeat(asking, sizes), every, np.repeat(at, sizes)


def _repeated(pairs: ScoredPairs, left: Int64, right: Int64, at: Int64) -> ScoredPairs:
    scores = {name: values[at] for name, values in pairs.scores.items()}
    return ScoredPairs(left, right, scores, pairs.n_left, pairs.n_right)


def tell(
    found: Sequence[tuple[Segment, Hits]],
    queries: Block,
    clusters: Mapping[int, int],
    platt: Platt | None,
) -> list[list[Candidate]]:
    """Candidates of each query, best first, with the reason; those in no cluster are gone."""
    told: list[list[tuple[float, int, Candidate]]] = [[] for _ in range(len(queries))]
    for segment, hits in found:
        block = segment.block
        titles = (queries.titles, block.titles)
        reasons = explain_pairs(
            hits.pairs, queries.encoded, block.encoded, titles, holders=block.holders
        )
        columns = hits.queries.tolist(), hits.places.tolist(), hits.scores.tolist(), reasons
        chances = [None] * len(reasons) if platt is None else platt(hits.scores).tolist()
        for at, (query, place, score, reason) in enumerate(zip(*columns, strict=True)):
            row = int(block.rows[place])
            if row in clusters:
                candidate = Candidate(
                    id=block.ids[place],
                    title=block.titles[place],
                    image=block.images[place],
                    scores=_known(hits.pairs, at),
                    score=score,
                    match=score >= ACCEPTED,
                    probability=chances[at],
                    reason=reason,
                    cluster=clusters[row],
                )
                told[query].append((-score, row, candidate))
    return [[one for *_, one in sorted(own, key=lambda each: each[:2])] for own in told]


def _known(pairs: ScoredPairs, at: int) -> dict[str, float]:
    scores = {name: float(values[at]) for name, values in pairs.scores.items()}
    return {name: score for name, score in scores.items() if score == score}
