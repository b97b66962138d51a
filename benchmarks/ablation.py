"""Measure what each step is worth, and write the table of docs/ablation.md.

    python -m benchmarks.ablation [--only NAME ...] [--data DIR]

Each row is a config that differs from the one before it, or from the last of the steps, by what
the row says. Labels of one half of the products set its thresholds, the listings of the other
half are scored, then the other way round; every listing is searched among all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import CONFIGS, ROOT, data_folder, machine
from benchmarks.protocols import held_out_in_all
from benchmarks.table import replace_between
from matcher.config import RunConfig
from matcher.io.listings import read_listings

RESULTS = ROOT / "benchmarks" / "results" / "ablation.json"
PAGE = ROOT / "docs" / "ablation.md"
TABLES = {"Shopee": "shopee/train.csv", "PriceRunner": "pricerunner/offers.csv"}
TRAINED = {"Shopee": "shopee_pairs", "PriceRunner": "titles_pairs"}
Change = Mapping[str, Any]

WORDS = {"words": {"encoder": "tfidf", "tokens": "words", "min_score": 0.3}}
CHARACTERS = {"characters": {"encoder": "tfidf", "tokens": "characters", "min_score": 0.4}}
MODELS = {"models": {"encoder": "tfidf", "tokens": "models", "min_score": 0.5}}
NUMBERS = {"numbers": {"encoder": "tfidf", "tokens": "numbers", "candidates": False}}
QUANTITIES = {"quantities": {"encoder": "tfidf", "tokens": "quantities", "candidates": False}}
PHASH = {"phash": {"min_score": 0.6875}}
SEARCH = {"search": {"neighbors": 50}}
DIRECT = {"clustering": {"method": "average"}, "matches": "pairs"}
TEXT = ["words", "characters"]
SHARED = {"method": "shared_titles", "of": TEXT, "by": "phash", "max_bits": 4}


def boundary(**thresholds: float) -> Change:
    """A joint boundary over these modalities."""
    return {"fusion": {"method": "boundary", "power": 2, "thresholds": thresholds}}


def steps(with_hashes: bool) -> Iterator[tuple[str, Change]]:
    """The way from one modality to the config, a step a row; each replaces what it names."""
    phash = PHASH if with_hashes else {}
    if with_hashes:
        yield (
            "phash alone, direct matches",
            {"encoders": PHASH, **boundary(phash=0.8), **SEARCH, **DIRECT},
        )
    yield (
        "words alone, direct matches",
        {"encoders": WORDS, **boundary(words=0.6), **SEARCH, **DIRECT},
    )
    yield "+ average linkage", {"matches": "clusters"}
    seen = {"words": 0.85}
    if with_hashes:
        seen["phash"] = 0.8
        yield "+ phash", {"encoders": {**WORDS, **phash}, **boundary(**seen)}
    seen["characters"] = 0.85
    yield "+ characters", {"encoders": {**WORDS, **CHARACTERS, **phash}, **boundary(**seen)}
    seen |= {"models": 0.9, "numbers": 0.9}
    every = {**WORDS, **CHARACTERS, **MODELS, **NUMBERS, **phash}
    yield "+ model numbers, numbers", {"encoders": every, **boundary(**seen)}
    vetoed = {**boundary(**seen)["fusion"], "vetoes": {"quantities": 0.05}}
    yield (
        "+ amounts veto",
        {"encoders": {**WORDS, **CHARACTERS, **MODELS, **NUMBERS, **QUANTITIES, **phash}}
        | {"fusion": vetoed},
    )
    if with_hashes:
        yield "+ titles shared by equal pictures", {"blending": [SHARED]}
    reranking = {"neighbors": 3, "expansion": 2, "weight": 0.1}
    yield "+ k-reciprocal re-ranking", {"reranking": reranking}


def single_changes(with_hashes: bool) -> Iterator[tuple[str, Change]]:
    """One change each to the whole config."""
    modalities = [*TEXT, "models", "numbers", *(["phash"] if with_hashes else [])]
    vetoes = {"vetoes": {"quantities": 0.05}}
    before = [SHARED] if with_hashes else []
    weighing = {"weights": _each(modalities, 1.0)}
    yield "union of matches", {"fusion": {"method": "union", "thresholds": _each(modalities, 0.8)}}
    yield (
        "weighted score",
        {"fusion": {"method": "weighted", "threshold": 0.5, **weighing, **vetoes}},
    )
    yield (
        "reciprocal rank fusion",
        {"fusion": {"method": "ranks", **weighing, **vetoes}},
    )
    for method in ("complete", "components", "center", "merge_center", "star"):
        yield f"{method.replace('_', '-')} clusters", {"clustering": {"method": method}}
    for method in ("correlation", "markov", "leiden"):
        yield f"{method} clustering", {"clustering": {"method": method}}
    yield "at least two", {"at_least_two": True}
    yield "neighbourhood blending (INB), one stage", {"blending": [*before, _inb(1)]}
    yield "neighbourhood blending (INB), three stages", {"blending": [*before, _inb(3)]}
    yield (
        "alpha query expansion",
        {"blending": [*before, {"method": "alpha_qe", "of": TEXT, "neighbors": 3}]},
    )
    yield (
        "database augmentation (DBA)",
        {"blending": [*before, {"method": "dba", "of": TEXT, "neighbors": 3}]},
    )
    joined = {"method": "concatenation", "of": TEXT, "into": "both", "min_score": 0.35}
    both = {**_each(modalities, 0.9), "both": 0.85}
    fusion = {"method": "boundary", "power": 2, "thresholds": both, **vetoes}
    yield "words and characters concatenated", {"blending": [*before, joined], "fusion": fusion}


def _inb(stages: int) -> Change:
    return {"method": "inb", "of": TEXT, "stages": stages, "min_scores": 0.6}


def _each(names: list[str], value: float) -> dict[str, float]:
    return dict.fromkeys(names, value)


def pair_models(name: str, last: Change) -> Iterator[tuple[str, Change]]:
    """The trained pair model, with and without what comes before and after it."""
    model = yaml.safe_load((CONFIGS / f"{TRAINED[name]}.yaml").read_text("utf-8"))
    yield "pair model in place of the boundary", {**model, "blending": []}
    if model.get("blending"):
        yield "the same + titles shared by equal pictures", model
    yield "the same + k-reciprocal re-ranking", {**model, "reranking": last["reranking"]}


def variants(name: str) -> Iterator[tuple[str, str, RunConfig]]:
    """Part of the table, what is said of a row, and its config."""
    settings: dict[str, Any] = {}
    with_hashes = name == "Shopee"
    for said, change in steps(with_hashes):
        settings = {**settings, **change}
        yield "Step by step", said, RunConfig.read(settings, said)
    last = settings
    if not with_hashes:  # it costs there
        settings = {key: value for key, value in settings.items() if key != "reranking"}
    for said, change in single_changes(with_hashes):
        yield "Other ways", said, RunConfig.read({**settings, **change}, said)
    for said, change in pair_models(name, last):
        yield "Trained", said, RunConfig.read(dict(change), said)


def measure(data: Path, only: list[str] | None) -> None:
    """Measure each variant of each set, keeping what was measured before."""
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"results": []}
    kept = {(row["set"], row["said"]): row for row in found["results"]}
    for name, path in TABLES.items():
        if only and name not in only:
            continue
        listings = read_listings(data / path)
        for part, said, config in variants(name):
            value = held_out_in_all(listings, config, 2)
            kept[name, said] = dict(
                set=name, part=part, said=said, value=value, gallery=len(listings)
            )
            print(f"{name}: {said}: {value:.4f}", flush=True)
            RESULTS.parent.mkdir(exist_ok=True)
            content = {"machine": machine(), "results": list(kept.values())}
            RESULTS.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    replace_between(PAGE, "ablation", ablation_lines(json.loads(RESULTS.read_text("utf-8"))))


def ablation_lines(content: Mapping[str, Any]) -> list[str]:
    """The table of the page: a row a variant, a column a set."""
    values = {(row["set"], row["said"]): row["value"] for row in content["results"]}
    parts: dict[str, dict[str, None]] = {}
    for row in content["results"]:
        parts.setdefault(row["part"], {})[row["said"]] = None
    lines = [f"| | {' | '.join(TABLES)} |", "|---|---|---|"]
    for part, rows in parts.items():
        lines.append(f"| **{part}** | | |")
        for said in rows:
            cells = [said, *(_cell(values, name, said) for name in TABLES)]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", f"Measured by `make ablation` on {content['machine']}."]


def _cell(values: Mapping[tuple[str, str], float], name: str, said: str) -> str:
    value = values.get((name, said))
    return "" if value is None else f"{value:.4f}"


def main() -> None:
    """Measure, and write the results and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(TABLES))
    parser.add_argument("--data", type=Path, default=data_folder())
    options = parser.parse_args()
    measure(options.data, options.only)


if __name__ == "__main__":
    main()
