"""A network that learns a teacher's maps stage by stage, at first each from the teacher's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from matcher.errors import ConfigError
from matcher.losses._hints import Hints
from matcher.models.augmentation import RandomLayer
from matcher.models.stages import split_stages, watch_stages


class StageByStage(RandomLayer):
    """Runs a network so that each stage is compared with the teacher's.

    For a share of the pictures, drawn anew at each border between stages, the next stage is
    given the teacher's map in place of that of the stage before. The share falls from 1 to 0, in
    a line, in the first ``steps`` steps: the stages of a network from random weights can so learn
    all at once, each from what it will be given one day.

    Args:
        embedder: The network.
        teacher_shapes: Side and channels of the teacher's maps.
        steps: Steps until the network runs by itself; 0: from the first.
        seed: Of what is drawn.

    Call arguments:
        pixels: Shape ``(batch, size, size, 3)``.
        targets: The teacher's maps.

    Returns:
        Embeddings, ``(batch, width)``, and the distance of the maps, a scalar.

    Raises:
        ConfigError: If the two have other numbers of stages, or the teacher is the wider one.

    Source: Williams and Zipser, Neural Computation 1(2), 1989 (teacher forcing); block by block,
    Wang et al., IJCAI 2018, "Progressive blockwise knowledge distillation".
    """

    def __init__(
        self, embedder: Any, teacher_shapes: Sequence[tuple[int, int]], steps: int, seed: int = 0
    ) -> None:
        super().__init__(seed, name="stage_by_stage")
        shapes = watch_stages(embedder)[1]
        _check(shapes, teacher_shapes)
        self.sides = [side for side, _ in shapes]
        self.parts = split_stages(embedder)
        self.steps = steps
        self.hints = Hints([w for _, w in shapes], [w for _, w in teacher_shapes], seed)
        self.seen = self.add_weight((), "zeros", "int32", trainable=False, name="seen")
        self.built = True

    def call(self, pixels: Any, targets: Sequence[Any], training: bool = False) -> tuple[Any, Any]:
        lifted = self.hints.lift(targets, self.sides)
        maps, given = [], pixels
        for part, wanted in zip(self.parts[:-1], lifted, strict=True):
            found = ops.cast(part(given, training=training), "float32")
            maps.append(found)
            given = self._force(found, wanted)
        if self.steps:
            self.seen.assign(ops.minimum(self.seen + 1, self.steps))
        return self.parts[-1](given, training=training), self.hints(maps, lifted)

    def _force(self, found: Any, wanted: Any) -> Any:
        if not self.steps:
            return found
        share = 1 - ops.cast(self.seen, "float32") / self.steps
        forced = self._draw(ops.shape(found)[0], 1, 1, 1) < share
        return ops.where(forced, wanted, found)

    def compute_output_shape(self, pixels_shape: Any, *shapes: Any) -> Any:
        return (pixels_shape[0], self.parts[-1].output_shape[-1]), ()


def _check(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> None:
    """Whether two networks can be compared stage by stage."""
    if len(ours) != len(theirs):
        raise ConfigError(
            f"teacher.maps compares networks stage by stage: the network has {len(ours)}, the "
            f"teacher {len(theirs)}. Take another teacher, or set maps: 0."
        )
    for stage, ((_, width), (_, wanted)) in enumerate(zip(ours, theirs, strict=True), start=1):
        if wanted > width:
            raise ConfigError(
                f"teacher.maps takes a network at least as wide as the teacher: stage {stage} has "
                f"{width} channels, the teacher's {wanted}. Take another teacher, or set maps: 0."
            )
