"""What the cases of a search benchmark share: equal answers, and a row a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.timing import Timed
from matcher.search import make_index
from matcher.types import Embeddings, SimilarityGraph

N = 34_250
Row = dict[str, Any]
SAME = 1e-6  # pairs this close to the bound may be in one answer and not in another


def ours(vectors: Any, **limits: Any) -> Callable[[], SimilarityGraph]:
    """A search of this package, index and all."""
    return lambda: make_index(Embeddings(vectors, "made up")).search_within(**limits)


def rows_of(case: str, timed: dict[str, Timed], bars: dict[str, float], **about: Any) -> list[Row]:
    """A row a peer: how many times as long, and as much memory, as ours."""
    own = timed["matcher"]
    rows = []
    for name, peer in timed.items():
        if name == "matcher":
            continue
        rows.append(
            {
                **dict(case=case, peer=name, ratio=peer.seconds / own.seconds),
                **dict(cpu_ratio=float(np.median(peer.cpu) / np.median(own.cpu))),
                **dict(seconds=own.seconds, peer_seconds=peer.seconds),
                **dict(megabytes=own.megabytes, peer_megabytes=peer.megabytes),
                **dict(bar=bars.get(name), **about),
            }
        )
    return rows


def check(holds: bool, otherwise: str) -> None:
    """Refuse to compare seconds of different answers."""
    if not holds:
        raise SystemExit(f"The answers differ: {otherwise}.")
