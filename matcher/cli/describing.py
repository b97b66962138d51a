"""The command that looks at a table before anything is matched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say, say_json

if TYPE_CHECKING:
    from matcher.description import Copies, Description

SHOWN_PROBLEMS = 3
SHOWN_WORDS = 8
COPIES = {"title": "title", "hash": "perceptual hash", "picture": "picture file"}


@app.command()
@o.reads(read=o.WITH_LABELS)
def describe(
    read: o.Reader,
    listings: o.Table,
    images: o.Images = None,
    out: o.Out = Path("matcher-out"),
    no_cache: o.NoCache = False,
    as_json: o.AsJson = False,
) -> None:
    """Say what a table holds before anything is matched.

    Counts titles, pictures, hashes, labels and problems; group sizes; lengths, characters, words
    and languages of titles; copies. Writes description.html, a page to look at, and
    description.json with the same figures.
    """
    from matcher.io.atomic import OutputFolder
    from matcher.jobs.describe import describe as run
    from matcher.jobs.describe import save_description

    with OutputFolder(out) as folder, progress_bars():
        table = read(listings, images)
        description = run(table, cache=not no_cache)
        save_description(description, table, folder)
    if as_json:
        say_json(asdict(description))
    else:
        _show(description, out)


def _show(description: Description, out: Path) -> None:
    """Print the main figures, and where the rest lies."""
    counts, groups, titles = description.counts, description.groups, description.titles
    say(
        f"{counts['listings']:,} listings: {counts['with_title']:,} with a title, "
        f"{counts['with_image']:,} with a picture, {counts['with_hash']:,} with a hash, "
        f"{counts['labelled']:,} labelled."
    )
    if groups is not None:
        say(
            f"{groups.groups:,} groups, {groups.singletons:,} of them of one listing; the largest "
            f"holds {max(groups.sizes):,}."
        )
    if titles.characters is not None and titles.words is not None:
        say(
            f"Titles: median {titles.characters.median:g} characters and {titles.words.median:g} "
            f"words; {titles.with_quantity:,} name a quantity, {titles.with_model_number:,} a "
            "model number."
        )
        languages = description.languages
        told = ", ".join(f"{name} {n:,}" for name, n in languages.counts.items())
        say(f"Languages of {languages.sampled:,} titles: {told}.")
    if titles.top_words:
        say(f"Top words: {', '.join(word.text for word in titles.top_words[:SHOWN_WORDS])}.")
    for name, copies in description.copies.items():
        if copies.compared:
            say(_tell(copies, COPIES[name]))
    for reason, n in list(description.problems.items())[:SHOWN_PROBLEMS]:
        say(f"Problem in {n:,} of the listings: {reason}")
    say(f"Written to {out}: description.json.")
    say(f"Report: {(out / 'description.html').resolve().as_uri()}")


def _tell(copies: Copies, what: str) -> str:
    """Copies of one kind in a sentence."""
    text = f"Same {what}: {copies.listings:,} listings in {copies.sets:,} sets"
    return (
        f"{text}, {copies.several_groups:,} of them across groups." if copies.sets else f"{text}."
    )
