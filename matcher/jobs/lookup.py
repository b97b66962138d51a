"""Which listings are closest to one picture or title?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.io.images import open_image
from matcher.jobs.sources import match_rows
from matcher.jobs.steps import ConfigLike, ListingsLike, as_listings, by_reason, resolve_config
from matcher.results import MatchResult
from matcher.types import Bool, Float32, ImageRef, Listings, ScoredPairs

QUERY_ID = "query"


def look_up(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    image: str | Path | None = None,
    title: str | None = None,
    box: tuple[float, float, float, float] | None = None,
    k: int = 10,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
) -> MatchResult:
    """Find the listings closest to a picture, a title, or both.

    Args:
        listings: As for ``dedupe``: where to search.
        images: Folder or zip archive of their pictures.
        image: Picture to search for.
        title: Title to search for.
        box: The part of ``image`` that shows the product: x, y, width, height in pixels.
        k: Most listings to return.
        config: A config, its values by name, or the path of a YAML file; None for the default.
        encoders: Names of modalities or encoders to use; None for all.
        columns: Names of the columns.

    Returns:
        The best ``k`` as pairs of the query with a listing, best first; those with a score of
        0.5 or more are what ``dedupe`` would call a direct match.
    """
    query = _query(image, title, box)
    if k < 1:
        raise ConfigError(f"k must be at least 1. Received: {k}.")
    gallery = as_listings(listings, images, columns)

    def choose(pairs: ScoredPairs, fused: Float32) -> Bool:
        best = np.lexsort((pairs.right, -fused))[:k]
        return np.isin(np.arange(len(pairs)), best)

    settings = _loosened(resolve_config(config, encoders), k)
    result = match_rows(settings, query, gallery, gallery, choose)
    if not len(result.accepted):
        told = list(result.report.problems) + [
            f"{n}: {w}" for n, w in by_reason(result.report.left_out)
        ]
        raise DataError(
            "The query has nothing that these listings can be compared by. "
            f"Encoders that ran: {', '.join(result.report.encoders)}. {'; '.join(told)}"
        )
    return result


def _query(
    image: str | Path | None, title: str | None, box: tuple[float, float, float, float] | None
) -> Listings:
    """The query as a table of one listing."""
    if not image and not title:
        raise ConfigError("Searching needs a picture or a title. Received neither.")
    if box is not None and len(box) != 4:
        raise ConfigError(f"A box is x, y, width, height in pixels. Received: {box}.")
    if box is not None and not image:
        raise ConfigError("A box is a part of a picture: name the picture too.")
    return Listings(
        ids=(QUERY_ID,),
        titles=(title or "",),
        images=(_picture(image),),
        boxes=None if box is None else np.array([box], np.float32),
    )


def _picture(path: str | Path | None) -> ImageRef | None:
    """The picture to search for, once it has been found readable."""
    if not path:
        return None
    ref = ImageRef(Path(path))
    open_image(ref)
    return ref


def _loosened(config: RunConfig, k: int) -> RunConfig:
    """Search as deep as is asked for, and however weak the likeness."""
    encoders = {
        name: modality.model_copy(update={"min_score": -1.0})
        for name, modality in config.encoders.items()
    }
    search = config.search.model_copy(update={"neighbors": max(k, config.search.neighbors)})
    return config.model_copy(update={"encoders": encoders, "search": search})
