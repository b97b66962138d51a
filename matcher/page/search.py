"""The page that searches the catalogue by photo or title."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from matcher.catalog import Candidate
from matcher.page.charts import Meter, meter
from matcher.page.errors import PageError
from matcher.page.forms import Form
from matcher.page.service import Box, Query
from matcher.page.thumbnails import show_photo
from matcher.page.visits import Visit

N_RESULTS = 12
MAX_TITLE_CHARS = 10_000
SHOWN_SIDE = 192
SIDES = ("x", "y", "width", "height")
# Far more than any picture has pixels in a row; float32 still tells them apart.
MAX_SIDE = 1_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """A candidate with its scores as bars.

    Attributes:
        found: The candidate.
        fused: Its fused score.
        parts: Its score in every modality.
    """

    found: Candidate
    fused: Meter
    parts: tuple[Meter, ...]


class SearchPages:
    """Search."""

    async def show(self, visit: Visit) -> Response:
        """An empty form, or the results for a title in the address."""
        title = tidy_title(visit.asked("title"))
        if not title:
            return await run_in_threadpool(_render, visit, None, None)
        query = Query(title, None, None, N_RESULTS)
        found = await visit.site.service.ask(visit.known, query)
        return await run_in_threadpool(_render, visit, query, found)

    async def search(self, visit: Visit, form: Form) -> Response:
        """The results for what was sent; the photo is kept nowhere."""
        query = read_query(form)
        found = await visit.site.service.ask(visit.known, query)
        return await run_in_threadpool(_render, visit, query, found)


def read_query(form: Form) -> Query:
    """What a form asks for.

    Raises:
        PageError: If it asks for nothing, or for a part of a photo that cannot be.
    """
    title, photo = tidy_title(form.text("title")), form.files.get("photo")
    if not title and photo is None:
        raise PageError(422, "Choose a photo, type a title, or both.")
    if len(title) > MAX_TITLE_CHARS:
        raise PageError(422, f"A title has {MAX_TITLE_CHARS:,} characters at most.")
    return Query(title, photo, None if photo is None else read_box(form), N_RESULTS)


def read_box(form: Form) -> Box | None:
    """The part of a photo that a form names; None for the whole photo.

    Raises:
        PageError: If it is no part.
    """
    texts = [form.text(side).strip() for side in SIDES]
    if not any(texts):
        return None
    wrong = PageError(
        422,
        "For a part of the photo, fill in left, top, width and height in pixels, with a width "
        "and height above 0; or leave all four empty.",
    )
    try:
        x, y, width, height = (float(text) for text in texts)
    except ValueError:
        raise wrong from None
    if not all(math.isfinite(v) and 0 <= v <= MAX_SIDE for v in (x, y, width, height)):
        raise wrong
    if min(width, height) <= 0:
        raise wrong
    return x, y, width, height


def tidy_title(text: str) -> str:
    """A title on one line, without NUL."""
    return " ".join(text.replace("\0", " ").split())


def finite_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores by modality, without those that are no numbers."""
    return {name: float(score) for name, score in scores.items() if math.isfinite(score)}


def _render(visit: Visit, query: Query | None, found: Sequence[Candidate] | None) -> Response:
    photo = ""
    if query is not None and query.photo is not None:
        photo = show_photo(query.photo, query.box, SHOWN_SIDE)
    results = [lay_out(candidate) for candidate in found or ()]
    template = "search_results.html.j2" if visit.in_part else "search.html.j2"
    return visit.render(
        template,
        query=query,
        photo=photo,
        results=results,
        n_matches=sum(result.found.match for result in results),
        # Not shown beside results alone, and counting takes time.
        n_listings=0 if visit.in_part else visit.catalog.statistics().n_listings,
    )


def lay_out(found: Candidate) -> Result:
    """A candidate with its scores as bars."""
    parts = tuple(meter(name, score) for name, score in finite_scores(found.scores).items())
    return Result(found, meter("score", float(found.score), bound=0.5), parts)
