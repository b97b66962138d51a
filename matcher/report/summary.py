"""What a run was and came to, in tiles and tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import yaml

from matcher.report import wording
from matcher.results import MatchReport, MatchResult
from matcher.types import UNLABELLED, Int64, Listings

# What each family of metrics counts, in the order in which the page shows them.
FAMILIES = {
    "rowwise": ("Per listing", "the matches of each listing, averaged"),
    "pair": ("Pairs", "pairs of listings put together"),
    "bcubed": ("B-cubed", "the cluster of each listing against its group, averaged"),
    "exact_cluster": ("Exact clusters", "clusters that are one whole group and nothing else"),
}
OTHERS = {"adjusted_rand_index": "Adjusted Rand index", "v_measure": "V-measure"}
PARTS = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure to read at a glance."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class EncoderRow:
    """A modality that ran: what encoded it, and how many listings have it."""

    name: str
    encoder: str
    source: str
    listings: str
    percent: float


@dataclass(frozen=True, slots=True)
class MetricRow:
    """Precision, recall and F1 of one way of counting."""

    name: str
    note: str
    values: tuple[str, ...]


def write_headline(result: MatchResult) -> str:
    """Say in one line what was found."""
    if result.right_listings is not None:
        return f"{wording.plural(len(result.accepted), 'match')} between two sources"
    n_clusters = int((_sizes(result) > 1).sum())
    if not n_clusters:
        return "No product is listed more than once"
    verb = "is" if n_clusters == 1 else "are"
    return f"{wording.plural(n_clusters, 'product')} {verb} listed more than once"


def write_lead(result: MatchResult) -> str:
    """Say in one sentence what was compared, and how; empty if nothing was."""
    if not result.report.encoders:
        return ""
    parts = [f"Compared by {', '.join(result.report.encoders)}"]
    steps = {"fusion": "fused by"}
    if result.clusters_found is not None:
        steps["clustering"] = "clustered by"
    for step, verb in steps.items():
        method = result.report.config.get(step, {}).get("method")
        if method:
            parts.append(f"{verb} {method}")
    return f"{'; '.join(parts)}."


def make_tiles(result: MatchResult) -> list[Tile]:
    """The figures at the top of the page."""
    tiles = _pair_tiles(result) if result.clusters_found is None else _cluster_tiles(result)
    n_accepted, n_candidates = len(result.accepted), len(result.candidate_scores)
    tiles.append(
        Tile(
            "Accepted pairs",
            wording.count(n_accepted),
            f"{wording.plural(n_candidates, 'candidate')} looked at",
        )
    )
    if result.report.seconds:
        tiles.append(Tile("Seconds", wording.decimal(sum(result.report.seconds.values()), 1)))
    return tiles


def _cluster_tiles(result: MatchResult) -> list[Tile]:
    sizes = _sizes(result)
    many = sizes[sizes > 1]
    n, n_inside = len(result.listings), int(many.sum())
    largest = f"the largest holds {wording.count(int(many.max()))}" if len(many) else ""
    return [
        Tile("Listings", wording.count(n)),
        _picture_tile(result.listings, "With a picture"),
        Tile("Clusters of two or more", wording.count(len(many)), largest),
        Tile("Listings in them", wording.count(n_inside), f"{wording.share(n_inside, n)} of all"),
    ]


def _pair_tiles(result: MatchResult) -> list[Tile]:
    tiles = []
    ends = (
        ("left", result.listings, result.accepted.left),
        ("right", result.right_listings or result.listings, result.accepted.right),
    )
    for side, listings, rows in ends:
        n_matched = len(np.unique(rows))
        matched = f"{wording.count(n_matched)} matched ({wording.share(n_matched, len(listings))})"
        tiles.append(Tile(f"Listings, {side}", wording.count(len(listings)), matched))
        tiles.append(_picture_tile(listings, f"With a picture, {side}"))
    return tiles


def _picture_tile(listings: Listings, label: str) -> Tile:
    n_pictures = sum(ref is not None for ref in listings.images)
    part = f"{wording.share(n_pictures, len(listings))} of all"
    return Tile(label, wording.count(n_pictures), part)


def _sizes(result: MatchResult) -> Int64:
    """Listings in each cluster."""
    if result.clusters_found is None:
        return np.zeros(0, np.int64)
    return np.bincount(result.clusters_found.labels)


def list_encoders(result: MatchResult) -> list[EncoderRow]:
    """The modalities that ran."""
    n = len(result.listings) + (len(result.right_listings) if result.right_listings else 0)
    settings = result.report.config.get("encoders", {})
    rows = []
    for name, about in result.report.encoders.items():
        n_has = int(about.get("listings", 0))
        rows.append(
            EncoderRow(
                name=name,
                encoder=str(settings.get(name, {}).get("encoder", name)),
                source=str(about.get("source", "")),
                listings=f"{wording.count(n_has)} ({wording.share(n_has, n)})",
                percent=round(100 * n_has / max(n, 1), 2),
            )
        )
    return rows


def list_metrics(report: MatchReport) -> tuple[list[MetricRow], list[tuple[str, str]]]:
    """Metrics with precision, recall and F1, and all the others by name."""
    left = dict(report.metrics)
    rows = []
    for family in dict.fromkeys([*FAMILIES, *_families(left)]):
        names = [f"{family}_{part}" for part in PARTS]
        if left.keys().isdisjoint(names):
            continue
        title, note = FAMILIES.get(family, (_readable(family), ""))
        told = tuple(wording.decimal(left.pop(name, math.nan)) for name in names)
        rows.append(MetricRow(title, note, told))
    others = [(OTHERS.get(name, _readable(name)), value) for name, value in left.items()]
    return rows, [(name, wording.decimal(value)) for name, value in others]


def _families(metrics: Mapping[str, float]) -> Iterator[str]:
    """Beginnings of names that end in a part."""
    for name in metrics:
        family, _, part = name.rpartition("_")
        if family and part in PARTS:
            yield family


def _readable(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def describe_gallery(result: MatchResult) -> str:
    """What the metrics were measured on: without the number of listings they mean little."""
    tables = [t for t in (result.listings, result.right_listings) if t is not None]
    known = [t.groups[t.groups != UNLABELLED] for t in tables if t.groups is not None]
    if len(tables) == 2:
        gallery = " and ".join(wording.count(len(t)) for t in tables) + " listings"
    else:
        gallery = wording.plural(len(tables[0]), "listing")
    groups = np.unique(np.concatenate([*known, np.zeros(0, np.int64)]))
    n_labelled = sum(map(len, known))
    n_all = sum(map(len, tables))
    labelled = "all" if n_labelled == n_all else f"{wording.count(n_labelled)} of them"
    return (
        f"Measured on {gallery}, {labelled} labelled, of "
        f"{wording.plural(len(groups), 'group')}. The more listings are searched, the more look "
        "alike: compare these figures only with those of a gallery of the same size."
    )


def write_settings(report: MatchReport) -> str:
    """The settings of the run as YAML that can be used again."""
    plain = json.loads(json.dumps(dict(report.config), default=str))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
