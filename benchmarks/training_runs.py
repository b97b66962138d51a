"""Trainings by the real command, in a process of their own, and what they cost."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import CONFIGS, ROOT

CORES = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What all cases need.

    Attributes:
        data: Folder of the data sets.
        weights: File of a trained MobileNetV2.
        bert: Folder of a trained BERT.
        out: Folder of the runs.
    """

    data: Path
    weights: Path
    bert: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished training.

    Attributes:
        folder: Of the run.
        run: Its ``run.json``.
        minutes: CPU seconds of the whole command, over 60 and over two cores.
    """

    folder: Path
    run: dict[str, Any]
    minutes: float

    @property
    def before(self) -> dict[str, float]:
        """Metrics of the test fold with the weights that it started from."""
        return dict(self.run["metrics"]["test"]["before"])

    @property
    def after(self) -> dict[str, float]:
        """Metrics of the test fold with the weights that were kept."""
        return dict(self.run["metrics"]["test"]["after"])


def run_training(
    setting: Setting, config: str, data: str, name: str, changes: Mapping[str, Any] | None = None
) -> Ran:
    """Train as a committed config says, with some changes; not again what ``out`` has already.

    Args:
        setting: Where all is.
        config: Name of a file in ``configs/training``.
        data: Name of a data set.
        name: Of the run's folder.
        changes: Settings in place of those of the file; a mapping replaces what it names.
    """
    text = (CONFIGS / "training" / f"{config}.yaml").read_text(encoding="utf-8")
    settings = _changed(yaml.safe_load(text), _here(setting, data, config))
    settings = _changed(settings, changes or {})
    folder = setting.out / name
    setting.out.mkdir(parents=True, exist_ok=True)
    written = setting.out / f"{name}.yaml"
    written.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "matcher", "train", str(written), "--out", str(folder)]
    cost = setting.out / f"{name}.minutes"
    if not cost.exists():
        shutil.rmtree(folder, ignore_errors=True)  # one that was cut off would cost too little
        before = _children()
        subprocess.run(command, cwd=ROOT, check=True)
        cost.write_text(str((_children() - before) / 60 / CORES), encoding="utf-8")
    run = json.loads((folder / "run.json").read_text("utf-8"))
    return Ran(folder, run, float(cost.read_text(encoding="utf-8")))


def _here(setting: Setting, data: str, config: str) -> dict[str, Any]:
    """Where the data and the first weights lie."""
    folder = setting.data / data
    if config.startswith("shopee_title"):
        source = {"listings": str(folder / "train.csv"), "images": None}
        return {"source": source, "title": {"weights": str(setting.bert)}}
    source = {"listings": str(folder / "listings.csv"), "images": str(folder / "images.zip")}
    return {"source": source, "image": {"weights": str(setting.weights)}}


def _changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with some replaced; a loss is replaced as a whole."""
    merged = dict(settings)
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _changed(merged[name], value) if both and name != "loss" else value
    return merged


def _children() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
