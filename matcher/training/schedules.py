"""Learning rate and margin as functions of the step."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from matcher.settings import Settings


class Schedule(Settings):
    """How the learning rate goes.

    Attributes:
        warmup: Share of all steps in which it rises in equal steps to the one set, in [0, 1).
        decay: From there ``cosine`` (half a wave), ``linear`` or ``constant``.
        final: Where the decay ends, as a share of the one set.

    Source:
        Warm-up: Goyal et al., 2017, arXiv:1706.02677, 2.2. Cosine: Loshchilov and Hutter,
        ICLR 2017, arXiv:1608.03983, eq. 5 without restarts.
    """

    warmup: float = Field(0.1, ge=0, lt=1)
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    final: float = Field(0.0, ge=0, le=1)

    def rate(self, step: int, n_steps: int) -> float:
        """Share of the learning rate at a step.

        Args:
            step: From 0.
            n_steps: Of the whole run.

        Returns:
            In (0, 1] with the default ``final``; 1 at the end of the warm-up.
        """
        n_warm = round(self.warmup * n_steps)
        if step < n_warm:
            return (step + 1) / n_warm
        done = (step - n_warm) / max(n_steps - n_warm, 1)
        left = {
            "cosine": (1 + math.cos(math.pi * done)) / 2,
            "linear": 1 - done,
            "constant": 1.0,
        }[self.decay]
        return self.final + (1 - self.final) * left


class MarginSchedule(Settings):
    """A margin that grows while the embedding forms.

    Attributes:
        start: Margin of the first step, in the unit of the loss.
        end: Margin from ``over`` on.
        over: Share of all steps in which it goes from one to the other, in (0, 1].
    """

    start: float = Field(0.2, ge=0)
    end: float = Field(0.8, ge=0)
    over: float = Field(0.8, gt=0, le=1)

    def margin(self, step: int, n_steps: int) -> float:
        """The margin at a step, from 0."""
        share = min(step / (self.over * n_steps), 1.0)
        return self.start + (self.end - self.start) * share
