"""Measures of image encoders, on pictures that were not trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.protocols import labels_of, ranking, take
from benchmarks.weights_encoders import (
    PHASH,
    Row,
    Setting,
    alone,
    encode_alone,
    image_encoders,
    measured,
)
from benchmarks.weights_reposts import KINDS, write_reposts
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.jobs.seen_rows import refuse_seen
from matcher.metrics import hit_at_k, top_k_accuracy
from matcher.search import make_index, take_rows
from matcher.training.trained_rows import codes_of, picture_digests
from matcher.types import Listings

GROCERY = "groceries: top-1 of photos not trained on, among all"
GROCERY_ALONE = "groceries: top-1 of photos not trained on, among themselves"
HM = "H&M styles: "
COPIES = "H&M changed copies: top-1"


def grocery(setting: Setting) -> Iterator[Row]:
    """Photos of groceries of the split ``test``; other photos of their classes were trained on."""
    listings = _read(setting, "grocery")
    assert listings.extra is not None
    split = np.array(listings.extra["split"].to_pylist())
    kept = setting.rows(listings)
    listings, split = take(listings, kept), split[kept]
    groups, test = labels_of(listings), np.flatnonzero(split == "test")
    told = f"split test, {len(test):,} queries"
    for name, config in image_encoders(setting).items():
        refuse_seen(config, listings, test)
        encoded = encode_alone(config, listings)
        ranked = make_index(encoded).search_within(k=1)
        hits = hit_at_k(ranked, groups, groups, 1, within=True)[test]
        yield measured(GROCERY, name, float(np.nanmean(hits)), len(listings), told)
        within, theirs = make_index(take_rows(encoded, test)).search_within(k=1), groups[test]
        value = top_k_accuracy(within, theirs, theirs, 1, within=True)
        yield measured(GROCERY_ALONE, name, value, len(test), told)


def hm(setting: Setting) -> Iterator[Row]:
    """Articles of H&M: one style in other colours and variants."""
    listings = setting.part(_read(setting, "hm"))
    for name, config in image_encoders(setting).items():
        found = ranking(listings, config, name)
        for figure in ("top1", "top5", "mar@10"):
            told = "nothing trained on or fitted; queries with a mate"
            yield measured(HM + figure, name, found[figure], len(listings), told)


def reposts(setting: Setting) -> Iterator[Row]:
    """A changed copy of each picture of H&M: its original is to be found among all originals."""
    listings = setting.part(_read(setting, "hm"))
    copies, made = write_reposts(listings, setting.made / "reposts")
    same = codes_of(picture_digests(listings))  # several articles have one picture
    kinds = {kind: np.array([kind in repost.kinds for repost in made]) for kind in KINDS}
    encoders = {**image_encoders(setting), PHASH: alone(PHASH, {"encoder": "phash"})}
    for name, config in encoders.items():
        refuse_seen(config, listings)
        index = make_index(encode_alone(config, listings))
        found = index.search(encode_alone(config, copies), k=1)
        hits = hit_at_k(found, same, same, 1)
        told = "nothing trained on or fitted; one copy of each"
        yield measured(COPIES, name, float(hits.mean()), len(listings), told)
        for kind, rows in kinds.items():
            if rows.any():
                value, told = float(hits[rows].mean()), f"{rows.sum():,} of the copies"
                yield measured(f"{COPIES}, {kind}", name, value, len(listings), told)


def _read(setting: Setting, name: str) -> Listings:
    """Pictures and labels of a set; titles would name the label."""
    folder = setting.data / name
    return read_listings(folder / "listings.csv", folder / "images.zip", Columns(title=""))
