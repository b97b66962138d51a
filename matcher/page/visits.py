"""One request of a visitor, and the answer to it as a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from matcher.catalog import Catalog
from matcher.page.errors import PageError
from matcher.page.rendering import SECURITY, Templates
from matcher.page.service import Service, Visitor
from matcher.page.sessions import Session, Sessions
from matcher.page.thumbnails import Thumbnails


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages share.

    Attributes:
        service: The service they are part of.
        sessions: Who is signed in.
        templates: What pages are made of.
        thumbnails: Pictures, made small.
    """

    service: Service
    sessions: Sessions
    templates: Templates
    thumbnails: Thumbnails


@dataclass(slots=True)
class Visit:
    """A request.

    Attributes:
        request: As it came.
        site: What all pages share.
        cookie: Of the browser.
        session: None where nobody has signed in or told a name.
        visitor: None where nobody has signed in but should.
    """

    request: Request
    site: Site
    cookie: str
    session: Session | None
    visitor: Visitor | None

    @property
    def catalog(self) -> Catalog:
        """The visitor's catalogue.

        Raises:
            PageError: If nobody has signed in.
        """
        return self.known.catalog

    @property
    def known(self) -> Visitor:
        """Who has signed in.

        Raises:
            PageError: If nobody has.
        """
        if self.visitor is None:
            raise PageError(401, "Sign in first.")
        return self.visitor

    @property
    def who(self) -> str:
        """Name that decisions are kept under; empty where it must still be asked for."""
        if self.visitor is not None and self.visitor.name:
            return self.visitor.name
        return self.session.who if self.session else ""

    @property
    def root(self) -> str:
        """Path that all of the service lies below; empty where it has a host of its own."""
        root: str = self.request.scope.get("root_path", "")
        return root.rstrip("/")

    @property
    def path(self) -> str:
        """Path of the page, below the service."""
        return self.request.url.path.removeprefix(self.root)

    @property
    def here(self) -> str:
        """The same with what was asked for."""
        query = self.request.url.query
        return f"{self.path}?{query}" if query else self.path

    @property
    def in_part(self) -> bool:
        """Whether a script asks for a part of a page."""
        headers = self.request.headers
        return "hx-request" in headers and "hx-history-restore-request" not in headers

    def asked(self, name: str) -> str:
        """Value of that name in the address; empty where there is none."""
        return self.request.query_params.get(name, "")

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """Make a page."""
        known = {
            "root": self.root,
            "token": self.site.sessions.token(self.cookie),
            "rights": self.visitor.rights if self.visitor else frozenset(),
            "signed_in": self.session is not None,
            "needs_key": self.site.service.needs_key,
            "who": self.who,
            "in_part": self.in_part,
            "path": self.path,
            "here": self.here,
        }
        content = self.site.templates.render(template, {**known, **context})
        return HTMLResponse(content, status, headers=SECURITY)

    def go(self, path: str) -> Response:
        """Send the browser to another page of the service, with GET."""
        return RedirectResponse(f"{self.root}{path}", 303, headers=SECURITY)
