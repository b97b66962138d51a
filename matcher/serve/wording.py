"""From what the catalogue says to what a client gets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from matcher import catalog
from matcher.serve import answers
from matcher.store import Decision, KeptListings
from matcher.store.records import undone


def picture_path(id: str, reference: str | None) -> str | None:
    """Where a client finds the picture of a listing; None where it has none."""
    return None if reference is None else f"/v1/pictures/{quote(id, safe='')}"


def word_candidate(found: catalog.Candidate) -> answers.Candidate:
    """A candidate; scores that are no numbers are left out."""
    scores = {name: float(score) for name, score in found.scores.items()}
    return answers.Candidate(
        id=found.id,
        title=found.title,
        image=picture_path(found.id, found.image),
        scores={name: score for name, score in scores.items() if math.isfinite(score)},
        score=float(found.score),
        match=bool(found.match),
        probability=None if found.probability is None else float(found.probability),
        reason=found.reason,
        cluster=int(found.cluster),
    )


def word_changed(changed: catalog.Changed) -> answers.ChangedAnswer:
    """What a write did."""
    names = ("added", "unchanged", "replaced", "removed", "unknown")
    return answers.ChangedAnswer(
        revision=changed.revision,
        clusters={id: int(cluster) for id, cluster in changed.clusters.items()},
        problems=dict(changed.problems),
        **{name: list(getattr(changed, name)) for name in names},
    )


def word_listing(kept: KeptListings, cluster: int) -> answers.ListingAnswer:
    """The only listing of a table."""
    box = None if kept.boxes is None else np.asarray(kept.boxes[0], np.float64)
    reference = None if kept.images is None else kept.images[0]
    extra: dict[str, Any] = json.loads(kept.extra[0]) if kept.extra else {}
    return answers.ListingAnswer(
        id=kept.ids[0],
        title=kept.titles[0],
        image=picture_path(kept.ids[0], reference),
        box=None if box is None or np.isnan(box).any() else tuple(box.tolist()),
        extra={name: value for name, value in extra.items() if _is_shown(name, value)},
        cluster=cluster,
    )


def _is_shown(name: str, value: Any) -> bool:
    """Whether a column is the client's own, and has a value."""
    return value is not None and not name.startswith("matcher:")


def word_cluster(view: catalog.ClusterView) -> answers.ClusterAnswer:
    """A cluster with all that is known of it."""
    members = zip(view.ids, view.titles, view.images, strict=True)
    edges = zip(view.edges, view.reasons, strict=True)
    return answers.ClusterAnswer(
        id=view.id,
        listings=[
            answers.Member(id=id, title=title, image=picture_path(id, reference))
            for id, title, reference in members
        ],
        edges=[
            answers.Edge(left=left, right=right, score=float(score), reason=reason)
            for (left, right, score), reason in edges
        ],
        events=[
            answers.Event(when=when, kind=kind, clusters=list(others))
            for when, kind, others in view.events
        ],
    )


def word_review(items: Sequence[catalog.ReviewItem]) -> answers.ReviewAnswer:
    """What a person should look at."""
    return answers.ReviewAnswer(
        items=[
            answers.ReviewItem(
                cluster=item.cluster,
                score=float(item.score),
                left=list(item.left),
                right=list(item.right),
                reason=item.reason,
            )
            for item in items
        ]
    )


def word_decisions(
    decisions: Sequence[Decision], offset: int, limit: int
) -> answers.DecisionsAnswer:
    """A page of decisions, newest first."""
    taken_back = undone(decisions)
    page = list(reversed(decisions))[offset : offset + limit]
    return answers.DecisionsAnswer(
        decisions=[
            answers.DecisionAnswer(
                number=one.number,
                kind=one.kind,
                who=one.who,
                when=one.when,
                note=one.note,
                same=list(one.same),
                different=list(one.different),
                undoes=one.undoes,
                undone=one.number in taken_back,
            )
            for one in page
        ],
        total=len(decisions),
    )


def word_statistics(found: catalog.Statistics) -> answers.StatisticsAnswer:
    """The catalogue in figures."""
    precision = None
    if found.precision is not None:
        value, low, high = found.precision
        precision = answers.Interval(value=value, low=low, high=high)
    return answers.StatisticsAnswer(
        listings=found.n_listings,
        clusters=found.n_clusters,
        sizes=dict(found.sizes),
        scores=[answers.Bin(lower=lower, count=count) for lower, count in found.scores],
        decisions=dict(found.decisions),
        precision=precision,
        revision=found.revision,
    )
