"""Interleaved timing: every contender in each round, medians over the rounds."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
SAMPLE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Timed:
    """What one contender took.

    Attributes:
        wall: Seconds, a value a round.
        cpu: Seconds of all threads together.
        peak: Bytes at the peak beyond what was held before.
        answer: What it returned in the unmeasured round.
    """

    wall: list[float]
    cpu: list[float]
    peak: list[float]
    answer: Any

    @property
    def seconds(self) -> float:
        """Median seconds."""
        return float(np.median(self.wall))

    @property
    def megabytes(self) -> float:
        """Median peak, in MB."""
        return float(np.median(self.peak)) / 1e6


def race(
    contenders: Mapping[str, Callable[[], Any]],
    n_rounds: int = 5,
    before: Callable[[], None] | None = None,
) -> dict[str, Timed]:
    """Run all of them in each of several rounds, each round from another one on.

    One unmeasured round goes before, for what is compiled or loaded on first use. A contender
    that runs in a process of its own has a method ``measure``, which returns its seconds, its
    CPU seconds and its bytes at the peak.

    Args:
        contenders: By name.
        n_rounds: Measured rounds.
        before: Called before each turn, unmeasured.
    """
    names, prepare = list(contenders), before or (lambda: None)
    found = {}
    for name in names:
        prepare()
        found[name] = Timed([], [], [], contenders[name]())
    for k in range(n_rounds):
        for name in [*names[k % len(names) :], *names[: k % len(names)]]:
            prepare()
            gc.collect()
            measure = getattr(contenders[name], "measure", None)
            measured = measure() if measure else run_once(contenders[name])[:3]
            timed = found[name]
            timed.wall.append(measured[0])
            timed.cpu.append(measured[1])
            timed.peak.append(measured[2])
    return found


def run_once(function: Callable[[], Any]) -> tuple[float, float, float, Any]:
    """Seconds, CPU seconds, bytes at the peak beyond those at the start, and what it returned."""
    before, highest, done = _resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            highest[0] = max(highest[0], _resident())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    answer = function()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    highest[0] = max(highest[0], _resident())
    done.set()
    watcher.join()
    return wall, cpu, max(0.0, highest[0] - before), answer


def _resident() -> float:
    """Bytes of this process in memory; 0 where /proc is missing."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0.0
