"""The trainings that are measured, and what each must reach."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.training_runs import Ran, Setting, run_training

Row = dict[str, Any]
SHOWN = ("top1", "top5", "mar@10", "row_f1")
# Same batches, steps and learning rate for all; each with the settings usual for it.
LOSSES: dict[str, dict[str, Any]] = {
    "arcface": {},
    "arcface, centers at the means": {"centers": "means"},
    "softmax, normalised": {"loss": {"method": "softmax", "scale": 24}, "margin": None},
    "softmax, plain": {"loss": {"method": "softmax", "normalize": False}, "margin": None},
    "cosface": {"loss": {"method": "cosface", "scale": 24, "margin": 0.2}, "margin": None},
    "curricularface": {"loss": {"method": "curricularface", "scale": 24}},
    "triplet, semi-hard": {"loss": {"method": "triplet", "mining": "semi_hard"}, "margin": None},
    "contrastive": {"loss": {"method": "contrastive"}, "margin": None},
    "contrastive, memory": {"loss": {"method": "contrastive", "memory": 2048}, "margin": None},
}
BUDGET = 10


def hm(setting: Setting) -> Iterator[Row]:
    """Styles that were not trained on, in other colours and variants."""
    ran = run_training(setting, "hm", "hm", "hm")
    yield from _rows("H&M", "hm", ran, {"top1": 0.09, "top5": 0.12}, 40)


def grocery(setting: Setting) -> Iterator[Row]:
    """Classes that were not trained on."""
    ran = run_training(setting, "grocery", "grocery", "grocery")
    bars = {"top1": (1 - ran.before["top1"]) / 4, "mar@10": ran.before["mar@10"] / 3}
    yield from _rows("groceries", "grocery", ran, bars, None)


def titles(setting: Setting) -> Iterator[Row]:
    """Titles of products that were not trained on."""
    ran = run_training(setting, "shopee_title_small", "shopee", "titles")
    yield from _rows("Shopee titles", "shopee_title_small", ran, {"row_f1": 0.06}, 60)


def losses(setting: Setting) -> Iterator[Row]:
    """Every loss with the same budget, on one split."""
    budget = {"epochs": BUDGET, "image": {"size": 96}}
    for name, changes in LOSSES.items():
        run = f"losses-{name.replace(', ', '-').replace(' ', '-')}"
        ran = run_training(setting, "hm", "hm", run, {**budget, **changes})
        yield {"loss": name, "minutes": ran.minutes, **{f: ran.after[f] for f in SHOWN}}


def throughput(setting: Setting) -> Iterator[Row]:
    """One epoch with all layers learning: rows a second, and how long it waits for input."""
    once = {"epochs": 1, "centers": "random", "validation": {"split": "none", "test_fold": None}}
    pictures = {
        "source": {"least": 1, "tie_phash": False},
        "image": {"backbone": "efficientnet-b0", "size": 96, "weights": "random"},
        "batches": {"size": 32, "per_group": None},
        "freezing": {"up_to": 0.0, "norms": False},
        **once,
    }
    asked = (
        ("EfficientNetB0, 96 px, ArcFace, batches of 32: pictures", "hm", "hm", pictures, 65.0),
        ("MiniLM, ArcFace, batches of 64: titles", "shopee_title_small", "shopee", once, None),
    )
    for what, config, data, changes, bar in asked:
        for precision in ("float32", "mixed_bfloat16"):
            name = f"throughput-{data}-{precision}"
            ran = run_training(setting, config, data, name, {**changes, "precision": precision})
            progress = ran.run["progress"]
            yield {
                "figure": f"{what} a second, {precision}",
                "value": median(_speeds(ran)),
                "waited": progress["waited"] / progress["seconds"],
                "classes": ran.run["counts"]["trained_classes"],
                "bar": bar if precision == "float32" else None,
            }


def _speeds(ran: Ran) -> list[float]:
    """Rows a second, of each step."""
    with (ran.folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return [float(row["rows_per_second"]) for row in csv.DictReader(file)]


def _rows(
    data: str, config: str, ran: Ran, bars: dict[str, float], minutes: float | None
) -> Iterator[Row]:
    """A row for each figure that has a bar, or that is usual."""
    counts, validation = ran.run["counts"], ran.run["config"]["validation"]
    part = f"one {'half' if validation['n_folds'] == 2 else 'fold of five'}"
    for figure in SHOWN:
        if figure in ran.after:
            yield {
                "data": data,
                "config": config,
                "figure": figure,
                "before": ran.before[figure],
                "after": ran.after[figure],
                "gain": bars.get(figure),
                "gallery": counts["test_listings"],
                "trained_on": counts["trained_listings"],
                "split": f"{part}, by product",
                "minutes": ran.minutes,
                "most_minutes": minutes,
            }
