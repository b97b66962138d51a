"""Titles changed at random, so that a network learns what does not matter of their words.

It works on tokens, on the device and in the compiled step, whatever the language.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from matcher.models.augmentation import RandomLayer
from matcher.models.settings import Perturbation

# Further than any token stands from the beginning: marks and padding stay at the end.
FAR = 1e6


def build_perturbation(settings: Perturbation, seed: int = 0) -> RandomWords:
    """Build the layer that changes titles in training.

    Called with ``training=True`` on ``[token_ids, attended]``, both int32, shape
    ``(batch, tokens)``, it gives two arrays alike. Otherwise they come out as they are. The first
    and the last token of a title, its marks, stay. A token that is left out keeps its place and
    is not attended to.

    Its random state is a variable, ``layer.random_state``, as that of ``build_augmentation``.
    """
    return RandomWords(settings, seed, name="perturbation")


class RandomWords(RandomLayer):
    """A title with tokens left out, replaced and moved.

    Args:
        settings: How much of all this.
        seed: Of its random state.

    Source:
        Wei and Zou, EMNLP 2019, arXiv:1901.11196 (random deletion, swap), on tokens.
    """

    def __init__(self, settings: Perturbation, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.settings = settings

    def call(self, title: list[Any], training: bool | None = None) -> tuple[Any, Any]:
        token_ids, attended = title
        if not training:
            return token_ids, attended
        s, n_rows, n_tokens = self.settings, ops.shape(token_ids)[0], ops.shape(token_ids)[1]
        places = ops.arange(n_tokens, dtype="int32")[None, :]
        lengths = ops.sum(attended, axis=1, keepdims=True)
        inner = ops.logical_and(places > 0, places < lengths - 1)
        u = self._draw(3, n_rows, n_tokens)
        shares = self._draw(2, n_rows, 1)
        others = ops.argsort(self._draw(n_rows))
        both = ops.logical_and(inner, ops.take(inner, others, axis=0))
        replaced = ops.logical_and(both, u[0] < s.replace * shares[0])
        token_ids = ops.where(replaced, ops.take(token_ids, others, axis=0), token_ids)
        dropped = ops.logical_and(inner, u[1] < s.drop * shares[1])
        attended = ops.where(dropped, 0, attended)
        if not s.shuffle:
            return token_ids, attended
        along = ops.cast(places, "float32")
        moved = ops.where(
            inner, along + s.shuffle * u[2], along + FAR * ops.cast(places > 0, "float32")
        )
        order = ops.argsort(moved, axis=1)
        return tuple(ops.take_along_axis(x, order, axis=1) for x in (token_ids, attended))

    def compute_output_shape(self, shapes: Any) -> Any:
        return tuple(map(tuple, shapes))
