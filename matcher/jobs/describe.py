"""What is in a table: figures to know before listings are matched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from matcher.description import (
    Copies,
    Description,
    describe_groups,
    describe_titles,
    detect_languages,
    find_copies,
)
from matcher.description.pictures import key_pictures
from matcher.encoders.phash import Spec as Phash
from matcher.io.atomic import OutputFolder
from matcher.io.columns import Columns
from matcher.io.outputs import write_json
from matcher.jobs.encoding import encode_table
from matcher.jobs.save import write_text
from matcher.jobs.steps import KINDS_OF_PROBLEM, ListingsLike, as_listings, count_problems
from matcher.report.description import render_description
from matcher.text.words import clean_title
from matcher.types import UNLABELLED, Hashes, Listings


def describe(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    columns: Columns | None = None,
    seed: int = 0,
    cache: bool = True,
) -> Description:
    """Count what a table holds; nothing is matched.

    Pictures whose hash the table does not give are read and hashed, as ``dedupe`` does.

    Args:
        listings: As for ``dedupe``.
        images: Folder or zip archive of the pictures.
        columns: Names of the columns; those not given are detected.
        seed: Seeds the titles whose language is told and the groups shown as examples.
        cache: Whether hashes of earlier runs may be used, and new ones kept.

    Returns:
        Figures by subject, with the ids of a few listings as examples.

    Raises:
        DataError: If the table cannot be used.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"id": ["a", "b", "c"], "title": ["Tea 50 g", "tea 50g", "Cup"]})
        >>> described = describe(table)
        >>> described.counts["with_title"], described.copies["title"].sets
        (3, 1)
    """
    listings = as_listings(listings, images, columns)
    hashes = cast(Hashes, encode_table(Phash().fit(listings), listings, "phash", cache).encoded)
    return Description(
        counts=_count(listings, hashes),
        problems=_count_problems(listings, hashes),
        groups=describe_groups(listings, seed),
        titles=describe_titles(listings.titles),
        languages=detect_languages(listings.titles, seed),
        copies=_find_copies(listings, hashes),
    )


def save_description(description: Description, listings: Listings, out: OutputFolder) -> None:
    """Write ``description.json`` (all figures) and ``description.html`` (a page to look at).

    Args:
        description: What to write.
        listings: The table that it describes, for the pictures and titles of the examples.
        out: The folder, entered: its files appear together when its block ends.

    Raises:
        StoreError: If a file cannot be written.
    """
    write_json(asdict(description), out.file("description.json"))
    write_text(render_description(description, listings), out.file("description.html"))


def _count(listings: Listings, hashes: Hashes) -> dict[str, int]:
    given, groups = listings.phashes, listings.groups
    return {
        "listings": len(listings),
        "with_title": sum(1 for title in listings.titles if title and not title.isspace()),
        "with_image": sum(ref is not None for ref in listings.images),
        "with_hash": int(hashes.present.sum()),
        "hashes_given": 0 if given is None else int(given.present.sum()),
        "labelled": 0 if groups is None else int((groups != UNLABELLED).sum()),
    }


def _count_problems(listings: Listings, hashes: Hashes) -> dict[str, int]:
    """The commonest kinds of trouble, ties by alphabet."""
    found = count_problems(listings, {"phash": hashes})
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:KINDS_OF_PROBLEM])


def _find_copies(listings: Listings, hashes: Hashes) -> dict[str, Copies]:
    """Equal titles, hashes and files."""
    hashed = zip(hashes.codes.tolist(), hashes.present.tolist(), strict=True)
    titles = [" ".join(clean_title(title).split()) or None for title in listings.titles]
    keys: dict[str, list[Any]] = {
        "title": titles,
        "hash": [code if has else None for code, has in hashed],
        "picture": key_pictures(listings),
    }
    return {name: find_copies(values, listings) for name, values in keys.items()}
