"""Arithmetic shared by the losses, defined and finite, with its gradient, for every input."""

from __future__ import annotations

from typing import Any

from keras import ops

# Squares below these count as 0: of lengths, and of sines and distances of unit vectors, which
# float32 cannot tell from 0 much below 1e-3.
SMALLEST_LENGTH = 1e-12
SMALLEST_ROOT = 1e-6
# Stands for minus infinity, whose gradient would be NaN.
NOWHERE = -1e9


def _inverse_length(vectors: Any, axis: int) -> Any:
    """1 / length along an axis, which stays with size 1; 0 without gradient for a zero vector."""
    square = ops.sum(vectors * vectors, axis=axis, keepdims=True)
    known = square > SMALLEST_LENGTH
    return ops.where(known, ops.rsqrt(ops.where(known, square, 1.0)), 0.0)


def unit(vectors: Any) -> Any:
    """Scale rows to length 1; a zero vector has no direction: it stays, and gets no gradient."""
    return vectors * _inverse_length(vectors, 1)


def cosines(vectors: Any, centers: Any) -> Any:
    """Cosines of rows ``(b, d)`` and columns ``(d, n)``, shape ``(b, n)``; 0 with a zero vector.

    The products are scaled, not the columns: with 8,000 classes a step costs a third less.
    """
    return ops.matmul(unit(vectors), centers) * _inverse_length(centers, 0)


def root(square: Any) -> Any:
    """Square root; 0 with a gradient of 0 where ``square`` is too small for one, or negative."""
    known = square > SMALLEST_ROOT
    return ops.where(known, ops.sqrt(ops.where(known, square, 1.0)), 0.0)


def add_angle(cosine: Any, margin: Any) -> Any:
    """The cosine of θ + margin, made to fall all the way from θ = 0 to θ = π.

    ``cos θ cos m - sin θ sin m`` needs no arccos, whose gradient is infinite at ±1 and must be
    clipped there. The gradients of both are as exact where θ > 0.002. Below 0.001, where float32
    can hardly tell θ, this one has next to none, so that it is never large; and it is cheaper.

    Where θ + m > π the cosine would rise again, and a row that is as wrong as can be would be
    pushed further off. There it goes on as ``cos θ - 1 + cos m``: the two meet in -1, and the
    gradient is that of a loss without margin.

    Args:
        cosine: Of θ.
        margin: In radians, in [0, pi/2); same shape, or a scalar.

    Returns:
        In [cos m - 2, cos m]; same shape.
    """
    sine = root((1 - cosine) * (1 + cosine))
    turned = cosine * ops.cos(margin) - sine * ops.sin(margin)
    return ops.where(cosine > -ops.cos(margin), turned, cosine - 1 + ops.cos(margin))


def own_class(labels: Any, n_classes: int) -> Any:
    """Whether a class is that of the row, shape ``(b, n_classes)``."""
    return labels[:, None] == ops.arange(n_classes, dtype="int32")[None, :]


def same_class(labels: Any) -> tuple[Any, Any]:
    """Whether two rows are of one class, and whether they are besides not the same row."""
    rows = ops.arange(ops.shape(labels)[0], dtype="int32")
    alike = labels[:, None] == labels[None, :]
    return alike, ops.logical_and(alike, rows[:, None] != rows[None, :])


def pick(values: Any, own: Any) -> Any:
    """Value of each row's own class, shape ``(b,)``."""
    return ops.sum(ops.where(own, values, 0.0), axis=1)


def mean(values: Any, chosen: Any = None) -> Any:
    """Mean of those chosen; 0 if none is."""
    if chosen is None:
        chosen = ops.ones_like(values, dtype="bool")
    count = ops.sum(ops.cast(chosen, "float32"))
    return ops.sum(ops.where(chosen, values, 0.0)) / ops.maximum(count, 1.0)


def cross_entropy(logits: Any, own: Any) -> Any:
    """Mean of ``-log softmax`` at each row's own class; NaN where a row has none.

    Args:
        logits: Shape ``(b, n)``.
        own: Whether a class is that of the row, shape ``(b, n)``.
    """
    losses = ops.logsumexp(logits, axis=1) - pick(logits, own)
    return mean(ops.where(ops.any(own, axis=1), losses, float("nan")))


def mean_log_share(similarities: Any, alike: Any, others: Any) -> Any:
    """Minus the log of the share that each row's mates have among all it is compared with.

    Args:
        similarities: Already divided by the temperature, shape ``(b, m)``.
        alike: Whether a column is of the row's class, and not the row itself; same shape.
        others: Whether a column is of another class; same shape.

    Returns:
        Mean over the mates of a row, then over the rows that have any; 0 if none has.
    """
    against = ops.where(ops.logical_or(alike, others), similarities, NOWHERE)
    losses = ops.logsumexp(against, axis=1, keepdims=True) - similarities
    n_mates = ops.sum(ops.cast(alike, "float32"), axis=1)
    of_row = ops.sum(ops.where(alike, losses, 0.0), axis=1) / ops.maximum(n_mates, 1.0)
    return mean(of_row, n_mates > 0)
