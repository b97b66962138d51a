"""A catalogue in memory that keeps to the interface: listings match by the words they share."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from matcher.catalog import Candidate, Changed, ClusterView, Ended, ReviewItem, Statistics
from matcher.errors import DataError
from matcher.io.images import open_image
from matcher.store import Decision, KeptListings
from matcher.store.records import undone


class FakeCatalog:
    """Clusters are connected components of listings that share half of their words.

    Args:
        place: What it is called.
        slow: Seconds that a batch takes.
    """

    def __init__(self, place: str = "fake", slow: float = 0.0):
        self.place, self.slow = place, slow
        self.config, self.model, self.revision = None, "fake", 0
        self.lock = threading.RLock()
        self.kept: dict[str, dict] = {}
        self.members: dict[int, list[str]] = {}
        self.gone: dict[int, tuple[int, ...]] = {}
        self.next = 1
        self.made: list[Decision] = []
        self.batches: list[int] = []
        self.fails: Exception | None = None  # raised by every write
        self.failing_query: str | None = None  # a title that no query survives
        self.closed = False

    # Writes
    def add(self, listings, vectors=None):
        with self.lock:
            self._fail()
            added, unchanged, replaced = [], [], []
            for i, id in enumerate(listings.ids):
                box = None if listings.boxes is None else listings.boxes[i]
                new = {
                    "title": listings.titles[i],
                    "image": None if listings.images[i] is None else str(listings.images[i].path),
                    "box": [np.nan] * 4 if box is None else box.tolist(),
                    "extra": {} if listings.extra is None else listings.extra.to_pylist()[i],
                }
                old = self.kept.get(id)
                if old is not None and json.dumps(old) == json.dumps(new):
                    unchanged.append(id)
                    continue
                (added if old is None else replaced).append(id)
                if old is not None:
                    self._leave(id)
                self.kept[id] = new
                self._join(id)
            self.revision += bool(added or replaced)
            clusters = {id: self.cluster_of(id) for id in listings.ids}
            return self._changed(
                added=added, unchanged=unchanged, replaced=replaced, clusters=clusters
            )

    def remove(self, ids):
        with self.lock:
            self._fail()
            there = [id for id in ids if id in self.kept]
            for id in there:
                self._leave(id)
            self.revision += bool(there)
            return self._changed(removed=there, unknown=[id for id in ids if id not in there])

    def _fail(self):
        if self.fails is not None:
            raise self.fails

    def _changed(self, clusters=None, **ids):
        names = ("added", "unchanged", "replaced", "removed", "unknown")
        given = {name: tuple(ids.get(name, ())) for name in names}
        return Changed(revision=self.revision, clusters=clusters or {}, problems={}, **given)

    def _join(self, id):
        near = {
            self.cluster_of(other)
            for other in self.kept
            if other != id and self._score(self.kept[id]["title"], self.kept[other]["title"]) >= 0.5
        }
        near.discard(None)
        if not near:
            self.members[self.next] = [id]
            self.next += 1
            return
        self._unite(sorted(near))
        self.members[min(near)].append(id)

    def _unite(self, clusters):
        first, *others = clusters
        for other in others:
            self.members[first] += self.members.pop(other)
            self.gone[other] = (first,)

    def _leave(self, id):
        cluster = self.cluster_of(id)
        self.members[cluster].remove(id)
        del self.kept[id]
        if not self.members[cluster]:
            del self.members[cluster]
            self.gone[cluster] = ()

    @staticmethod
    def _score(left, right):
        a, b = set(left.lower().split()), set(right.lower().split())
        return len(a & b) / max(len(a | b), 1)

    # Reads
    def query(self, listings, k=10):
        self.batches.append(len(listings))
        time.sleep(self.slow)
        if self.failing_query is not None and self.failing_query in listings.titles:
            raise RuntimeError("the encoder fell over")
        for ref in listings.images:
            if ref is not None:
                open_image(ref)
        return [self._candidates(title, k) for title in listings.titles]

    def _candidates(self, title, k):
        with self.lock:
            scored = [(self._score(title, one["title"]), id) for id, one in self.kept.items()]
            best = sorted(scored, key=lambda found: (-found[0], found[1]))[:k]
            return [
                Candidate(
                    id=id,
                    title=self.kept[id]["title"],
                    image=self.kept[id]["image"],
                    scores={"words": np.float32(score), "absent": float("nan")},
                    score=np.float32(score),
                    match=score >= 0.5,
                    probability=None,
                    reason="words in common",
                    cluster=self.cluster_of(id),
                )
                for score, id in best
            ]

    def listings(self, ids):
        with self.lock:
            unknown = [id for id in ids if id not in self.kept]
            if unknown:
                raise DataError(f"Unknown: {unknown}.")
            some = [self.kept[id] for id in ids]
            n = len(some)
            return KeptListings(
                ids=tuple(ids),
                titles=tuple(one["title"] for one in some),
                digests=("0",) * n,
                images=tuple(one["image"] for one in some),
                boxes=np.array([one["box"] for one in some], np.float32).reshape(n, 4),
                extra=tuple(json.dumps(one["extra"]) for one in some),
                rows=np.arange(n),
                revisions=np.zeros(n, np.int64),
            )

    def cluster(self, cluster):
        with self.lock:
            if cluster in self.gone:
                return Ended(cluster, self.gone[cluster])
            if cluster not in self.members:
                return None
            ids = self.members[cluster]
            return ClusterView(
                id=cluster,
                ids=tuple(ids),
                titles=tuple(self.kept[id]["title"] for id in ids),
                images=tuple(self.kept[id]["image"] for id in ids),
                edges=tuple((ids[0], id, np.float32(0.75)) for id in ids[1:]),
                reasons=("words in common",) * (len(ids) - 1),
                events=((datetime(2026, 1, 31, tzinfo=UTC), "created", ()),),
            )

    def cluster_of(self, id):
        return next((cluster for cluster, ids in self.members.items() if id in ids), None)

    def clusters(self, min_size=2, offset=0, limit=50):
        with self.lock:
            large = [c for c, ids in self.members.items() if len(ids) >= min_size]
            large.sort(key=lambda c: (-len(self.members[c]), c))
            return [self.cluster(c) for c in large[offset : offset + limit]]

    def review(self, n=20):
        with self.lock:
            return [
                ReviewItem(view.id, np.float32(0.5), view.ids[:1], view.ids[1:], "words in common")
                for view in self.clusters(2, 0, n)
            ]

    # Decisions
    def _decide(self, kind, who, note, **more):
        with self.lock:
            self._fail()
            number = len(self.made) + 1
            at = datetime(2026, 1, 31, 12, tzinfo=UTC)
            self.made.append(Decision(who, at, kind, note=note, number=number, **more))
            return number

    def accept(self, cluster, who, note=""):
        with self.lock:
            ids = self.members[cluster]
            pairs = tuple((ids[0], id) for id in ids[1:])
            apart = {pair for one in self.made for pair in one.different}
            if any(pair in apart or pair[::-1] in apart for pair in pairs):
                raise DataError("Decision 1 says they are different: take it back first.")
            return self._decide("accept", who, note, same=pairs)

    def reject(self, left, right, who, note=""):
        return self._decide("reject", who, note, different=((left, right),))

    def split(self, cluster, out, who, note=""):
        with self.lock:
            rest = [id for id in self.members[cluster] if id not in out]
            self.members[cluster] = rest
            self.members[self.next] = list(out)
            self.next += 1
            return self._decide("split", who, note, different=((rest[0], out[0]),))

    def merge(self, clusters, who, note=""):
        with self.lock:
            firsts = [self.members[c][0] for c in sorted(clusters)]
            self._unite(sorted(clusters))
            return self._decide("merge", who, note, same=((firsts[0], firsts[1]),))

    def undo(self, number, who, note=""):
        with self.lock:
            if number in undone(self.made):
                raise DataError(f"Decision {number} is undone already.")
            return self._decide("undo", who, note, undoes=number)

    def decisions(self):
        return tuple(self.made)

    def statistics(self):
        with self.lock:
            sizes = Counter(map(len, self.members.values()))
            return Statistics(
                n_listings=len(self.kept),
                n_clusters=sum(n for size, n in sizes.items() if size > 1),
                sizes=dict(sizes),
                scores=((0.75, 1),),
                decisions=dict(Counter(one.kind for one in self.made)),
                precision=(1.0, 0.2, 1.0) if self.made else None,
                revision=self.revision,
            )

    def refresh(self):
        return False

    def close(self):
        self.closed = True

    def references(self):
        return [one["image"] for one in self.kept.values()]


def fake_place(folder: Path, name: str) -> str:
    """A place for a fake catalogue, whose pictures lie below it."""
    return str(folder / name)
