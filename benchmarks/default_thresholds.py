"""Fit the thresholds of the default config that belong to the weights in the package.

    python -m benchmarks.default_thresholds CONFIG [--out FILE] [--fit A,B | --keep] [--only A B]

CONFIG is the default as it is to be, with a modality for each of the two encoders (weights:
``base``). Their thresholds are fitted by coordinate ascent for the best mean, over the sets below,
of the row F1 of clusters, those of all other modalities staying as they are, each with the
clusterer's ``min_score`` that suits it best. ``--fit`` names other modalities to fit.
Each set is cut in halves by product, each a gallery of its own: one is fitted to, the other is
scored as well. Beside both stands CONFIG without the modalities that are fitted.

The best mean is not all: it takes thresholds that pay on made-up listings and cost on Shopee. The
default was chosen among variants of it, each shown with ``--keep``, which fits nothing: none may
lose more than 0.005 on a set of the first halves.

- Shopee: titles and given hashes.
- PriceRunner: titles, of products of which the weights have not been trained on any offer.
- H&M: pictures alone; same style, not same product.
- made-up listings (``make_listings``, 800 products, seed 12): titles and pictures together.

No figure in README.md or docs/ is of a default config on the labels of these sets: the config keeps
``fitted_on``, with which ``benchmarks.protocols.as_given`` refuses them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from benchmarks.machine import data_folder
from benchmarks.protocols import labels_of, take
from matcher import make_listings
from matcher.calibration import CUTS, THRESHOLDS, cluster_row_f1
from matcher.calibration._fitting import ONLY_HELPING
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.jobs.seen_rows import find_known, refuse_seen
from matcher.jobs.steps import encode, find_candidates, pair_graph
from matcher.jobs.thresholds import fused_scores, row_f1
from matcher.training.splits import digest_labels, folds, tied_rows
from matcher.types import Int64, Listings, ScoredPairs

ROUNDS = 4
PRODUCTS, SEED = 800, 12
OURS = ("image", "bert")


@dataclass(frozen=True, slots=True)
class Half:
    """Candidates of one half of a set, and its labels, shape ``(n,)``."""

    pairs: ScoredPairs
    groups: Int64

    def clusters(self, config: RunConfig) -> float:
        """Row F1 of clusters."""
        return row_f1(config, self.pairs, self.groups, np.ones(len(self.groups), np.bool_))

    def sweep(self, config: RunConfig) -> list[float]:
        """Row F1 of clusters at each of ``CUTS``."""
        graph = pair_graph(self.pairs, fused_scores(config, self.pairs))
        every = np.ones(len(self.groups), np.bool_)
        swept = config.clustering.sweep(graph, CUTS)
        return [cluster_row_f1(clusters.labels, self.groups, every) for clusters in swept]


def shopee(data: Path, config: RunConfig, folder: Path) -> Listings:
    """Titles and the given hashes."""
    return read_listings(data / "shopee" / "train.csv")


def pricerunner(data: Path, config: RunConfig, folder: Path) -> Listings:
    """Offers of products that the weights know nothing of, nor were chosen by."""
    listings = read_listings(data / "pricerunner" / "offers.csv")
    groups, known = labels_of(listings), find_known(config, listings)
    rows = [rows for found in known for rows in found.values()]
    if not rows:
        raise DataError(
            "The weights do not say that they were trained on offers of PriceRunner. Ship them "
            "with --source .../pricerunner/offers.csv (pipelines.ship_weights), or leave the set "
            "out (--only)."
        )
    learnt = np.isin(groups, groups[np.concatenate(rows)])
    print(f"PriceRunner: {(~learnt).sum():,} of {len(groups):,} offers are of products not learnt")
    return take(listings, np.flatnonzero(~learnt))


def hm(data: Path, config: RunConfig, folder: Path) -> Listings:
    """Pictures alone: titles name the label."""
    own = data / "hm"
    return read_listings(own / "listings.csv", own / "images.zip", Columns(title=""))


def made_up(data: Path, config: RunConfig, folder: Path) -> Listings:
    """Titles and pictures."""
    own = folder / "made-up"
    return read_listings(make_listings(PRODUCTS, own, seed=SEED), own / "images")


SETS: Mapping[str, Callable[[Path, RunConfig, Path], Listings]] = {
    "shopee": shopee,
    "pricerunner": pricerunner,
    "hm": hm,
    "made_up": made_up,
}


def main() -> None:
    """Fit, print what comes of it, and write the config."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, help="the config with what was fitted")
    parser.add_argument("--fit", help="modalities to fit; else those of the encoders image, bert")
    parser.add_argument("--keep", action="store_true", help="fit nothing, show CONFIG as it is")
    parser.add_argument("--only", nargs="*", choices=list(SETS), help="some of the sets")
    parser.add_argument("--data", type=Path, default=data_folder())
    options = parser.parse_args()
    config = RunConfig.load(options.config)
    names = options.fit.split(",") if options.fit else ours(config)
    halves: dict[str, list[Half]] = {}
    fitted_on = set(config.fitted_on)
    with TemporaryDirectory() as folder:
        for name in options.only or SETS:
            listings = SETS[name](options.data, config, Path(folder))
            fitted_on.add(digest_labels(listings))
            halves[name] = list(encoded_halves(config, listings))
    first = [both[0] for both in halves.values()]
    fitted = config if options.keep else fit_thresholds(config, names, first)
    fitted = fitted.model_copy(update={"fitted_on": tuple(sorted(fitted_on))})
    show(fitted, without(config, names), halves)
    if options.out:
        options.out.write_text(yaml.safe_dump(fitted.dump(), sort_keys=False), encoding="utf-8")


def ours(config: RunConfig) -> list[str]:
    """Modalities of the encoders that come with weights."""
    names = [name for name, modality in config.encoders.items() if modality.encoder in OURS]
    if not names:
        raise ConfigError(f"The config has no modality of the encoders {' and '.join(OURS)}.")
    return names


def encoded_halves(config: RunConfig, listings: Listings) -> Iterator[Half]:
    """The two halves of a set, each a gallery of its own."""
    half = folds(tied_rows(listings), 2, 0)
    for k in range(2):
        part = take(listings, np.flatnonzero(half == k))
        refuse_seen(config, part, what="set thresholds" if k == 0 else "be scored")
        (encoded,) = encode(config, part, part).tables
        yield Half(find_candidates(config, encoded), labels_of(part))


def fit_thresholds(config: RunConfig, names: Sequence[str], halves: Sequence[Half]) -> RunConfig:
    """Coordinate ascent over the thresholds of ``names``, on the mean over the halves."""
    best, best_score = fit_cut(config, halves)
    for _ in range(ROUNDS):
        before = best_score
        for name in names:
            for value in THRESHOLDS + ONLY_HELPING:
                changed, score = fit_cut(with_threshold(best, name, value), halves)
                if score > best_score:
                    best, best_score = changed, score
        print(f"clusters: mean row F1 {best_score:.4f}, {thresholds_of(best)}", flush=True)
        if best_score == before:
            break
    return best


def fit_cut(config: RunConfig, halves: Sequence[Half]) -> tuple[RunConfig, float]:
    """The config with the best ``min_score`` of its clusterer, and its mean over the halves."""
    means = np.mean([half.sweep(config) for half in halves], axis=0)
    best = int(means.argmax())
    clusterer = config.clustering.model_copy(update={"min_score": CUTS[best]})
    return config.model_copy(update={"clustering": clusterer}), float(means[best])


def thresholds_of(config: RunConfig) -> dict[str, float]:
    """Thresholds by modality."""
    return dict(config.fusion.thresholds)  # type: ignore[attr-defined]


def with_threshold(config: RunConfig, name: str, value: float) -> RunConfig:
    """The same config with one threshold changed."""
    changed = {**thresholds_of(config), name: value}
    return config.model_copy(
        update={"fusion": config.fusion.model_copy(update={"thresholds": changed})}
    )


def without(config: RunConfig, names: Sequence[str]) -> RunConfig:
    """The same config without some modalities in its fusion; candidates stay."""
    kept = {name: t for name, t in thresholds_of(config).items() if name not in names}
    return config.model_copy(
        update={"fusion": config.fusion.model_copy(update={"thresholds": kept})}
    )


def show(fitted: RunConfig, before: RunConfig, halves: Mapping[str, Sequence[Half]]) -> None:
    """Print what was fitted, and row F1 of clusters on both halves."""
    print(f"thresholds: {thresholds_of(fitted)}, min_score: {fitted.clustering.min_score}")
    print("row F1 of clusters: without, with; fitted half, other half")
    for name, both in halves.items():
        told = [f"{half.clusters(c):.4f}" for half in both for c in (before, fitted)]
        sizes = ", ".join(f"{len(half.groups):,}" for half in both)
        print(f"{name} ({sizes}): {told[0]} -> {told[1]}; {told[2]} -> {told[3]}", flush=True)


if __name__ == "__main__":
    main()
