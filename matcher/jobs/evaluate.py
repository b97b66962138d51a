"""How good is a file of matches?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from matcher.errors import DataError
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.io.match_files import read_matches
from matcher.jobs.seen_rows import refuse_matches
from matcher.metrics import Counts, score_matches
from matcher.search import union_pairs
from matcher.types import UNLABELLED


def evaluate(
    truth: str | Path, matches: str | Path, columns: Columns | None = None, **reading: Any
) -> dict[str, float | int]:
    """Score matches against labels.

    Args:
        truth: Table with an id and a label for each listing.
        matches: Table with an id and, in ``matches``, the ids it matches.
        columns: Names of the columns of ``truth``.
        **reading: Other options of ``read_listings`` for ``truth``.

    Returns:
        Number of listings (the gallery), of labelled ones and of matched pairs; the mean
        row-wise precision, recall and F1; and those of the pairs, each counted once.

    Raises:
        DataError: If a file cannot be used, there are no labels, or an encoder behind the
            matches was trained on some of the labelled listings.
    """
    listings = read_listings(truth, columns=columns, labels_only=True, **reading)
    groups = listings.groups
    if groups is None or not (groups != UNLABELLED).any():
        raise DataError(f"{truth} holds no labels. Name their column with --group.")
    refuse_matches(Path(matches), listings)
    found = read_matches(matches, listings.ids, listings.id_name)
    left, right = union_pairs([found])
    known = (groups[left] != UNLABELLED) & (groups[right] != UNLABELLED)
    sizes = np.bincount(groups[groups != UNLABELLED])
    pairs = Counts(
        correct=int((known & (groups[left] == groups[right])).sum()),
        predicted=int(known.sum()),
        true=int((sizes * (sizes - 1) // 2).sum()),
    )
    return {
        "listings": len(listings),
        "labelled": int(np.sum(groups != UNLABELLED)),
        "matched_pairs": len(left),
        **score_matches(found, groups),
        "pair_precision": pairs.precision,
        "pair_recall": pairs.recall,
        "pair_f1": pairs.f1,
    }
