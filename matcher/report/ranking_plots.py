"""Drawings of a search: accuracy by class size, and scores of right and wrong candidates."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from matcher.io.atomic import write_atomically
from matcher.metrics import SizeBucket
from matcher.types import Float32

log = logging.getLogger(__name__)

RIGHT, WRONG, BAR = "#13743a", "#c4232c", "#3b6fb6"
BINS = 60


def plot_class_sizes(path: Path, buckets: Sequence[SizeBucket], what: str) -> bool:
    """Draw accuracy against training samples per class, as PNG.

    Args:
        path: The file.
        buckets: As ``accuracy_by_class_size`` gives them.
        what: What the accuracy is, e.g. ``"top-1"``.

    Returns:
        Whether it was drawn; it is not where matplotlib, of the extra ``train``, is missing.
    """
    panel = _panel(path, bool(buckets))
    if panel is None:
        return False
    # On two lines, or long ones would run into each other.
    names = [f"{b.least}" if b.least == b.most else f"{b.least}\nto {b.most}" for b in buckets]
    bars = panel.bar(names, [bucket.accuracy for bucket in buckets], color=BAR)
    told = [f"{b.accuracy:.2f}\nn={b.queries:,}" for b in buckets]
    panel.bar_label(bars, told, padding=3, fontsize=9)
    panel.set(ylim=(0, 1.15), xlabel="training samples of the query's class", ylabel=what)
    panel.set_yticks(np.linspace(0, 1, 6))
    panel.spines[["top", "right"]].set_visible(False)
    _save(panel, path)
    return True


def plot_scores(path: Path, right: Float32, wrong: Float32, cut_off: float | None = None) -> bool:
    """Draw how the scores of right and wrong candidates are distributed, as PNG.

    Each of the two adds up to 1, so that few right ones are seen beside many wrong ones.

    Args:
        path: The file.
        right: Scores of right candidates.
        wrong: Scores of wrong ones.
        cut_off: Lowest score that counts, drawn as a line; None for none.

    Returns:
        Whether it was drawn; it is not where matplotlib, of the extra ``train``, is missing.
    """
    both = np.concatenate([right, wrong])
    panel = _panel(path, len(both) > 0)
    if panel is None:
        return False
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high if high > low else low + 0.01, BINS + 1)
    # Filled and outlined: told apart without the colours too. Shares, for one are often few.
    looks: dict[str, dict[str, Any]] = {
        "wrong": {"alpha": 0.35},
        "right": {"histtype": "step", "linewidth": 2},
    }
    for name, scores, color in (("wrong", wrong, WRONG), ("right", right, RIGHT)):
        weights = np.full(len(scores), 1 / max(len(scores), 1))
        label = f"{name}: {len(scores):,}"
        panel.hist(scores, edges, weights=weights, color=color, label=label, **looks[name])
    if cut_off is not None:
        panel.axvline(cut_off, color="black", linestyle="--", label=f"cut-off {cut_off:g}")
    panel.set(xlabel="score of a candidate (cosine)", ylabel="share of the right, of the wrong")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    _save(panel, path)
    return True


def _panel(path: Path, anything: bool) -> Any:
    """An empty drawing; None where there is nothing to draw, or nothing to draw with."""
    if not anything:
        return None
    if find_spec("matplotlib") is None:
        log.warning("no %s: drawings need the extra 'train'", path.name)
        return None
    from matplotlib.figure import Figure

    return Figure(figsize=(8, 4.5), layout="constrained").subplots()


def _save(panel: Any, path: Path) -> None:
    write_atomically(path, lambda aside: panel.figure.savefig(aside, dpi=110))
