"""What a client gets back; an example stands beside each kind of answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_CANDIDATE = {
    "id": "shop-1",
    "title": "red mug 300 ml",
    "image": "/v1/pictures/shop-1",
    "scores": {"tfidf": 0.71, "phash": 0.94},
    "score": 0.83,
    "match": True,
    "probability": 0.97,
    "reason": "same picture; both titles say red, mug",
    "cluster": 1,
}
_CHANGED = {
    "revision": 7,
    "added": ["shop-1", "shop-2"],
    "unchanged": [],
    "replaced": [],
    "removed": [],
    "unknown": [],
    "clusters": {"shop-1": 1, "shop-2": 1},
    "problems": {},
}
_LISTING = {
    "id": "shop-1",
    "title": "red mug 300 ml",
    "image": "/v1/pictures/shop-1",
    "box": None,
    "extra": {"price": "3"},
    "cluster": 1,
}
_CLUSTER = {
    "id": 1,
    "listings": [
        {"id": "shop-1", "title": "red mug 300 ml", "image": "/v1/pictures/shop-1"},
        {"id": "shop-2", "title": "mug, red, 0.3 l", "image": None},
    ],
    "edges": [{"left": "shop-1", "right": "shop-2", "score": 0.83, "reason": "both say red, mug"}],
    "events": [{"when": "2026-01-31T12:00:00Z", "kind": "created", "clusters": []}],
}
_REVIEW = {
    "cluster": 1,
    "score": 0.52,
    "left": ["shop-1"],
    "right": ["shop-2"],
    "reason": "both titles say red, mug",
}
_DECISION = {
    "number": 1,
    "kind": "accept",
    "who": "ana",
    "when": "2026-01-31T12:00:00Z",
    "note": "",
    "same": [["shop-1", "shop-2"]],
    "different": [],
    "undoes": None,
    "undone": False,
}
_STATISTICS = {
    "listings": 2,
    "clusters": 1,
    "sizes": {"2": 1},
    "scores": [{"from": 0.8, "count": 1}],
    "decisions": {"accept": 1},
    "precision": {"value": 1.0, "low": 0.21, "high": 1.0},
    "revision": 7,
}


def _with(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class Candidate(BaseModel):
    """A listing of the catalogue beside a question."""

    model_config = _with(_CANDIDATE)

    id: str
    title: str
    image: str | None = Field(description="Path of its picture below this service.")
    scores: dict[str, float] = Field(description="By modality, those that both have, in [-1, 1].")
    score: float = Field(description="Fused, in [0, 1]; higher is closer.")
    match: bool = Field(description="Score of 0.5 or more, and nothing speaks against it.")
    probability: float | None = Field(
        description="That it is the same product; null where there are too few labels to say."
    )
    reason: str
    cluster: int


class MatchAnswer(BaseModel):
    """The closest listings, best first."""

    model_config = _with({"candidates": [_CANDIDATE]})

    candidates: list[Candidate]


class ChangedAnswer(BaseModel):
    """What a write did."""

    model_config = _with(_CHANGED)

    revision: int
    added: list[str] = Field(description="Ids that are new.")
    unchanged: list[str] = Field(description="Ids that were there with the same content.")
    replaced: list[str] = Field(description="Ids that were there with another content.")
    removed: list[str]
    unknown: list[str] = Field(description="Ids to remove that were not there.")
    clusters: dict[str, int] = Field(description="Cluster of each listing, by id.")
    problems: dict[str, str] = Field(description="What was wrong with a listing, by id.")


class ListingAnswer(BaseModel):
    """A listing of the catalogue."""

    model_config = _with(_LISTING)

    id: str
    title: str
    image: str | None
    box: tuple[float, float, float, float] | None
    extra: dict[str, Any]
    cluster: int


class Member(BaseModel):
    """A listing of a cluster."""

    id: str
    title: str
    image: str | None


class Edge(BaseModel):
    """Two listings that resemble each other."""

    left: str
    right: str
    score: float
    reason: str


class Event(BaseModel):
    """What happened to a cluster."""

    when: datetime
    kind: str
    clusters: list[int] = Field(description="The other clusters concerned.")


class ClusterAnswer(BaseModel):
    """Listings of one product."""

    model_config = _with(_CLUSTER)

    id: int
    listings: list[Member] = Field(description="Oldest first.")
    edges: list[Edge] = Field(description="Best first.")
    events: list[Event]


class ClustersAnswer(BaseModel):
    """Clusters, largest first."""

    model_config = _with({"clusters": [_CLUSTER]})

    clusters: list[ClusterAnswer]


class ReviewItem(BaseModel):
    """A cluster that hangs by a weak edge."""

    model_config = _with(_REVIEW)

    cluster: int
    score: float = Field(description="Of its weakest bridge.")
    left: list[str] = Field(description="Listings on one side of the bridge.")
    right: list[str] = Field(description="Listings on the other.")
    reason: str


class ReviewAnswer(BaseModel):
    """What a person should look at, weakest first."""

    model_config = _with({"items": [_REVIEW]})

    items: list[ReviewItem]


class Decided(BaseModel):
    """A decision that was recorded."""

    model_config = _with({"number": 1})

    number: int = Field(description="By which it can be undone.")


class DecisionAnswer(BaseModel):
    """A decision, kept for ever, even when it is undone."""

    model_config = _with(_DECISION)

    number: int
    kind: str
    who: str
    when: datetime
    note: str
    same: list[tuple[str, str]]
    different: list[tuple[str, str]]
    undoes: int | None
    undone: bool


class DecisionsAnswer(BaseModel):
    """Decisions, newest first."""

    model_config = _with({"decisions": [_DECISION], "total": 1})

    decisions: list[DecisionAnswer]
    total: int


class Interval(BaseModel):
    """A share with a 95 % interval."""

    value: float
    low: float
    high: float


class Bin(BaseModel):
    """Edges whose score lies in 0.05 from a bound on."""

    model_config = ConfigDict(populate_by_name=True)

    lower: float = Field(alias="from")
    count: int


class StatisticsAnswer(BaseModel):
    """The catalogue in figures."""

    model_config = _with(_STATISTICS)

    listings: int
    clusters: int = Field(description="Of two listings or more.")
    sizes: dict[int, int] = Field(description="How many clusters there are of each size.")
    scores: list[Bin]
    decisions: dict[str, int] = Field(description="Those in force, by kind.")
    precision: Interval | None = Field(
        description="Share of reviewed proposals that were accepted; null before the first."
    )
    revision: int


class Health(BaseModel):
    """Whether the service is there."""

    model_config = _with({"status": "ok"})

    status: str
