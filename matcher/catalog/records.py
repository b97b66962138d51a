"""What a catalogue answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listing of the catalogue beside a query.

    Attributes:
        id: Of the listing.
        title: Its title.
        image: Reference of its picture: a path, or ``archive:member``; None where it has none.
        scores: By modality, those that both have, in [-1, 1].
        score: Fused, in [0, 1]; 0.5 and above is a match.
        match: Whether it is one.
        probability: That the two are one product, fitted to decisions and labels; None where
            there are too few.
        reason: What speaks for a match, and what against it.
        cluster: Id of its cluster; every listing is in one, if one of its own.
    """

    id: str
    title: str
    image: str | None
    scores: Mapping[str, float]
    score: float
    match: bool
    probability: float | None
    reason: str
    cluster: int


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster to look at.

    Attributes:
        id: Of the cluster.
        ids: Of its listings, oldest first.
        titles: Of its listings.
        images: References of their pictures, as in ``Candidate``.
        edges: Ids of two listings and their fused score, best first. Of copies, which are alike
            in all that is compared, each has one edge to the oldest.
        reasons: Of each edge.
        events: When something happened to it, what (``created``, ``joined``, ``merged``,
            ``split`` or ``ended``), and the other clusters concerned.
    """

    id: int
    ids: tuple[str, ...]
    titles: tuple[str, ...]
    images: tuple[str | None, ...]
    edges: tuple[tuple[str, str, float], ...]
    reasons: tuple[str, ...]
    events: tuple[tuple[datetime, str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A cluster id that lives no more.

    Attributes:
        id: Of the cluster.
        now: The clusters that its listings went to, as far as they live, and those that have
            split off from them since; empty where all its listings were removed.
    """

    id: int
    now: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A cluster of two listings or more that hangs by a weak edge.

    Attributes:
        cluster: Its id.
        score: Of its weakest bridge, the lowest edge of its maximum spanning tree, in [0, 1].
        left: Ids of the listings on one side of the bridge, oldest first.
        right: Those on the other side.
        reason: What speaks for the bridge, and what against it.
    """

    cluster: int
    score: float
    left: tuple[str, ...]
    right: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What a write did.

    Attributes:
        revision: The one that it made; the last one where there was nothing to do.
        added: Ids that are new.
        unchanged: Ids that were there with the same content: nothing was done.
        replaced: Ids that were there with other content: removed and added in the one write.
        removed: Ids that were removed.
        unknown: Ids to remove that were not there.
        clusters: Cluster of each id added, unchanged or replaced.
        problems: By id what was wrong with a listing: its picture cannot be read, say.
    """

    revision: int
    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    clusters: Mapping[str, int] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statistics:
    """A catalogue in numbers.

    Attributes:
        n_listings: All listings.
        n_clusters: Clusters of two listings or more.
        sizes: Cluster size, 1 included, to the number of clusters.
        scores: Histogram of the fused scores of the edges kept: lower bound of a bin of 0.05,
            and how many.
        decisions: Decisions in force by kind.
        precision: Share of the clusters and pairs reviewed that were accepted, with the ends of
            a 95 % interval; None where nothing was reviewed.
        revision: Of the catalogue.

    Source:
        Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """

    n_listings: int
    n_clusters: int
    sizes: Mapping[int, int]
    scores: tuple[tuple[float, int], ...]
    decisions: Mapping[str, int]
    precision: tuple[float, float, float] | None
    revision: int
