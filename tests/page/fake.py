"""A catalogue in memory whose clusters are what a test says, and a service around it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import numpy as np

from matcher.catalog import Candidate, ClusterView, Ended, ReviewItem, Statistics
from matcher.errors import DataError, MatcherError
from matcher.page import PageError, Visitor
from matcher.store import Decision, KeptListings
from matcher.store.records import undone

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class Row:
    title: str
    image: str | None = None
    box: tuple[float, ...] | None = None


class TinyCatalog:
    """Edges join each listing of a cluster with the next; the last one is the weakest."""

    def __init__(self, clusters=(), rows=None):
        self.rows: dict[str, Row] = dict(rows or {})
        self.clusters_now = {number: list(ids) for number, ids in enumerate(clusters, start=1)}
        self.numbers = count(len(self.clusters_now) + 1)
        self.gone: dict[int, tuple[int, ...]] = {}
        self.made: list[Decision] = []
        self.before: dict[int, tuple] = {}
        self.fails: Exception | None = None
        self.reviews = 0

    @property
    def revision(self):
        return 1 + len(self.made)

    def refresh(self):
        return False

    def listings(self, ids):
        if any(id not in self.rows for id in ids):
            raise DataError("The catalogue has no such listing.")
        rows = [self.rows[id] for id in ids]
        return KeptListings(
            ids=tuple(ids),
            titles=tuple(row.title for row in rows),
            digests=tuple(row.title for row in rows),
            images=tuple(row.image for row in rows),
            boxes=np.array([row.box or (np.nan,) * 4 for row in rows], np.float32).reshape(-1, 4),
            extra=("{}",) * len(rows),
            rows=np.arange(len(rows)),
            revisions=np.zeros(len(rows), np.int64),
        )

    def cluster(self, cluster):
        if cluster in self.gone:
            return Ended(cluster, self.gone[cluster])
        if cluster not in self.clusters_now:
            return None
        ids = self.clusters_now[cluster]
        edges = [(a, b, round(0.9 - 0.1 * i, 2)) for i, (a, b) in enumerate(pairwise(ids))]
        return ClusterView(
            id=cluster,
            ids=tuple(ids),
            titles=tuple(self.rows[id].title for id in ids),
            images=tuple(self.rows[id].image for id in ids),
            edges=tuple(edges),
            reasons=("words in common",) * len(edges),
            events=((BEGAN, "created", ()),),
        )

    def cluster_of(self, id):
        return next((c for c, ids in self.clusters_now.items() if id in ids), None)

    def clusters(self, min_size=2, offset=0, limit=50):
        large = [c for c, ids in self.clusters_now.items() if len(ids) >= min_size]
        large.sort(key=lambda c: (-len(self.clusters_now[c]), c))
        return [self.cluster(c) for c in large[offset : offset + limit]]

    def review(self, n=20):
        self.reviews += 1
        items = []
        for cluster, ids in self.clusters_now.items():
            if len(ids) > 1 and not self._accepted(ids):
                score = self.cluster(cluster).edges[-1][2]
                reason = "words in common"
                items.append(ReviewItem(cluster, score, tuple(ids[:-1]), tuple(ids[-1:]), reason))
        return sorted(items, key=lambda item: (item.score, item.cluster))[:n]

    def _accepted(self, ids):
        gone = undone(self.made)
        return any(
            one.kind in ("accept", "merge")
            and one.number not in gone
            and {id for pair in one.same for id in pair} == set(ids)
            for one in self.made
        )

    def _decide(self, kind, who, note, **about):
        if self.fails is not None:
            raise self.fails
        number = len(self.made) + 1
        when = BEGAN + timedelta(minutes=number)
        clusters = {cluster: list(ids) for cluster, ids in self.clusters_now.items()}
        self.before[number] = (clusters, dict(self.gone))
        self.made.append(Decision(who, when, kind, note=note, number=number, **about))
        return number

    def accept(self, cluster, who, note=""):
        ids = self.clusters_now[cluster]
        return self._decide("accept", who, note, same=tuple((ids[0], id) for id in ids[1:]))

    def reject(self, left, right, who, note=""):
        number = self._decide("reject", who, note, different=((left, right),))
        self._part(self.cluster_of(left), [right])
        return number

    def split(self, cluster, out, who, note=""):
        rest = [id for id in self.clusters_now[cluster] if id not in out]
        number = self._decide("split", who, note, different=tuple((out[0], id) for id in rest))
        self._part(cluster, list(out))
        return number

    def _part(self, cluster, out):
        self.clusters_now[cluster] = [id for id in self.clusters_now[cluster] if id not in out]
        self.clusters_now[next(self.numbers)] = out

    def merge(self, clusters, who, note=""):
        first, *others = clusters
        ids = [id for cluster in clusters for id in self.clusters_now[cluster]]
        number = self._decide("merge", who, note, same=tuple((ids[0], id) for id in ids[1:]))
        for other in others:
            del self.clusters_now[other]
            self.gone[other] = (first,)
        self.clusters_now[first] = ids
        return number

    def undo(self, number, who, note=""):
        if number in undone(self.made):
            raise DataError(f"Decision {number} is undone already.")
        done = self._decide("undo", who, note, undoes=number)
        self.clusters_now, self.gone = self.before[number]
        return done

    def decisions(self):
        return tuple(self.made)

    def statistics(self):
        sizes = Counter(map(len, self.clusters_now.values()))
        gone = undone(self.made)
        held = [one.kind for one in self.made if one.number not in gone]
        scores = Counter(
            round(int(score * 20 + 1e-9) / 20, 2)
            for view in self.clusters()
            for _, _, score in view.edges
        )
        return Statistics(
            n_listings=len(self.rows),
            n_clusters=sum(n for size, n in sizes.items() if size > 1),
            sizes=dict(sizes),
            scores=tuple(sorted(scores.items())),
            decisions=dict(Counter(held)),
            precision=(0.75, 0.3, 0.95) if held else None,
            revision=self.revision,
        )

    def query(self, title, k):
        asked = set(title.lower().split())
        found = []
        for id, row in self.rows.items():
            words = set(row.title.lower().split())
            score = len(asked & words) / max(len(asked | words), 1)
            found.append(
                Candidate(
                    id=id,
                    title=row.title,
                    image=row.image,
                    scores={"tfidf": score, "phash": float("nan"), "image": -0.25},
                    score=score,
                    match=score >= 0.5,
                    probability=0.987 if score >= 0.5 else None,
                    reason="words in common",
                    cluster=self.cluster_of(id),
                )
            )
        return sorted(found, key=lambda one: (-one.score, one.id))[:k]


@dataclass
class FakeService:
    """Keys are texts; without any, everybody on this machine may do everything."""

    catalog: TinyCatalog
    keys: dict[str, Visitor] = field(default_factory=dict)
    max_body_bytes: int = 1_000_000
    asked: list = field(default_factory=list)
    explained: list = field(default_factory=list)

    @property
    def needs_key(self):
        return bool(self.keys)

    def check(self, request):
        if not self.keys and request.url.hostname not in ("testserver", "localhost", "127.0.0.1"):
            raise PageError(403, "Without keys, requests name localhost as their host.")

    def admit(self, key):
        if self.keys:
            return self.keys.get(key)
        return Visitor("", frozenset({"read", "review"}), "shop", self.catalog)

    async def ask(self, visitor, query):
        self.asked.append(query)
        if query.photo is not None and not query.photo.startswith((b"\x89PNG", b"\xff\xd8")):
            raise PageError(422, "The photo cannot be read.")
        return visitor.catalog.query(query.title, query.k)

    async def write(self, visitor, change):
        return change()

    def explain(self, error, request_id):
        self.explained.append((error, request_id))
        if isinstance(error, DataError):
            return PageError(409, str(error))
        if isinstance(error, MatcherError):
            return PageError(503, "The catalogue cannot be used just now.")
        return PageError(500, "This is a bug of the service.")
