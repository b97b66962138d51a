"""Loss, margin, learning rate and validation of a run, drawn over its steps."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from matcher.io.atomic import write_atomically
from matcher.training.logs import LOG, read_log
from matcher.types import Float64

log = logging.getLogger(__name__)

PLOT = "training.png"
# Share of the steps over which a drawn loss is the mean.
SMOOTHING = 0.02
METRICS = ("top1", "top5", "mar@10", "row_f1")


def plot_run(folder: Path) -> bool:
    """Draw ``training.png`` from the ``log.csv`` of a run.

    Returns:
        Whether it was drawn; it is not where matplotlib, of the extra ``train``, is missing.
    """
    rows = read_log(folder / LOG)
    if find_spec("matplotlib") is None or not rows:
        log.warning("no %s: install the extra 'train' for a drawing of log.csv", PLOT)
        return False
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 9), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True)
    for panel, name in zip(panels, ("loss", "margin", "learning_rate"), strict=False):
        steps, values = _column(rows, name)
        _draw(panel, steps, smoothed(values) if name == "loss" else values, name)
    for name in METRICS:
        steps, values = _column(rows, name)
        panels[3].plot(steps, values, marker="o", label=name)
    panels[3].set_ylabel("held out")
    panels[3].set_xlabel("step")
    panels[3].legend()
    write_atomically(folder / PLOT, lambda aside: figure.savefig(aside, dpi=100))
    return True


def smoothed(values: Float64) -> Float64:
    """Mean of each value and the few before it, shape ``(n,)``.

    Example:
        >>> smoothed(np.arange(4.0)).tolist()
        [0.0, 1.0, 2.0, 3.0]
    """
    width = max(round(SMOOTHING * len(values)), 1)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts), np.float64)


def _column(rows: list[dict[str, float]], name: str) -> tuple[Float64, Float64]:
    kept = [row for row in rows if name in row]
    return np.array([row["step"] for row in kept]), np.array([row[name] for row in kept])


def _draw(panel: Any, steps: Float64, values: Float64, name: str) -> None:
    panel.plot(steps, values)
    panel.set_ylabel(name.replace("_", " "))
