"""One HTML file that shows listings whose label is in doubt, beside those that speak of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matcher.report import charts, summary, wording
from matcher.report.cards import Member
from matcher.report.html import _environment
from matcher.report.pictures import Thumbnail, read_thumbnails
from matcher.report.summary import Tile
from matcher.results import MatchReport
from matcher.types import Listings

TEMPLATE = "audit.html.j2"
SHOWN_BESIDE = 4


@dataclass(frozen=True, slots=True)
class Beside:
    """A listing to compare a suspect with: its row, their fused score, its label."""

    row: int
    score: float
    label: str


@dataclass(frozen=True, slots=True)
class Case:
    """A listing whose label is in doubt.

    Attributes:
        row: Its row.
        rank: Its place among the suspects, from 1.
        suspicion: In [0, 1].
        label: The label in doubt.
        suggested: The label that suits it best, its own included; empty where none does.
        why: What speaks against its label.
        alike: What it shares with the first of ``rivals``; empty without any.
        own: Others of its label, the most similar first.
        rivals: Those it resembles most under other labels, the most similar first.
        n_own: How many others have its label, shown or not.
    """

    row: int
    rank: int
    suspicion: float
    label: str
    suggested: str
    why: str
    alike: str
    own: tuple[Beside, ...]
    rivals: tuple[Beside, ...]
    n_own: int


@dataclass(frozen=True, slots=True)
class AuditPage:
    """What an audit found, as far as the page shows it.

    Attributes:
        listings: The listings.
        cases: The suspects to show, the most suspicious first.
        report: How the result came about; its counts name ``labelled``, ``labels``,
            ``suspects`` and ``suggested_elsewhere``.
    """

    listings: Listings
    cases: tuple[Case, ...]
    report: MatchReport


def render_audit(page: AuditPage) -> str:
    """Write the page; like that of ``render_report`` it needs neither scripts nor a network.

    Args:
        page: What to show. Pictures are read from where its listings say they lie.

    Returns:
        HTML, to be saved as UTF-8.
    """
    rows = [case.row for case in page.cases]
    rows += [beside.row for case in page.cases for beside in (*case.own, *case.rivals)]
    pictures = read_thumbnails(page.listings, rows)
    context: dict[str, Any] = {
        "report": page.report,
        "headline": _headline(page.report.counts),
        "tiles": _tiles(page.report.counts),
        "cases": [_lay_out(page.listings, case, pictures) for case in page.cases],
        "pictures": pictures,
        "seconds": charts.chart_seconds(page.report.seconds),
        "settings": summary.write_settings(page.report),
    }
    return _environment().get_template(TEMPLATE).render(context)


def _headline(counts: Mapping[str, int]) -> str:
    n = counts["suspects"]
    if not n:
        return "No label looks wrong"
    return f"{wording.plural(n, 'label')} to look at again"


def _tiles(counts: Mapping[str, int]) -> list[Tile]:
    elsewhere = counts["suggested_elsewhere"]
    return [
        Tile("Listings with a label", wording.count(counts["labelled"])),
        Tile("Different labels", wording.count(counts["labels"])),
        Tile(
            "Suspects",
            wording.count(counts["suspects"]),
            f"{wording.share(counts['suspects'], counts['labelled'])} of the labelled",
        ),
        Tile("Fit another label", wording.count(elsewhere), "of the suspects"),
    ]


def _lay_out(listings: Listings, case: Case, pictures: Mapping[int, Thumbnail]) -> dict[str, Any]:
    """A case with its listings as members of a card, and whether any has a picture."""
    shown = [case.row, *(beside.row for beside in (*case.own, *case.rivals))]
    return {
        "case": case,
        "suspect": _member(listings, case.row, ""),
        "own": [_member(listings, b.row, wording.score(b.score)) for b in case.own],
        "rivals": [_member(listings, b.row, _rival_mark(b)) for b in case.rivals],
        "framed": any(pictures[row].address for row in shown),
    }


def _rival_mark(beside: Beside) -> str:
    return f"{wording.score(beside.score)} · label {wording.shorten(beside.label, 24)}"


def _member(listings: Listings, row: int, mark: str) -> Member:
    return Member(1, row, False, listings.ids[row], listings.titles[row], mark)
