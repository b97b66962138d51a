"""Which listings of a catalogue are closest to some others?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from matcher.search import rank_in_row, take_rows
from matcher.types import Float32, Int64, Listings, ScoredPairs

# Closest listings of each modality that are looked at, whatever they score.
LEAST_CANDIDATES = 50
# Lowest score of those: what is less alike has nothing in common.
SOMETHING = 0.01


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


def encode_queries(encoders: Encoders, settings: CatalogSettings, listings: Listings) -> Block:
    """What is asked for, encoded together; rows are positions."""
    encoded = encoders.encode(listings, cache=False)
    n, nowhere = len(listings), (None,) * len(listings)
    return Block(np.arange(n), listings.ids, listings.titles, nowhere, encoded, settings)


def find_closest(gallery: Gallery, queries: Block, k: int) -> list[tuple[Segment, Hits]]:
    """The best ``k`` of each query, by segment; best score first, ties by lower row."""
    found = [(segment, _hits(segment, queries, k)) for segment in gallery.segments]
    if not found:
        return []
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


def _hits(segment: Segment, queries: Block, k: int) -> Hits:
    """Candidates of a segment; copies of the best as well."""
    asking, places = _propose(segment, queries, max(k, LEAST_CANDIDATES) + segment.n_dead)
    pairs = queries.score(asking, segment.block, places)
    fused = queries.settings.config.fusion(pairs)
    asking, places, at = _with_copies(segment, asking, places)
    hits = Hits(asking, places, fused[at], _repeated(pairs, asking, places, at))
    return hits.take(np.flatnonzero((hits.scores > 0) & segment.alive[places]))


def _propose(segment: Segment, queries: Block, k: int) -> tuple[Int64, Int64]:
    """The closest in every modality that proposes, and all that reach its lowest score."""
    block, found = segment.block, []
    k = min(k, MOST_CANDIDATES)
    for name, encoded in queries.encoded.items():
        proposes, lowest = queries.settings.config.search_of(name)
        if not proposes or not queries.present[name].any():
            continue
        index, firsts = block.index(name), block.firsts
        graph = index.search(encoded, k=k, min_score=SOMETHING)
        found.append(graph.rows() * len(block) + firsts[graph.indices])
        full = np.flatnonzero(np.diff(graph.indptr) >= k)
        more = full[graph.scores[graph.indptr[full + 1] - 1] >= np.float32(lowest)]
        if more.size and k < MOST_CANDIDATES:
            graph = index.search(take_rows(encoded, more), k=MOST_CANDIDATES, min_score=lowest)
            found.append(more[graph.rows()] * len(block) + firsts[graph.indices])
    keys = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    asking, places = np.divmod(keys, max(1, len(block)))
    return asking, places


def _with_copies(segment: Segment, asking: Int64, places: Int64) -> tuple[Int64, Int64, Int64]:
    """Copies beside the first of their kind, and where each stood before."""
    block, at = segment.block, np.arange(len(places))
    if len(block.firsts) == len(block):
        return asking, places, at
    keys = [(place, block.keys[place]) for place in places.tolist()]
    own = [[place] if key is None else block.places[key] for place, key in keys]
    sizes = np.array([len(copies) for copies in own], np.int64)
    every = np.array([place for copies in own for place in copies], np.int64)
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
        reasons = explain_pairs(hits.pairs, queries.encoded, block.encoded, titles)
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
