"""Signing in with a key, signing out, and the name of who decides."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from matcher.page.errors import PageError
from matcher.page.forms import Form
from matcher.page.sessions import new_cookie
from matcher.page.visits import Visit

MAX_WHO_CHARS = 200


class SigningPages:
    """Who is there."""

    def show(self, visit: Visit) -> Response:
        """Ask for a key."""
        if visit.visitor is not None:
            return visit.go(own_path(visit.asked("next")))
        return visit.render("sign_in.html.j2", next=own_path(visit.asked("next")), wrong=False)

    async def sign_in(self, visit: Visit, form: Form) -> Response:
        """Begin a session for the holder of a key, under a new cookie."""
        back = own_path(form.text("next"))
        if not visit.site.service.needs_key:
            return visit.go(back)
        visitor = await run_in_threadpool(visit.site.service.admit, form.text("key").strip())
        if visitor is None:
            return visit.render("sign_in.html.j2", 401, next=back, wrong=True)
        visit.site.sessions.end(visit.cookie)
        visit.cookie = new_cookie()
        visit.session = visit.site.sessions.begin(visit.cookie, visitor, visitor.name)
        return visit.go(back)

    def sign_out(self, visit: Visit, form: Form) -> Response:
        """End the session, or forget the name."""
        visit.site.sessions.end(visit.cookie)
        visit.cookie = new_cookie()
        if visit.site.service.needs_key:
            return visit.go("/sign-in")
        return visit.go(own_path(form.text("next")))

    def rename(self, visit: Visit, form: Form) -> Response:
        """Keep the name of who decides."""
        keep_name(visit, form)
        return visit.go(own_path(form.text("next")))


def keep_name(visit: Visit, form: Form) -> str:
    """The name that a decision is kept under; one that a form tells is kept in the session.

    Raises:
        PageError: If there is none.
    """
    if visit.who:
        return visit.who
    who = " ".join(form.text("who").replace("\0", " ").split())
    if not who or len(who) > MAX_WHO_CHARS:
        raise PageError(
            422, f"Say who decides, in {MAX_WHO_CHARS} characters at most; load the page again."
        )
    visit.session = visit.site.sessions.begin(visit.cookie, None, who)
    return who


def own_path(path: str) -> str:
    """A path of this service to go on to; the first page where it is anything else."""
    safe = path.startswith("/") and not path.startswith("//") and path.isprintable()
    return path if safe and "\\" not in path else "/"
