"""Where a run stands, on disk, so that it goes on after a crash as if nothing had happened.

A checkpoint is one safetensors file: every variable, and where the run stood. It is written
aside, brought to the disk and renamed; the one before it is kept as well.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError
from matcher.io.artifacts import fingerprint, read_tensors
from matcher.io.atomic import write_atomically

log = logging.getLogger(__name__)

KEPT = 2
BEST = "best"
_NAME = "step-{:010d}.safetensors"
_PATTERN = re.compile(r"step-\d{10}\.safetensors")

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        run: Digest of everything that decides the outcome: settings, rows and labels.
        step: Batches done in all.
        epoch: Epoch of the next batch, from 0.
        batch: Its place in the epoch, from 0.
        stage: Epoch whose frozen layers the optimiser's variables belong to.
        before: Validation metrics before the first step; empty where nothing is held out.
        best: Those of the best weights so far; empty before the first validation.
        best_step: Step at which those were measured.
        worse: Validations since then.
        stopped: Whether they were enough to stop early.
        seconds: Spent on training so far.
        waited: Of these, spent waiting for rows to be read.
        replaced: How often a row could not be read and gave its place to another.
    """

    run: str
    step: int = 0
    epoch: int = 0
    batch: int = 0
    stage: int = 0
    before: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    best_step: int = 0
    worse: int = 0
    stopped: bool = False
    seconds: float = 0.0
    waited: float = 0.0
    replaced: int = 0


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: Made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, progress: Progress, arrays: Arrays) -> None:
        """Write a checkpoint; of those before, the newest is kept.

        Raises:
            StoreError: If it cannot be written.
        """
        _write(self.folder / _NAME.format(progress.step), asdict(progress), arrays)
        for old in self._paths()[KEPT:]:
            old.unlink(missing_ok=True)

    def load(self, run: str) -> tuple[Progress, dict[str, NDArray[Any]]] | None:
        """Read the newest checkpoint that is whole.

        Args:
            run: Digest of the run that is to go on.

        Returns:
            Where it stood, and its variables; None where there is no checkpoint.

        Raises:
            StoreError: If checkpoints are there and none is whole, or they are of another run.
        """
        paths, reason = self._paths(), ""
        for path in paths:
            try:
                told, arrays = _read(path)
                progress = Progress(**told)
            except (StoreError, TypeError) as error:
                reason = str(error)
                log.warning("%s; the checkpoint before it is taken", reason.rstrip("."))
                continue
            if progress.run != run:
                raise StoreError(
                    f"{self.folder} holds checkpoints of a run with other settings or listings. "
                    "Name another folder for this run, or remove that one."
                )
            return progress, arrays
        if paths:
            raise StoreError(
                f"No checkpoint in {self.folder} can be read: {reason.rstrip('.')}. "
                "Remove the folder to start anew."
            )
        return None

    def save_best(self, arrays: Arrays) -> None:
        """Keep the weights that validated best.

        Raises:
            StoreError: If they cannot be written.
        """
        _write(self.folder / f"{BEST}.safetensors", {}, arrays)

    def load_best(self) -> dict[str, NDArray[Any]]:
        """Read those weights.

        Raises:
            StoreError: If they are missing or damaged.
        """
        return _read(self.folder / f"{BEST}.safetensors")[1]

    def _paths(self) -> list[Path]:
        """Checkpoints, the newest first; nothing else in the folder counts."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _PATTERN.fullmatch(path.name)]
        return sorted(found, reverse=True)


def _write(path: Path, told: Mapping[str, Any], arrays: Arrays) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    # safetensors writes an array that is not in C order wrongly, without a word.
    in_order = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    metadata = {"progress": json.dumps(dict(told)), "fingerprint": fingerprint(told, in_order)}
    try:
        write_atomically(path, lambda aside: save_file(in_order, aside, metadata))
    except SafetensorError as error:  # where the disk is full
        raise StoreError(f"Cannot write {path}: {error}.") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    metadata, arrays = read_tensors(path)
    try:
        told = json.loads(metadata["progress"])
        whole = fingerprint(told, arrays) == metadata["fingerprint"]
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{path} is no checkpoint of this package.") from error
    if not whole:
        raise StoreError(f"{path} is damaged: its fingerprint does not fit.")
    return told, arrays
