"""Pages for people: search by photo or title, review, clusters, figures and decisions."""

from matcher.page.errors import PageError
from matcher.page.guard import render_error
from matcher.page.router import page_router
from matcher.page.service import Query, Service, Visitor

__all__ = ["PageError", "Query", "Service", "Visitor", "page_router", "render_error"]
