"""What the cases of the encoding benchmark share: equal answers, and a row a peer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Timed

Row = dict[str, Any]
OURS = "matcher"
FLOAT32 = "matcher in float32"
# Rows whose cosine is this close to the highest are not told apart.
TIE = 0.01


@dataclass(frozen=True, slots=True)
class Setting:
    """Where things lie, and how often to measure.

    Attributes:
        data: Folder of the real data sets.
        weights: File of trained weights of MobileNetV2, which is left out where there is none.
        torch: Interpreter of an environment with sentence-transformers.
        n_rounds: Rounds.
        folder: Empty, for what is made.
    """

    data: Path
    weights: Path
    torch: str
    n_rounds: int
    folder: Path


def cosine(found: Any, truth: Any) -> float:
    """The lowest cosine of any row."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(truth, axis=1)
    return float((np.sum(found * truth, axis=1) / lengths).min())


def own_nearest(found: Any, truth: Any) -> float:
    """Share of rows of ``found`` to which no row of ``truth`` is nearer than their own.

    The vectors of a network with random weights are nearly parallel, so that those of two
    pictures are as alike as two answers for one. Less their mean they are not.
    """
    left, right = (_unit(np.asarray(x, np.float64)) for x in (found, truth))
    left, right = (_unit(x - right.mean(axis=0)) for x in (left, right))
    scores = left @ right.T
    return float((np.diag(scores) >= scores.max(axis=1) - TIE).mean())


def _unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def check(holds: bool, otherwise: str) -> None:
    """Refuse to compare seconds of different answers."""
    if not holds:
        raise SystemExit(f"The answers differ: {otherwise}.")


def check_same(name: str, found: Any, truth: Any, least: float, share: float = 1.0) -> float:
    """Refuse vectors that are others, or in another order; return the lowest cosine."""
    lowest, own = cosine(found, truth), own_nearest(found, truth)
    check(lowest >= least, f"{name}: the lowest cosine is {lowest:.4f}, below {least}")
    check(own >= share, f"{name}: only {own:.2%} of the rows are nearest to their own")
    return lowest


def rows_of(
    about: Row, timed: Mapping[str, Timed], bars: dict[str, float], cosines: Mapping[str, float]
) -> Iterator[Row]:
    """A row a peer: how many times as fast ours is.

    Args:
        about: ``case``, ``unit``, ``n``, and ``ours``: the precision of ours, None where there
            is none.
        timed: Ours, perhaps ours in float32, and the peers.
        bars: By peer, the least that ours should be times as fast.
        cosines: By peer, the lowest between one of its vectors and ours.
    """
    own, plain, n = timed[OURS], timed.get(FLOAT32), about["n"]
    for name, peer in timed.items():
        if name == OURS:
            continue
        compared = plain is not None and name != FLOAT32
        yield {
            **about,
            **dict(peer=name, ratio=peer.seconds / own.seconds),
            **dict(in_float32=peer.seconds / plain.seconds if plain and compared else None),
            **dict(cpu_ratio=float(np.median(peer.cpu) / np.median(own.cpu))),
            **dict(per_second=n / own.seconds, peer_per_second=n / peer.seconds),
            **dict(cosine=cosines.get(name), bar=bars.get(name)),
        }


def figure(what: str, n: int, value: float, bar: float | None = None) -> Row:
    """A row of one figure, which should not be above its bar."""
    return dict(figure=what, n=n, value=value, bar=bar)


def misses_its_bar(row: Row) -> bool:
    """Whether a figure is worse than it should be."""
    if row["bar"] is None:
        return False
    return bool(row["value"] > row["bar"] if "figure" in row else row["ratio"] < row["bar"])
