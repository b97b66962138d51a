"""What was decided, and taking it back."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from matcher.catalog import Catalog
from matcher.page.errors import PageError
from matcher.page.forms import Form, whole_number
from matcher.page.signing import keep_name, own_path
from matcher.page.telling import tell_all, tell_one
from matcher.page.visits import Visit

PAGE = 50


class DecisionPages:
    """Decisions."""

    def list(self, visit: Visit) -> Response:
        """Decisions, newest first."""
        number = whole_number(visit.asked("page")) or 1
        made = tell_all(visit.catalog)
        start = (number - 1) * PAGE
        return visit.render(
            "decisions.html.j2",
            decisions=made[start : start + PAGE],
            page=number,
            more=len(made) > start + PAGE,
            total=len(made),
            told=tell_one(visit.catalog, whole_number(visit.asked("done"))),
        )

    async def undo(self, visit: Visit, form: Form) -> Response:
        """Take a decision back; an undo is a decision too, and can be undone."""
        who, number = keep_name(visit, form), form.number("number")
        catalog = visit.catalog
        done = await visit.site.service.write(visit.known, lambda: _undo(catalog, number, who))
        back = own_path(form.text("next"))
        if back != "/review":
            return visit.go(f"{back.partition('?')[0]}?done={done}")
        cluster = await run_in_threadpool(_concerned, catalog, done)
        shown = "" if cluster is None else f"cluster={cluster}&"
        return visit.go(f"/review?{shown}done={done}")


def _undo(catalog: Catalog, number: int, who: str) -> int:
    if tell_one(catalog, number) is None:
        raise PageError(404, "There is no such decision.")
    return catalog.undo(number, who)


def _concerned(catalog: Catalog, number: int) -> int | None:
    """A cluster that holds a listing that a decision is about."""
    told = tell_one(catalog, number)
    found = (catalog.cluster_of(id) for id in (told.shown if told else ()))
    return next((cluster for cluster in found if cluster is not None), None)
