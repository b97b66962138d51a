"""Rows of figures of sets of photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import config
from benchmarks.protocols import ranking
from matcher.io.columns import Columns
from matcher.io.listings import read_listings

Row = dict[str, Any]


def pictures(data: Path, weights: Path) -> Iterator[Row]:
    """The baseline that an image encoder must beat."""
    for name, shown in (("hm", "H&M"), ("grocery", "grocery")):
        folder = data / name
        # The H&M titles name the label: pictures only.
        table = folder / "listings.csv"
        listings = read_listings(table, folder / "images.zip", Columns(title=""))
        settings = config("mobilenet")
        modality = settings.encoders["mobilenet"]
        fixed = modality.model_copy(
            update={"settings": {**modality.settings, "weights": str(weights)}}
        )
        settings = settings.model_copy(update={"encoders": {"mobilenet": fixed}})
        found = ranking(listings, settings, "mobilenet")
        for figure in ("top1", "top5", "mar@10"):
            yield {
                **dict(set=f"{shown}, {len(listings):,} photos", method="ImageNet MobileNetV2"),
                **dict(config="mobilenet", figure=figure, value=found[figure]),
                **dict(gallery=len(listings), split="nothing to fit", bar=None, headline=True),
            }
