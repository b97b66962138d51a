"""What happened at each step, as CSV and, on request, for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from matcher.errors import BackendError
from matcher.io.atomic import write_atomically

LOG = "log.csv"
FIELDS = (
    "step",
    "epoch",
    "batch",
    "loss",
    "learning_rate",
    "margin",
    "rows_per_second",
    "top1",
    "top5",
    "mar@10",
    "row_f1",
    "threshold",
)
_PLACE = ("step", "epoch", "batch")


class TrainingLog:
    """Writes one line a step, and one after each validation.

    Args:
        folder: Of the run; it exists.
        step: Batches done.
        place: Epoch and batch that come next: lines from there on, which a crash left, are
            dropped.
        tensorboard: Whether to write for TensorBoard too, into the folder ``tensorboard``.

    Raises:
        BackendError: If TensorBoard's writer is not installed.
    """

    def __init__(
        self,
        folder: Path,
        step: int = 0,
        place: tuple[int, int] = (0, 0),
        tensorboard: bool = False,
    ) -> None:
        self._board: Any = None
        if tensorboard:
            check_tensorboard()
            from tensorboardX import SummaryWriter

            # Events past a crash are marked as superseded.
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        path = folder / LOG
        kept = [row for row in read_log(path) if (row["epoch"], row["batch"]) < place]
        write_atomically(path, lambda aside: _write_all(aside, kept))
        self._file: IO[str] = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, FIELDS, lineterminator="\n")

    def add(self, step: int, epoch: int, batch: int, values: Mapping[str, float | None]) -> None:
        """Write a line.

        Args:
            step: Batches done.
            epoch: From 0.
            batch: From 0; after the last one of an epoch, their number.
            values: By name, each in ``FIELDS``.
        """
        known = {name: value for name, value in values.items() if value is not None}
        numbers = {name: f"{value:.6g}" for name, value in known.items()}
        self._writer.writerow({"step": step, "epoch": epoch, "batch": batch, **numbers})
        self._file.flush()
        if self._board is not None:
            for name, value in known.items():
                self._board.add_scalar(name.replace("@", "_at_"), value, step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def check_tensorboard() -> None:
    """Find out before long work whether TensorBoard's writer is there.

    Raises:
        BackendError: If it is not.
    """
    if find_spec("tensorboardX") is None:
        raise BackendError(
            "tensorboard: true needs tensorboardX. Install the extra 'train' "
            "(pip install 'matcher[train]'), or set it to false; log.csv is written in any case."
        )


def read_log(path: Path) -> list[dict[str, float]]:
    """Read a log; a last line that a crash cut off is passed over.

    Returns:
        Numbers by name, a step each; empty where there is no log.
    """
    if not path.exists():
        return []
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line.replace("\0", "") for line in file):
            try:
                numbers = {name: float(row[name]) for name in FIELDS if row.get(name)}
            except ValueError:
                continue
            if None not in row.values() and numbers.keys() >= set(_PLACE):
                rows.append(numbers)
    return rows


def _write_all(path: Path, rows: list[dict[str, float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            place = {name: int(row[name]) for name in _PLACE}
            rest = {name: f"{value:.6g}" for name, value in row.items() if name not in _PLACE}
            writer.writerow({**place, **rest})
