"""How good is a file of matches?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from matcher.errors import DataError
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.io.match_files import read_matches
from matcher.metrics import score_matches
from matcher.types import UNLABELLED


def evaluate(
    truth: str | Path, matches: str | Path, columns: Columns | None = None
) -> dict[str, float | int]:
    """Score matches against labels.

    Args:
        truth: Table with an id and a label for each listing.
        matches: Table with an id and, in ``matches``, the ids it matches.
        columns: Names of the columns of ``truth``.

    Returns:
        Number of listings (the gallery) and of labelled ones, and the mean row-wise
        precision, recall and F1.

    Raises:
        DataError: If a file cannot be used, or there are no labels.
    """
    listings = read_listings(truth, columns=columns)
    groups = listings.groups
    if groups is None or not (groups != UNLABELLED).any():
        raise DataError(f"{truth} holds no labels. Name their column with --group.")
    found = read_matches(matches, listings.ids, None)
    return {
        "listings": len(listings),
        "labelled": int(np.sum(groups != UNLABELLED)),
        "matched_pairs": len(found.indices),
        **score_matches(found, groups),
    }
