"""What a teacher made of the same rows, as something to come close to."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from matcher.errors import DataError
from matcher.losses import _operations as of

# Temperature of the shares that rows have in one another's neighbourhood.
TEMPERATURE = 0.1


class Distillation(keras.layers.Layer):
    """Distance of a batch's embeddings from a teacher's, in float32 whatever the policy.

    For embeddings e and a teacher's vectors t of the same rows, and a matrix W that is learnt, or
    none where both have one width:

        L = mean_i (1 - cos(W e_i, t_i)) + relations * mean_i KL(p_i || q_i)

    p_i and q_i are softmaxes, at temperature 0.1, of the cosines of row i with the other rows,
    among the teacher's vectors and among the embeddings: the first part hands on what the teacher
    sees, at any width; the second, which rows it takes for close.

    Args:
        width: Dimension of the embeddings.
        teacher_width: Dimension of the teacher's vectors.
        relations: Weight of the second part, 0 or more; 0 leaves it out.
        seed: Of W.

    Call arguments:
        embeddings: Shape ``(b, width)``, of any norm and float type.
        targets: The teacher's vectors, shape ``(b, teacher_width)``. A row of zeros, of which
            the teacher made nothing, counts in neither part.

    Returns:
        A scalar, 0 where no row counts.

    Raises:
        DataError: If a shape is wrong.

    Source: regression of features, Romero et al., ICLR 2015, arXiv:1412.6550, eq. 3, with cosine
    distance as in Navaneet et al., BMVC 2021, arXiv:2201.05131; relations, Fang et al., ICLR 2021,
    arXiv:2101.04731, eq. 5, with the batch in place of a queue.
    """

    def __init__(self, width: int, teacher_width: int, relations: float, seed: int = 0) -> None:
        super().__init__(name="distillation", dtype="float32")
        self.width, self.teacher_width, self.relations = width, teacher_width, relations
        self.projection: Any = None
        if width != teacher_width:
            drawn = np.random.default_rng(seed).standard_normal((width, teacher_width), np.float32)
            start = drawn / np.float32(np.sqrt(width))
            self.projection = self.add_weight(
                start.shape, lambda shape, dtype=None: start, name="projection"
            )
        self.built = True

    def call(self, embeddings: Any, targets: Any, training: bool = False) -> Any:
        embeddings = ops.cast(ops.convert_to_tensor(embeddings), "float32")
        targets = ops.cast(ops.convert_to_tensor(targets), "float32")
        self._check(tuple(embeddings.shape), tuple(targets.shape))
        known = ops.any(targets != 0, axis=1)
        wanted = of.unit(targets)
        given = embeddings
        if self.projection is not None:
            given = ops.matmul(embeddings, self.projection)
        loss = of.mean(1 - ops.sum(of.unit(given) * wanted, axis=1), known)
        if self.relations:
            loss = loss + self.relations * _divergence(of.unit(embeddings), wanted, known)
        return loss

    def compute_output_shape(self, *shapes: Any) -> tuple[()]:
        return ()

    def _check(self, embeddings: tuple[int | None, ...], targets: tuple[int | None, ...]) -> None:
        if embeddings[1:] != (self.width,) or targets[1:] != (self.teacher_width,):
            raise DataError(
                f"Distillation takes embeddings of shape (rows, {self.width}) and the teacher's "
                f"vectors of shape (rows, {self.teacher_width}). "
                f"Received: shapes {embeddings} and {targets}."
            )


def _divergence(vectors: Any, wanted: Any, known: Any) -> Any:
    """Mean Kullback-Leibler divergence between the neighbourhoods of rows."""
    rows = ops.arange(ops.shape(vectors)[0], dtype="int32")
    others = ops.logical_and(rows[:, None] != rows[None, :], known[None, :])
    found, hoped = (
        _log_shares(ops.matmul(v, ops.transpose(v)) / TEMPERATURE, others)
        for v in (vectors, wanted)
    )
    parts = ops.where(others, ops.exp(hoped) * (hoped - found), 0.0)
    return of.mean(ops.sum(parts, axis=1), ops.logical_and(known, ops.any(others, axis=1)))


def _log_shares(logits: Any, others: Any) -> Any:
    """Log of the softmax over the other rows."""
    logits = ops.where(others, logits, of.NOWHERE)
    return logits - ops.logsumexp(logits, axis=1, keepdims=True)
