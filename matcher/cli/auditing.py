"""The command that finds labels to look at again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say, say_json, show_encoders, show_problems

if TYPE_CHECKING:
    from matcher.jobs.audit import Audited

SHOWN_TITLE = 60


@app.command()
@o.reads(read=o.WITH_LABELS)
def audit(
    read: o.Reader,
    listings: o.Table,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
    images: o.Images = None,
    encoders: o.Encoders = None,
    config: o.Config = None,
    no_cache: o.NoCache = False,
    show: Annotated[int, typer.Option(min=0, help="Suspects to print.")] = 5,
    as_json: o.AsJson = False,
) -> None:
    """Rank labelled listings by how likely their label is wrong.

    Writes suspects.csv (id, label, suspicion, why, the label that fits better; safe to open in
    a spreadsheet), audit.json (settings, counts, seconds, the same suspects) and audit.html
    (each suspect beside others of its label and those it resembles).
    """
    from matcher.io.atomic import OutputFolder
    from matcher.jobs.audit import audit as run
    from matcher.jobs.audit_files import audit_report, save_audit
    from matcher.jobs.steps import resolve_config

    settings = resolve_config(config, encoders, not no_cache)
    with OutputFolder(out) as folder, progress_bars():
        found = run(read(listings, images), config=settings, columns=read.columns)
        save_audit(found, folder)
    if as_json:
        say_json(audit_report(found))
    else:
        _show(found, out, show)


def _show(found: Audited, out: Path, n_suspects: int) -> None:
    """Print the first suspects, how many there are, and where they lie."""
    first = found.suspects[:n_suspects].tolist()
    for row, why in zip(first, found.why, strict=False):
        score = found.suspicions.scores[row]
        title = found.listings.titles[row]
        shown = title if len(title) <= SHOWN_TITLE else title[: SHOWN_TITLE - 1] + "…"
        say(f"{score:.3f}  {found.listings.ids[row]}  {shown}")
        say(f"       labelled {found.label(row)}, suggested {found.suggestion(row)}: {why}")
    if first:
        say()
    counts = found.report.counts
    say(
        f"{counts['suspects']:,} of {counts['labelled']:,} labels to look at again; "
        f"{counts['suggested_elsewhere']:,} of them fit another label."
    )
    report = found.report
    show_encoders(report.encoders, report.left_out, report.search)
    show_problems(report.problems)
    say(f"Written to {out}: suspects.csv, audit.json.")
    say(f"Report: {(out / 'audit.html').resolve().as_uri()}")
