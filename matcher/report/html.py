"""One HTML file that shows a result: no script, and no request leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matcher.report import charts, summary, wording
from matcher.report.cards import Chapter
from matcher.report.gallery import choose_chapters
from matcher.report.pictures import Thumbnail, read_thumbnails
from matcher.results import MatchResult

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "template.html.j2"


def render_report(result: MatchResult) -> str:
    """Write a result as a page for a person to look at.

    The page is one file of at most some 8 MB: however many listings there are, it shows about
    a hundred clusters or pairs and says how they were chosen. It needs neither JavaScript nor
    a network. The same result gives the same page, byte for byte.

    Args:
        result: Matches within one table or between two sources. Pictures are read from where
            its listings say they lie; one that cannot be read is named as such.

    Returns:
        HTML, to be saved as UTF-8.
    """
    chapters = choose_chapters(result)
    metrics, other_metrics = summary.list_metrics(result.report)
    context: dict[str, Any] = {
        "report": result.report,
        "two_sources": result.right_listings is not None,
        "headline": summary.write_headline(result),
        "lead": summary.write_lead(result),
        "tiles": summary.make_tiles(result),
        "encoders": summary.list_encoders(result),
        "metrics": metrics,
        "other_metrics": other_metrics,
        "gallery": summary.describe_gallery(result),
        "candidates": charts.chart_candidates(result),
        "modalities": charts.chart_modalities(result),
        "sizes": charts.chart_sizes(result.clusters_found) if result.clusters_found else [],
        "seconds": charts.chart_seconds(result.report.seconds),
        "chapters": chapters,
        "pictures": _read_pictures(result, chapters),
        "settings": summary.write_settings(result.report),
    }
    return _environment().get_template(TEMPLATE).render(context)


def _read_pictures(
    result: MatchResult, chapters: list[Chapter]
) -> dict[tuple[bool, int], Thumbnail]:
    """Pictures of all listings shown, by whether they are from the right source, and row."""
    members = [m for chapter in chapters for card in chapter.cards for m in card.members]
    pictures: dict[tuple[bool, int], Thumbnail] = {}
    for from_right, listings in ((False, result.listings), (True, result.right_listings)):
        if listings is not None:
            rows = [m.row for m in members if m.from_right == from_right]
            found = read_thumbnails(listings, rows)
            pictures |= {(from_right, row): thumbnail for row, thumbnail in found.items()}
    return pictures


def _environment() -> Environment:
    """Templates that escape every value, and refuse names that have none."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("matcher", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": wording.count,
        "plural": wording.plural,
        "score": wording.score,
        "cut": wording.shorten,
    }
    return environment


def _clean(value: object) -> object:
    """Drop control characters from every text that is not markup yet."""
    from markupsafe import Markup

    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.clean(value)
    return value
