"""The loop: batch by batch, with checkpoints, logs and validation, to the end or to a stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import ConfigError
from matcher.models.settings import Place
from matcher.progress import Whole
from matcher.training.checkpoints import Checkpoints, Progress
from matcher.training.feeding import Batch, Reader, feed
from matcher.training.imprinting import imprint
from matcher.training.logs import TrainingLog
from matcher.training.sampling import count_batches, deal
from matcher.training.settings import TrainConfig
from matcher.types import Int64

if TYPE_CHECKING:
    from matcher.training.learner import Learner

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
NAMED = 5  # listings named where a loss is no number

Validate = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Task:
    """What a run works on.

    Attributes:
        digest: Of all that decides the outcome.
        classes: Class of each training row in ``0..n_classes-1``, shape ``(n,)``.
        labels: What the loss takes, shape ``(n,)`` or ``(n, levels)``.
        others: What is learnt of each training row besides, by name, each of length ``n``.
        ids: Id of each training row, for messages.
        reader: Reads a training row.
        validate: Measures the network on what is held out; None where nothing is.
        freeze: Freezes a part of the network.
        times: How often each training row comes up in an epoch, shape ``(n,)``; None for once.
    """

    digest: str
    classes: Int64
    labels: Int64
    ids: Sequence[str]
    reader: Reader
    validate: Validate | None
    freeze: Callable[[Place], object]
    others: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    times: Int64 | None = None


def train(learner: Learner, task: Task, config: TrainConfig, folder: Path) -> Progress:
    """Train to the end, from the last checkpoint if there is one.

    What is left in ``folder`` are ``log.csv`` and ``checkpoints``, with the weights that
    validated best among them.

    Args:
        learner: Newly made, with its first weights.
        task: What to work on.
        config: How.
        folder: Of the run; it exists.

    Returns:
        Where the run ended; ``learner`` holds the last weights.

    Raises:
        ConfigError: If the loss or a weight is no number any more.
        StoreError: If the folder holds another run, or cannot be written.
    """
    return _Run(learner, task, config, folder).finish()


class _Run:
    """A run that goes on from where it stands."""

    def __init__(self, learner: Learner, task: Task, config: TrainConfig, folder: Path) -> None:
        from matcher.training.learner import prepare, require_margin

        self.learner, self.task, self.config = learner, task, config
        self.n_batches = count_batches(task.classes, config.batches, task.times)
        self.n_steps = self.n_batches * config.epochs
        self.checkpoints = Checkpoints(folder / CHECKPOINTS)
        if config.margin is not None:
            require_margin(learner)
        self.lengths = task.reader.lengths
        with_first = next(iter(feed(self._order(0)[:1], task.reader)))
        prepare(learner, self._inputs(with_first))
        self.progress = self._resume()
        place = self.progress.epoch, self.progress.batch
        self.log = TrainingLog(folder, self.progress.step, place, config.tensorboard)
        self.saved = time.monotonic()
        self.recent: list[Batch] = []

    def finish(self) -> Progress:
        """Run to the end."""
        try:
            self.bar = Whole("training", self.n_steps)
            self.bar.advance(self.progress.step)
            if not self.progress.step:
                self._begin()
            while self.progress.epoch < self.config.epochs and not self.progress.stopped:
                self._epoch()
            self.bar.finish()
        finally:
            self.log.close()
        return self.progress

    def _begin(self) -> None:
        """Measure the network as it is, and let the loss know what it knows."""
        if self.task.validate is not None:
            before = self._measure(self.task.validate)
            self.progress = replace(self.progress, before=before)
        if self.config.centers == "means":
            task = self.task
            imprint(self.learner, task.reader, task.classes, self.config.validation.batch)

    def _resume(self) -> Progress:
        """Take up the last checkpoint, or stand at the beginning."""
        from matcher.training.learner import give_state, ready

        found = self.checkpoints.load(self.task.digest)
        progress, arrays = found or (Progress(self.task.digest), None)
        self.task.freeze(self.config.freezing.at(progress.stage))
        ready(self.learner, self.config.optimizer)
        if arrays is not None:
            give_state(self.learner, arrays, str(self.checkpoints.folder))
            log.info("going on at epoch %d, batch %d", progress.epoch, progress.batch)
        return progress

    def _epoch(self) -> None:
        """Do the rest of an epoch."""
        self._thaw()
        self._learn(self._order(self.progress.epoch)[self.progress.batch :])
        ended = self.progress.epoch + 1
        last = ended == self.config.epochs
        if self.task.validate is not None and (last or ended % self.config.validation.every == 0):
            self._choose(self._measure(self.task.validate))
        self.progress = replace(self.progress, epoch=ended, batch=0)
        self._save()

    def _order(self, epoch: int) -> Int64:
        """Rows of each batch of an epoch."""
        task, config = self.task, self.config
        return deal(task.classes, config.batches, config.seed, epoch, self.lengths, task.times)

    def _thaw(self) -> None:
        """Freeze what is to be frozen in this epoch, if that is not so already."""
        from matcher.training.learner import ready

        epoch, freezing = self.progress.epoch, self.config.freezing
        if freezing.at(epoch) != freezing.at(self.progress.stage):
            self.task.freeze(freezing.at(epoch))
            ready(self.learner, self.config.optimizer)
        self.progress = replace(self.progress, stage=epoch)

    def _learn(self, batches: Iterable[Int64]) -> None:
        """Learn from batches, one after the other."""
        before = time.perf_counter()
        for batch in feed(batches, self.task.reader):
            arrived = time.perf_counter()
            self._step(batch, arrived - before)
            now = time.perf_counter()
            spent, waited = now - before, arrived - before
            progress = self.progress
            self.progress = replace(
                progress,
                step=progress.step + 1,
                batch=progress.batch + 1,
                seconds=progress.seconds + spent,
                waited=progress.waited + waited,
                replaced=progress.replaced + len(batch.unread),
            )
            before = now
            self.bar.advance(1)
            if time.monotonic() - self.saved >= 60 * self.config.checkpoint_minutes:
                self._save()
                before = time.perf_counter()

    def _step(self, batch: Batch, waited: float) -> None:
        """Learn from one batch, and tell what came of it."""
        from matcher.training.learner import margin_now, step

        config, place = self.config, self.progress
        rate = config.optimizer.learning_rate * config.schedule.rate(place.step, self.n_steps)
        grown = config.margin
        margin = None if grown is None else grown.margin(place.step, self.n_steps)
        # A weight may become NaN in one batch, and the loss only in the next.
        self.recent = [*self.recent[-1:], batch]
        start = time.perf_counter()
        loss = step(self.learner, self._inputs(batch), rate, margin)
        spent = time.perf_counter() - start + waited
        if not np.isfinite(loss):
            raise self._diverged(f"The loss became {loss}")
        values = {
            "loss": loss,
            "learning_rate": rate,
            "margin": margin_now(self.learner),
            "rows_per_second": len(batch.rows) / spent,
        }
        self.log.add(place.step + 1, place.epoch, place.batch, values)

    def _inputs(self, batch: Batch) -> dict[str, Any]:
        """What the learner takes of a batch, labels included."""
        labels = self.task.labels[batch.rows]
        if self.config.batches.views:
            labels = np.unique(batch.rows, return_inverse=True)[1]
        others = {name: values[batch.rows] for name, values in self.task.others.items()}
        return {**batch.inputs, **others, "labels": labels.astype(np.int32)}

    def _measure(self, validate: Validate) -> dict[str, float]:
        """Validate, and log what was found."""
        metrics = dict(validate())
        place = self.progress
        self.log.add(place.step, place.epoch, place.batch, metrics)
        return metrics

    def _choose(self, metrics: Mapping[str, float]) -> None:
        """Keep the weights if they are the best; stop if they have not been for long."""
        from matcher.models.weights import export_weights

        settings, progress = self.config.validation, self.progress
        best = progress.best.get(settings.metric)
        if best is None or metrics[settings.metric] > best:
            self._check_weights()
            self.checkpoints.save_best(export_weights(self.learner.embedder))
            best_step, worse = progress.step, 0
            self.progress = replace(progress, best=dict(metrics), best_step=best_step, worse=worse)
            return
        worse = progress.worse + 1
        stopped = settings.patience is not None and worse >= settings.patience
        self.progress = replace(progress, worse=worse, stopped=stopped)

    def _save(self) -> None:
        """Write a checkpoint, unless a weight is no number: the last one is good."""
        from matcher.training.learner import take_state

        self._check_weights()
        self.checkpoints.save(self.progress, take_state(self.learner))
        self.saved = time.monotonic()

    def _check_weights(self) -> None:
        from matcher.training.learner import broken_weight

        broken = broken_weight(self.learner)
        if broken is not None:
            raise self._diverged(f"The weight {broken} became NaN or infinite")

    def _diverged(self, what: str) -> ConfigError:
        place = self.progress
        held = "; those of the batch before: ".join(self._names(b) for b in self.recent[::-1])
        return ConfigError(
            f"{what} in epoch {place.epoch}, batch {place.batch}. Listings of the last batch: "
            f"{held}. The last good weights are kept in {self.checkpoints.folder}. Lower "
            "optimizer.learning_rate, set optimizer.clip_norm, or lengthen schedule.warmup, and "
            "train into another folder."
        )

    def _names(self, batch: Batch) -> str:
        rows = list(dict.fromkeys(batch.rows.tolist()))
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        return ", ".join(self.task.ids[row] for row in rows[:NAMED]) + more
