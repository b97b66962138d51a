"""How good the network is on products that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from matcher.metrics import rowwise_f1, score_ranking
from matcher.search import make_index
from matcher.similarity import keep_edges, l2_normalize
from matcher.training.feeding import Reader, feed
from matcher.types import Embeddings, Float32, Int64

NEIGHBORS = 50
# Scores at which the best row F1 is looked for.
THRESHOLDS = np.linspace(0.2, 0.98, 40)


def embed_rows(embedder: Any, reader: Reader, rows: Int64, batch: int) -> Embeddings:
    """Embed rows as an encoder would.

    Args:
        embedder: Keras model.
        reader: Reads a row.
        rows: Which, shape ``(n,)``.
        batch: Rows that go through the network at once.

    Returns:
        A vector each, in their order; a row that cannot be read is 0.
    """
    return Embeddings(l2_normalize(forward_rows(embedder, reader, rows, batch)), "validation")


def forward_rows(embedder: Any, reader: Reader, rows: Int64, batch: int) -> Float32:
    """Vectors as the network gives them, of any length; see ``embed_rows``."""
    vectors = np.zeros((len(rows), int(embedder.output_shape[-1])), np.float32)
    place = {row: i for i, row in enumerate(rows.tolist())}
    if reader.lengths is not None:
        rows = rows[np.argsort(reader.lengths[rows], kind="stable")]
    parts = (rows[start : start + batch] for start in range(0, len(rows), batch))
    for part in feed(parts, reader, replace=False):
        if len(part.rows):
            found = _forward(embedder, part.inputs, batch)
            vectors[[place[row] for row in part.rows.tolist()]] = found
    return vectors


def _forward(embedder: Any, inputs: Any, batch: int) -> Float32:
    """Vectors of one batch, filled up to its full size: some backends compile each shape."""
    names = [tensor.name for tensor in embedder.inputs]
    n = len(inputs[names[0]])
    values = [np.concatenate([inputs[k], inputs[k][-1:].repeat(batch - n, 0)]) for k in names]
    found = embedder.predict_on_batch(values[0] if len(values) == 1 else values)
    return np.asarray(found, np.float32)[:n]


def score_rows(
    embeddings: Embeddings, groups: Int64, threshold: float | None = None
) -> dict[str, float]:
    """Search each row among the others.

    Args:
        embeddings: Of the rows.
        groups: True product of each, shape ``(n,)``.
        threshold: Score from which two rows match; None: the one that is best for these very
            rows, good to choose weights by, too good to report.

    Returns:
        ``top1``, ``top5`` and ``mar@10`` over the rows that have a mate; ``row_f1`` over all,
        and its ``threshold``.
    """
    graph = make_index(embeddings).search_within(k=min(NEIGHBORS, max(len(groups) - 1, 1)))
    ranked = score_ranking(graph, groups, groups, (1, 5, 10), within=True)
    tried = THRESHOLDS.tolist() if threshold is None else [threshold]
    row_f1, best = max(
        (float(rowwise_f1(keep_edges(graph, graph.scores >= t), groups).mean()), t) for t in tried
    )
    kept = {name: ranked[name] for name in ("top1", "top5", "mar@10")}
    return {**kept, "row_f1": row_f1, "threshold": best}
