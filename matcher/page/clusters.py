"""Clusters: the list of them, and each with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from matcher.catalog import ClusterView, Ended
from matcher.page.charts import Meter, draw_graph, meter
from matcher.page.errors import PageError
from matcher.page.forms import whole_number
from matcher.page.telling import Told, tell_all
from matcher.page.visits import Visit

PAGE = 24
SHOWN = 6
MAX_SHOWN = 300
MAX_EDGES = 200


@dataclass(frozen=True, slots=True)
class Member:
    """A listing of a cluster: its number from 1, id, title, and whether it has a picture."""

    number: int
    id: str
    title: str
    has_picture: bool


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """An edge in words: the numbers of its listings, its score and its reason."""

    left: int
    right: int
    score: Meter
    reason: str


@dataclass(frozen=True, slots=True)
class Card:
    """A cluster in the list.

    Attributes:
        id: Of the cluster.
        size: How many listings it has.
        members: Some of them.
        weakest: Lowest score of its edges; None without any.
    """

    id: int
    size: int
    members: tuple[Member, ...]
    weakest: float | None


class ClusterPages:
    """Clusters."""

    def list(self, visit: Visit) -> Response:
        """Clusters, largest first; or on to the one whose number was asked for."""
        if visit.asked("go"):
            number = whole_number(visit.asked("go"))
            if number is None:
                raise PageError(422, "A cluster has a whole number of 0 or more.")
            return visit.go(f"/clusters/{number}")
        number = whole_number(visit.asked("page")) or 1
        found = visit.catalog.clusters(2, (number - 1) * PAGE, PAGE + 1)
        return visit.render(
            "clusters.html.j2",
            cards=[_card(view) for view in found[:PAGE]],
            page=number,
            more=len(found) > PAGE,
            total=visit.catalog.statistics().n_clusters,
        )

    def show(self, visit: Visit) -> Response:
        """One cluster; one that has ended says where its listings are."""
        number = whole_number(visit.request.path_params["cluster"])
        found = None if number is None else visit.catalog.cluster(number)
        if found is None:
            raise PageError(404, "There is no cluster of that number, and never was.")
        if isinstance(found, Ended):
            return visit.render("ended.html.j2", 410, ended=found)
        return visit.render(
            "cluster.html.j2",
            view=found,
            members=list_members(found, MAX_SHOWN),
            edges=list_edges(found),
            graph=draw_graph(found.ids, found.edges),
            decisions=_about(visit, found),
        )


def list_members(view: ClusterView, limit: int) -> tuple[Member, ...]:
    """Listings of a cluster, numbered."""
    rows = zip(view.ids, view.titles, view.images, strict=True)
    return tuple(
        Member(number, id, title, image is not None)
        for number, (id, title, image) in enumerate(list(rows)[:limit], start=1)
    )


def list_edges(view: ClusterView) -> list[EdgeRow]:
    """Edges of a cluster by the numbers of their listings, best first."""
    numbers = {id: number for number, id in enumerate(view.ids, start=1)}
    return [
        EdgeRow(numbers[left], numbers[right], meter("score", float(score), 0.5), reason)
        for (left, right, score), reason in zip(view.edges, view.reasons, strict=True)
        if left in numbers and right in numbers
    ][:MAX_EDGES]


def _card(view: ClusterView) -> Card:
    weakest = min((float(score) for _, _, score in view.edges), default=None)
    return Card(view.id, len(view.ids), list_members(view, SHOWN), weakest)


def _about(visit: Visit, view: ClusterView) -> list[Told]:
    """Decisions about listings of a cluster, newest first; none for who may not see them."""
    if "review" not in visit.known.rights:
        return []
    inside = set(view.ids)
    return [told for told in tell_all(visit.catalog) if inside & told.ids]
