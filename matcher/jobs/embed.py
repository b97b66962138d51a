"""Listings to vectors."""

from __future__ import annotations

from pathlib import Path

from matcher.config import RunConfig
from matcher.errors import BackendError, ConfigError
from matcher.io.columns import Columns
from matcher.jobs.steps import (
    ConfigLike,
    Encodings,
    ListingsLike,
    as_listings,
    encode,
    resolve_config,
)
from matcher.types import Encoded, Listings


def embed(
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    encoder: str,
    config: ConfigLike = None,
    columns: Columns | None = None,
) -> tuple[Listings, Encoded]:
    """Encode listings with one encoder.

    Args:
        listings: As for ``dedupe``.
        images: Folder or zip archive of the pictures.
        encoder: Name of a modality of the config, or of an encoder.
        config: Where the encoder's settings stand; None for the default.
        columns: Names of the columns.

    Returns:
        The listings, and a row for each: unit vectors, or hashes.

    Raises:
        BackendError: If the encoder cannot run.
    """
    settings = resolve_config(config, [encoder])
    listings = as_listings(listings, images, columns)
    (encoded,) = encode_one(listings, encoder, settings).tables[0].values()
    return listings, encoded


def encode_one(listings: Listings, encoder: str, config: RunConfig) -> Encodings:
    """Encode listings with one encoder of a config; see ``embed``."""
    chosen = config.select([encoder])
    name = encoder if encoder in chosen.encoders else next(iter(chosen.encoders))
    if name != encoder and len(chosen.encoders) > 1:
        raise ConfigError(
            f"{encoder!r} is the encoder of several modalities: {', '.join(chosen.encoders)}. "
            "Name one of them."
        )
    one = {name: chosen.encoders[name].model_copy(update={"candidates": True})}
    encodings = encode(
        chosen.model_copy(update={"encoders": one, "blending": ()}), listings, listings
    )
    if name not in encodings.tables[0]:
        raise BackendError(encodings.left_out[name])
    return encodings
