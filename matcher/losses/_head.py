"""The layer that holds the weights of a loss and computes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from matcher.errors import DataError
from matcher.losses._base import LossSettings


class Head(keras.layers.Layer):
    """Embeddings and labels to the mean loss of the batch, in float32 whatever the policy.

    Args:
        settings: The loss.
        width: Dimension of the embeddings.
        class_sizes: Rows of each class.
        seed: Of the weights.
        parents: See ``LossSettings.build``.

    Attributes:
        margin: Scalar variable that is not trained; ``margin.assign(0.8)`` between two batches
            holds from the next one on. None where the loss has no margin.
        centers: Weights of the classes, shape ``(width, n)``. None where there are none.

    Call arguments:
        embeddings: Shape ``(b, width)``, of any norm and float type.
        labels: Whole numbers, shape ``(b,)``, or ``(b, levels)`` for a loss of levels.
        training: State, such as a memory of earlier batches, is used and updated in training
            alone: labels of validation are numbered otherwise.

    Returns:
        A scalar. NaN where a label is no class of the head, so that the fault is not missed.

    Raises:
        DataError: If a shape is wrong.
    """

    def __init__(
        self,
        settings: LossSettings,
        width: int,
        class_sizes: Sequence[int],
        seed: int,
        parents: Sequence[Sequence[int]],
    ) -> None:
        super().__init__(name=settings.method, dtype="float32")
        self.settings = settings
        self.width = width
        self.class_sizes = np.asarray(class_sizes, np.int64)
        self.parents = tuple(np.asarray(level, np.int32) for level in parents)
        self.margin: Any = None
        self.centers: Any = None
        self._random = np.random.default_rng(seed)
        settings.prepare(self)
        self.built = True

    @property
    def n_classes(self) -> int:
        """Number of classes; of those of the lowest level where there are several."""
        return len(self.class_sizes)

    def add_margin(self, margin: float) -> None:
        """Keep a margin that a schedule can change."""
        self.margin = self.add_state("margin", np.float32(margin))

    def add_state(self, name: str, value: Any) -> Any:
        """Keep an array that is saved with the weights but not trained."""
        start = np.asarray(value)
        return self.add_weight(
            start.shape,
            lambda shape, dtype=None: start,
            dtype=str(start.dtype),
            trainable=False,
            name=name,
        )

    def add_trained(self, name: str, start: Any) -> Any:
        """Add weights that start at given values."""
        return self.add_weight(start.shape, lambda shape, dtype=None: start, name=name)

    def add_drawn(self, name: str, shape: tuple[int, int]) -> Any:
        """Add weights drawn from a normal distribution, each column about 1 long.

        They are drawn by NumPy, so that they are the same on every backend.
        """
        drawn = self._random.standard_normal(shape, np.float32) / np.float32(np.sqrt(shape[0]))
        return self.add_trained(name, drawn)

    def call(self, embeddings: Any, labels: Any, training: bool = False) -> Any:
        embeddings = ops.cast(ops.convert_to_tensor(embeddings), "float32")
        labels = ops.cast(ops.convert_to_tensor(labels), "int32")
        self._check(tuple(embeddings.shape), tuple(labels.shape))
        return self.settings.loss(self, embeddings, labels, training)

    def compute_output_shape(self, *shapes: Any) -> tuple[()]:
        return ()

    def _check(self, embeddings: tuple[int | None, ...], labels: tuple[int | None, ...]) -> None:
        if len(embeddings) != 2 or embeddings[1] != self.width:
            raise DataError(
                f"The loss {self.name!r} takes embeddings of shape (rows, {self.width}). "
                f"Received: shape {embeddings}."
            )
        levels = len(self.parents) + 1
        wanted = (embeddings[0], levels)[: 1 + (levels > 1)]
        same = len(labels) == len(wanted) and all(
            a == b or a is None or b is None for a, b in zip(labels, wanted, strict=True)
        )
        if not same:
            raise DataError(
                f"The loss {self.name!r} takes labels of shape {wanted} with these embeddings. "
                f"Received: shape {labels}."
            )
