"""Class centres that start at the mean of their rows, not at random.

A head of thousands of classes spends most of a short training on finding out where its classes
lie. The network that is trained knows that already, about as well as it tells products apart.

Source: Qi, Brown and Lowe, "Low-Shot Learning with Imprinted Weights", CVPR 2018,
arXiv:1712.07136, eq. 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matcher.errors import ConfigError
from matcher.similarity import l2_normalize
from matcher.training.feeding import Reader
from matcher.training.validation import forward_rows
from matcher.types import Float32, Int64

if TYPE_CHECKING:
    from matcher.training.learner import Learner

NECK = "neck"


def imprint(learner: Learner, reader: Reader, classes: Int64, batch: int) -> None:
    """Set the neck's statistics, if it has none yet, and the centres of classes.

    Where a class has several centres the first is set: the others find out what it misses.
    A class none of whose rows can be read keeps the centre that it has.

    Args:
        learner: Before its first step.
        reader: Reads a training row.
        classes: Class of each training row in ``0..n_classes-1``, shape ``(n,)``.
        batch: Rows that go through the network at once.

    Raises:
        ConfigError: If the loss has no centres.
    """
    centers = getattr(learner.head, "centers", None)
    if centers is None:
        raise ConfigError("centers: means is for losses with centres of classes. Leave it out.")
    vectors = forward_rows(learner.embedder, reader, np.arange(len(classes)), batch)
    read = vectors.any(axis=1)
    vectors = _calibrate(learner.embedder, vectors, read)
    means, found = class_means(vectors[read], classes[read], int(classes.max()) + 1)
    values = np.asarray(centers).copy()  # (width, classes * centres of each)
    first = np.flatnonzero(found) * (values.shape[1] // len(means))
    values[:, first] = means[found].T
    centers.assign(values)


def class_means(vectors: Float32, classes: Int64, n_classes: int) -> tuple[Float32, Any]:
    """Mean direction of each class's rows.

    Args:
        vectors: Of any length, shape ``(n, d)``.
        classes: Class of each, shape ``(n,)``.
        n_classes: Number of classes.

    Returns:
        Means of length 1, shape ``(n_classes, d)``, and whether a class has any row.

    Example:
        >>> means, found = class_means(np.eye(2, dtype=np.float32) * 3, np.array([0, 2]), 3)
        >>> means.tolist(), found.tolist()
        ([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [True, False, True])
    """
    sums = np.zeros((n_classes, vectors.shape[1]), np.float32)
    np.add.at(sums, classes, l2_normalize(vectors))
    return l2_normalize(sums), np.bincount(classes, minlength=n_classes) > 0


def _calibrate(embedder: Any, vectors: Float32, read: Any) -> Float32:
    """Give a neck that has seen nothing the statistics of the rows, which it is to normalise."""
    if NECK not in {layer.name for layer in embedder.layers} or not read.any():
        return vectors
    neck = embedder.get_layer(NECK)
    mean, variance = (np.asarray(v) for v in (neck.moving_mean, neck.moving_variance))
    if mean.any() or (variance != 1).any():
        return vectors
    seen = vectors[read] * np.float32(np.sqrt(1 + neck.epsilon))
    neck.moving_mean.assign(seen.mean(axis=0))
    neck.moving_variance.assign(seen.var(axis=0))
    scale = np.sqrt(seen.var(axis=0) + neck.epsilon)
    normed = np.zeros_like(vectors)
    normed[read] = (seen - seen.mean(axis=0)) / scale
    return normed
