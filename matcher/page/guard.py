"""What every request for a page passes: host, session, right, form token; and errors as pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from matcher.page.errors import PageError
from matcher.page.forms import Form, read_form
from matcher.page.rendering import SECURITY, load_templates
from matcher.page.service import Right
from matcher.page.sessions import is_cookie, new_cookie
from matcher.page.visits import Site, Visit

OWN_SITES = ("same-origin", "none")
Endpoint = Callable[[Request], Awaitable[Response]]
# Any: a handler of GET takes the visit alone, one of POST the form too; both may be coroutines.
Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    Attributes:
        method: ``GET`` or ``POST``.
        path: Below the service.
        handler: Takes a ``Visit``, and a ``Form`` if the method is POST.
        needs: The right it needs; None lets everybody in.
    """

    method: str
    path: str
    handler: Handler
    needs: Right | None

    @property
    def name(self) -> str:
        """What to call it."""
        return f"page {self.method} {self.path}"


class Guard:
    """Lets requests in, and turns errors into pages."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def around(self, route: Route) -> Endpoint:
        """The endpoint of a route."""

        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            try:
                self._site.service.check(request)
                turned_away = self._turn_away(visit, route)
                found = turned_away or await self._handle(visit, route)
            except Exception as error:
                found = self._refuse(visit, error)
            if route.needs is not None or route.method == "POST" or route.path == "/sign-in":
                self._set_cookie(visit, found)
            return found

        return answer

    def _visit(self, request: Request) -> Visit:
        shown = request.cookies.get(cookie_name(request), "")
        cookie = shown if is_cookie(shown) else new_cookie()
        session = self._site.sessions.find(cookie)
        if self._site.service.needs_key:
            visitor = session.visitor if session else None
        else:
            visitor = self._site.service.admit("")
        return Visit(request, self._site, cookie, session, visitor)

    def _turn_away(self, visit: Visit, route: Route) -> Response | None:
        """Send those who have not signed in to do so.

        Raises:
            PageError: If they have, but lack the right.
        """
        if route.needs is None:
            return None
        if visit.visitor is not None:
            if route.needs in visit.visitor.rights:
                return None
            raise PageError(403, f"Your key has no right to {route.needs}.")
        if route.path.startswith("/pictures"):
            raise PageError(401, "Sign in first.")
        back = visit.here if route.method == "GET" else "/"
        path = f"/sign-in?next={quote(back, safe='')}"
        if visit.in_part:
            headers = {**SECURITY, "HX-Redirect": f"{visit.root}{path}"}
            return Response(status_code=204, headers=headers)
        return visit.go(path)

    async def _handle(self, visit: Visit, route: Route) -> Response:
        given: list[object] = [visit]
        if route.method == "POST":
            given.append(await self._read(visit))
        if iscoroutinefunction(route.handler):
            found: Response = await route.handler(*given)
            return found
        return await run_in_threadpool(route.handler, *given)

    async def _read(self, visit: Visit) -> Form:
        """The form that was sent.

        Raises:
            PageError: If it cannot be read, or was not made by a page of this service.
        """
        if visit.request.headers.get("sec-fetch-site", "same-origin") not in OWN_SITES:
            raise PageError(403, "Forms of other sites are refused.")
        form = await read_form(visit.request, self._site.service.max_body_bytes)
        if not self._site.sessions.is_token(visit.cookie, form.text("token")):
            raise PageError(403, "This form is out of date. Load the page again, then repeat it.")
        return form

    def _refuse(self, visit: Visit, error: Exception) -> Response:
        """Say what went wrong: a page, or a line where a script asked for a part of one."""
        request_id = visit.request.scope.get("matcher.request_id") or token_hex(8)
        told = error
        if not isinstance(told, PageError):
            told = self._site.service.explain(error, request_id)
        template = "told_error.html.j2" if visit.in_part else "error.html.j2"
        answer = visit.render(
            template, told.status, detail=told.detail, code=told.status, request_id=request_id
        )
        if visit.in_part:
            told.headers |= {"HX-Retarget": "#told", "HX-Reswap": "innerHTML"}
        answer.headers.update(told.headers)
        return answer

    def _set_cookie(self, visit: Visit, answer: Response) -> None:
        request = visit.request
        if request.cookies.get(cookie_name(request)) != visit.cookie:
            answer.set_cookie(
                cookie_name(request),
                visit.cookie,
                path=visit.root or "/",
                secure=is_encrypted(request),
                httponly=True,
                samesite="strict",
            )


def render_error(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A page that says what is wrong, for paths that are none of the pages'.

    Args:
        request: As it came.
        status: HTTP status.
        detail: What is wrong, and the way out.
        headers: Of the answer.
    """
    context: dict[str, Any] = {
        "root": request.scope.get("root_path", "").rstrip("/"),
        "rights": frozenset(),
        "signed_in": False,
        "path": "",
        "detail": detail,
        "code": status,
        "request_id": request.scope.get("matcher.request_id") or token_hex(8),
    }
    content = load_templates().render("error.html.j2", context)
    return HTMLResponse(content, status, headers={**SECURITY, **(headers or {})})


def is_encrypted(request: Request) -> bool:
    """Whether a browser came by https; one behind a proxy that ends TLS says so in a form."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")


def cookie_name(request: Request) -> str:
    """Name of our cookie; browsers keep one jar for all ports of a host."""
    port = request.url.port
    return "matcher" if port is None else f"matcher-{port}"
