"""Network, augmentation and loss as one Keras model that learns batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from matcher.errors import ConfigError, StoreError
from matcher.training.optimizers import build_optimizer, carry_over
from matcher.training.settings import Optimizer

LABELS = "labels"
TEACHER = "teacher"


class Learner(keras.Model):
    """What is trained.

    Args:
        embedder: From pixels or tokens to vectors, shape ``(batch, d)``.
        head: From vectors and labels to the mean loss of the batch, a scalar.
        augment: Changes pixels at random; None for none.
        mix: Pastes parts of one picture over another, as ``build_cut_mix`` makes it; None for
            none.
        perturb: Changes titles at random; None for none.
        teach: From pixels in 0..255, before they are changed, to what the layer ``"teacher"`` of
            ``others`` takes; None where that is an input.
        stages: For a teacher that gives maps before its vectors: the layer that runs the embedder
            and compares its maps with them, and the weight of that distance.
        others: What is learnt besides, by name: a layer of vectors and the input of that name,
            and the weight of the loss that it gives.

    Call arguments:
        inputs: Those of the embedder by name; ``"labels"``, int32, shape ``(batch,)`` or
            ``(batch, levels)``; and those of ``others``.

    Returns:
        The loss, a float32 scalar.
    """

    def __init__(
        self,
        embedder: Any,
        head: Any,
        augment: Any = None,
        mix: Any = None,
        perturb: Any = None,
        teach: Any = None,
        stages: tuple[Any, float] | None = None,
        others: Mapping[str, tuple[Any, float]] | None = None,
    ) -> None:
        super().__init__(name="learner")
        self.embedder, self.head = embedder, head
        self.augment, self.mix, self.perturb = augment, mix, perturb
        self.others = [layer for layer, _ in (others or {}).values()]
        self.teach = teach
        self.stages: Any = stages[0] if stages else None
        self._stages_weight = stages[1] if stages else 0.0
        self._weights_of = {name: weight for name, (_, weight) in (others or {}).items()}

    @property
    def head_variables(self) -> list[Any]:
        """Variables of all losses that are trained."""
        return [v for part in (self.head, *self.others) for v in part.trainable_variables]

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        given = [inputs[tensor.name] for tensor in self.embedder.inputs]
        known = {name: inputs[name] for name in (LABELS, *self._weights_of) if name in inputs}
        if self.teach is not None and training:
            return self._learn_part(given[0], known)
        if self.augment is not None:
            given[0] = self.augment(given[0], training=training)
        if self.perturb is not None:
            given = list(self.perturb(given, training=training))
        if self.mix is None:
            return self._judge(self._embed(given, training), known, training)
        given[0], rows, share = self.mix(given[0])
        embeddings = self._embed(given, training)
        own = self._judge(embeddings, known, training)
        of_pasted = {name: ops.take(values, rows, axis=0) for name, values in known.items()}
        return share * own + (1 - share) * self._judge(embeddings, of_pasted, training)

    def _learn_part(self, pixels: Any, known: dict[str, Any]) -> Any:
        """All losses, with a teacher that sees the same part of each picture."""
        part, changed = self.augment.views(pixels)
        *targets, known[TEACHER] = self.teach(part)
        if self.stages is None:
            return self._judge(self._embed([changed], True), known, True)
        embeddings, distance = self.stages(changed, targets, training=True)
        return self._judge(embeddings, known, True) + self._stages_weight * distance

    def _judge(self, embeddings: Any, known: Mapping[str, Any], training: bool | None) -> Any:
        """All losses together."""
        loss = self.head(embeddings, known[LABELS], training=training)
        for (name, weight), layer in zip(self._weights_of.items(), self.others, strict=True):
            loss = loss + weight * layer(embeddings, known[name], training=training)
        return loss

    def _embed(self, values: list[Any], training: bool | None) -> Any:
        # Keras takes a single input bare.
        return self.embedder(values[0] if len(values) == 1 else values, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss is what the model gives."""
        return y_pred


def prepare(learner: Learner, inputs: Mapping[str, NDArray[Any]]) -> None:
    """Make all variables.

    Args:
        learner: Newly made.
        inputs: A batch, of which only shapes and types count.
    """
    learner(
        {
            name: keras.KerasTensor(array.shape, dtype=str(array.dtype))
            for name, array in inputs.items()
        },
        training=True,
    )


def ready(learner: Learner, settings: Optimizer) -> None:
    """Compile for those weights that learn now, with what the optimiser knows of them already."""
    optimizer = build_optimizer(settings, learner.trainable_variables, learner.head_variables)
    if getattr(learner, "optimizer", None) is not None:
        carry_over(learner.optimizer, optimizer)
    # XLA makes convolutions on a CPU several times slower in TensorFlow; JAX has nothing else.
    learner.compile(optimizer, jit_compile=keras.backend.backend() == "jax")


def step(
    learner: Learner, inputs: Mapping[str, NDArray[Any]], rate: float, margin: float | None
) -> float:
    """Learn from one batch.

    Args:
        learner: After ``ready``.
        inputs: The batch.
        rate: Learning rate.
        margin: Margin of the loss; None to leave it.

    Returns:
        The loss before the step.
    """
    learner.optimizer.learning_rate.assign(rate)
    if margin is not None:
        learner.head.margin.assign(margin)
    return float(np.asarray(learner.train_on_batch(dict(inputs))))


def margin_now(learner: Learner) -> float | None:
    """Margin of the loss; None where it has none."""
    margin = getattr(learner.head, "margin", None)
    return None if margin is None else float(np.asarray(margin))


def require_margin(learner: Learner) -> None:
    """Refuse a margin schedule for a loss without a margin.

    Raises:
        ConfigError: If it has none.
    """
    if getattr(learner.head, "margin", None) is None:
        raise ConfigError("The loss has no margin to schedule. Leave margin out.")


def take_state(learner: Learner) -> dict[str, NDArray[Any]]:
    """Copy every variable: weights, random state, what the optimiser knows."""
    return {name: _copy(variable) for name, variable in _variables(learner).items()}


def give_state(learner: Learner, arrays: Mapping[str, NDArray[Any]], where: str) -> None:
    """Set every variable.

    Args:
        learner: After ``ready``, with the same layers frozen as when the arrays were taken.
        arrays: As ``take_state`` gives them.
        where: What to call them in messages.

    Raises:
        StoreError: If they are of another network.
    """
    variables = _variables(learner)
    fitting = variables.keys() == arrays.keys() and all(
        tuple(variable.shape) == arrays[name].shape for name, variable in variables.items()
    )
    if not fitting:
        raise StoreError(f"{where} holds variables of another network. Remove it to start anew.")
    for name, variable in variables.items():
        variable.assign(arrays[name])


def broken_weight(learner: Learner) -> str | None:
    """Name of a weight that holds NaN or infinity; None where all are numbers."""
    for variable in learner.weights:
        if not np.isfinite(_copy(variable)).all():
            return str(variable.path)
    return None


def _variables(learner: Learner) -> dict[str, Any]:
    """By place: names that Keras counts up differ from process to process."""
    named = {f"model/{i:05d}": v for i, v in enumerate(learner.variables)}
    return named | {f"optimizer/{i:05d}": v for i, v in enumerate(learner.optimizer.variables)}


def _copy(variable: Any) -> NDArray[Any]:
    return np.asarray(variable).copy()
