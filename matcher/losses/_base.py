"""What all losses share: their settings, and how they become a layer that is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator

from matcher.errors import ConfigError
from matcher.settings import Settings

if TYPE_CHECKING:
    from matcher.losses._head import Head

Labels = Literal["classes", "levels", "views"]


def _check_angle(margin: float) -> float:
    if not 0 <= margin < math.pi / 2:
        raise ValueError(
            f"margin is an angle in radians in [0, pi/2). Received: {margin}. One in degrees is "
            "written as radians: 28.6 degrees are 0.5."
        )
    return margin


Angle = Annotated[float, AfterValidator(_check_angle)]


class LossSettings(Settings):
    """Settings of a loss. A loss gives ``prepare`` and ``loss``; the rest follows.

    ``labels`` says what the labels of a batch are: ``"classes"``, one number a row, shape
    ``(b,)``; ``"levels"``, one number a level of a category tree, top first, shape
    ``(b, levels)``; ``"views"``, shape ``(b,)``, equal for the views of one picture.
    ``compares`` says that rows of a batch are compared with one another, so that a batch should
    hold several of each class. ``has_centers`` says that something is learnt for each class.
    """

    labels: ClassVar[Labels] = "classes"
    compares: ClassVar[bool] = False
    has_centers: ClassVar[bool] = True

    @property
    def method(self) -> str:
        """Name of the file that the loss is defined in."""
        return type(self).__module__.rpartition(".")[2]

    def build(
        self,
        width: int,
        class_sizes: Sequence[int],
        seed: int = 0,
        parents: Sequence[Sequence[int]] = (),
    ) -> Head:
        """Make the layer that turns a batch's embeddings and labels into its loss.

        Args:
            width: Dimension of the embeddings.
            class_sizes: Rows of each class in the training set, class 0 first; where there are
                levels, of each class of the lowest one. Read where ``has_centers``.
            seed: Of the weights; equal seeds give equal weights on every backend.
            parents: For each level but the top one, top first: the class of the level above
                that each class belongs to. Only where ``labels`` is ``"levels"``.

        Returns:
            A layer; see ``matcher.losses._head.Head``.

        Raises:
            ConfigError: If there is no class, a class without rows, or ``parents`` are missing,
                out of place or contradict one another.
        """
        if width < 1:
            raise ConfigError(f"width must be 1 or more. Received: {width}.")
        if self.has_centers and (not len(class_sizes) or min(class_sizes) < 1):
            raise ConfigError(
                f"The loss {self.method!r} needs one class or more, each with rows: number the "
                f"labels 0, 1, 2 without gaps. Received: {len(class_sizes)} classes"
                + (f", the smallest of {min(class_sizes)} rows." if len(class_sizes) else ".")
            )
        if self.labels == "levels":
            _check_parents(parents, len(class_sizes))
        elif len(parents):
            raise ConfigError(
                f"The loss {self.method!r} knows no levels. Leave parents out, or use the loss "
                "'hierarchical'."
            )
        from matcher.losses._head import Head

        return Head(self, width, class_sizes, seed, parents)

    def prepare(self, head: Head) -> None:
        """Give ``head`` its weights and state."""

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch; see ``Head.call``."""
        raise NotImplementedError


def _check_parents(parents: Sequence[Sequence[int]], n_leaves: int) -> None:
    """Refuse levels that are no tree."""
    if not len(parents) or len(parents[-1]) != n_leaves:
        lengths = [len(level) for level in parents]
        raise ConfigError(
            "parents gives, for each level but the top one, the class above each of its classes; "
            f"the last has one for each of the {n_leaves} lowest classes. Received: {lengths} "
            "classes a level. With one level only, use the loss 'softmax'."
        )
    for depth, level in enumerate(parents):
        above = len(parents[depth - 1]) if depth else max(level, default=-1) + 1
        if not len(level) or min(level) < 0 or max(level) >= above:
            raise ConfigError(
                f"parents[{depth}] must name classes of the level above, 0 to {above - 1}. "
                f"Received: {min(level, default=None)} to {max(level, default=None)}."
            )
