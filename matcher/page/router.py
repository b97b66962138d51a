"""All pages, behind one guard."""

from __future__ import annotations

from fastapi import APIRouter

from matcher.page.clusters import ClusterPages
from matcher.page.dashboard import DashboardPage
from matcher.page.decisions import DecisionPages
from matcher.page.files import FilePages
from matcher.page.guard import Guard, Route
from matcher.page.rendering import load_templates
from matcher.page.review import ReviewPages
from matcher.page.search import SearchPages
from matcher.page.service import Service
from matcher.page.sessions import Sessions
from matcher.page.signing import SigningPages
from matcher.page.thumbnails import Thumbnails
from matcher.page.visits import Site


def page_router(service: Service) -> APIRouter:
    """Build the pages of a service.

    They take ``/``, ``/review``, ``/clusters``, ``/dashboard``, ``/decisions``, ``/undo``,
    ``/pictures``, ``/static``, ``/name``, ``/sign-in`` and ``/sign-out``, and set their own
    headers. They need no JavaScript, and no page asks another machine for anything. Signed in is
    who holds a cookie; it is of no use below other paths.

    Args:
        service: What they show, and who may see it.
    """
    site = Site(service, Sessions(), load_templates(), Thumbnails())
    guard = Guard(site)
    router = APIRouter(include_in_schema=False)
    for route in _routes(site):
        router.add_api_route(
            route.path,
            guard.around(route),
            methods=[route.method],
            response_model=None,
            name=route.name,
        )
    return router


def _routes(site: Site) -> list[Route]:
    """Every route there is."""
    review, decisions, files = ReviewPages(), DecisionPages(), FilePages()
    clusters, signing, search = ClusterPages(), SigningPages(), SearchPages()
    return [
        Route("GET", "/", search.show, "read"),
        Route("POST", "/", search.search, "read"),
        Route("GET", "/review", review.show, "review"),
        Route("POST", "/review", review.decide, "review"),
        Route("GET", "/clusters", clusters.list, "read"),
        Route("GET", "/clusters/{cluster}", clusters.show, "read"),
        Route("GET", "/dashboard", DashboardPage().show, "read"),
        Route("GET", "/decisions", decisions.list, "review"),
        Route("POST", "/undo", decisions.undo, "review"),
        Route("GET", "/pictures", files.picture, "read"),
        Route("GET", "/pictures/{id:path}", files.picture, "read"),
        Route("GET", "/static/{name}", files.static, None),
        Route("GET", "/sign-in", signing.show, None),
        Route("POST", "/sign-in", signing.sign_in, None),
        Route("POST", "/sign-out", signing.sign_out, None),
        Route("POST", "/name", signing.rename, "review"),
    ]
