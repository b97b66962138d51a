"""Deep Hierarchical Classification: every level of a category tree, and that they agree.

Level l sees what the levels above made of the embedding x, and its own:

    r_l = relu(W_l x + b_l),   p_l = softmax(V_l [r_1, ..., r_l] + c_l)
    loss = Σ_l α_l * (-log p_l(y_l)) + Σ_{l≥2} β_l * D_l
    D_l = penalty^(d_l i_{l-1}) * penalty^(d_l i_l) - 1

In the paper d_l is 1 where the predicted class is no child of the one predicted above, else 0,
and i_l is 1 where level l is wrong: D_l is a constant that no weight is moved by. Here both are
the probabilities of it, so that D_l is the paper's where predictions are certain and has a
gradient elsewhere:

    d_l = 1 - Σ_c p_l(c) p_{l-1}(parent of c),   i_l = 1 - p_l(y_l)

Source: Gao et al., ECNLP 2020, arXiv:2005.06692, eqs. 6 (D_l; the minus there makes an
inconsistent prediction cheaper, 1 is taken away here so that a consistent one costs 0) and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from matcher.errors import ConfigError
from matcher.losses._base import Labels, LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head

TINY: dict[str, Any] = {"hidden": 4}  # for the contract test
Weight = Annotated[float, Field(ge=0)]


class Spec(LossSettings):
    """Settings.

    Attributes:
        hidden: Width of each level's own representation r.
        layer_weight: α: one for all levels, or one a level, top first; 0 or more.
        dependence_weight: β: one for all levels but the top, or one a level; 0 or more.
        penalty: Base of the dependence loss, 1 or more; 1 takes it away.
    """

    labels: ClassVar[Labels] = "levels"

    hidden: int = Field(256, ge=1)
    layer_weight: Weight | tuple[Weight, ...] = 1.0
    dependence_weight: Weight | tuple[Weight, ...] = 0.8
    penalty: float = Field(3.0, ge=1)

    def prepare(self, head: Head) -> None:
        """Add two dense layers a level."""
        n_levels = len(head.parents) + 1
        head.layer_weights = _by_level("layer_weight", self.layer_weight, n_levels)
        head.dependence_weights = _by_level(
            "dependence_weight", self.dependence_weight, n_levels - 1
        )
        sizes = [int(head.parents[0].max()) + 1, *map(len, head.parents)]
        head.levels = [self._add_level(head, level, n) for level, n in enumerate(sizes)]

    def _add_level(self, head: Head, level: int, n_classes: int) -> tuple[Any, Any, Any, Any]:
        """W, b, V and c of a level; level 0 is the top."""
        wide = self.hidden * (level + 1)
        return (
            head.add_drawn(f"hidden_{level}", (head.width, self.hidden)),
            head.add_trained(f"hidden_bias_{level}", np.zeros(self.hidden, np.float32)),
            head.add_drawn(f"classes_{level}", (wide, n_classes)),
            head.add_trained(f"classes_bias_{level}", np.zeros(n_classes, np.float32)),
        )

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        seen: list[Any] = []
        logits: list[Any] = []
        for hidden, hidden_bias, classes, classes_bias in head.levels:
            seen.append(ops.relu(ops.matmul(embeddings, hidden) + hidden_bias))
            logits.append(ops.matmul(ops.concatenate(seen, axis=1), classes) + classes_bias)
        layers, dependences = level_losses(logits, labels, head.parents, self.penalty)
        terms = [w * loss for w, loss in zip(head.layer_weights, layers, strict=True)]
        terms += [w * loss for w, loss in zip(head.dependence_weights, dependences, strict=True)]
        return sum(terms)


def level_losses(
    logits: Sequence[Any], labels: Any, parents: Sequence[Any], penalty: float
) -> tuple[list[Any], list[Any]]:
    """The parts of the loss, each a mean over the batch.

    Args:
        logits: For each level, top first, shape ``(b, classes of the level)``.
        labels: Shape ``(b, levels)``.
        parents: For each level but the top, the class above each class.
        penalty: Base of the dependence loss.

    Returns:
        Cross-entropy of each level, and dependence loss of each level but the top.
    """
    from keras import ops

    from matcher.losses import _operations as of

    owns = [of.own_class(labels[:, level], z.shape[1]) for level, z in enumerate(logits)]
    shares = [ops.softmax(z, axis=1) for z in logits]
    wrong = [1 - of.pick(share, own) for share, own in zip(shares, owns, strict=True)]
    dependences = []
    for level, above in enumerate(parents, start=1):
        agreeing = ops.sum(shares[level] * ops.take(shares[level - 1], above, axis=1), axis=1)
        exponent = (1 - agreeing) * (wrong[level - 1] + wrong[level])
        dependences.append(of.mean(penalty**exponent - 1))
    return [of.cross_entropy(z, own) for z, own in zip(logits, owns, strict=True)], dependences


def _by_level(name: str, weights: float | tuple[float, ...], n: int) -> tuple[float, ...]:
    """One weight a level.

    Raises:
        ConfigError: If there are more or fewer than levels.
    """
    if not isinstance(weights, tuple):
        return (weights,) * n
    if len(weights) != n:
        raise ConfigError(
            f"{name} is one number, or {n} for the levels of these labels. Received: {weights}."
        )
    return weights
