"""Questions that wait while others are answered are answered together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from matcher.catalog import Candidate
from matcher.serve.metrics import Metrics
from matcher.types import ImageRef, Listings

Ask = Callable[[Listings, int], list[list[Candidate]]]


@dataclass(frozen=True, slots=True)
class Question:
    """One query.

    Attributes:
        title: Empty where there is none.
        image: Checked; None where there is none.
        box: Part of the picture, as x, y, width, height in pixels.
        k: Candidates wanted.
        answer: Set when there is one.
    """

    title: str
    image: ImageRef | None
    box: tuple[float, float, float, float] | None
    k: int
    answer: asyncio.Future[list[Candidate]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Batcher:
    """Gathers questions: none waits for more to come, and all that wait go together.

    Args:
        ask: Answers a table of queries, the best k of each; runs in a thread.
        threads: Where it runs.
        max_batch: Most questions that go together.
        metrics: Where batches are counted.
    """

    def __init__(
        self, ask: Ask, threads: ThreadPoolExecutor, max_batch: int, metrics: Metrics
    ) -> None:
        self._ask, self._threads, self._max = ask, threads, max_batch
        self._metrics = metrics
        self._waiting: deque[Question] = deque()
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> list[Candidate]:
        """Answer one question, with whichever others wait."""
        self._waiting.append(question)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await question.answer

    async def _run(self) -> None:
        """Answer until none waits."""
        try:
            while self._waiting:
                n = min(self._max, len(self._waiting))
                await self._answer([self._waiting.popleft() for _ in range(n)])
        finally:
            self._running = None

    async def _answer(self, batch: Sequence[Question]) -> None:
        """Answer some; where they fail together, each is asked alone, and fails alone."""
        began = time.perf_counter()
        try:
            answers = await self._in_thread(batch)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            for question in batch:
                await self._answer([question])
            return
        self._metrics.batches.observe(len(batch))
        self._metrics.batch_seconds.observe(time.perf_counter() - began)
        for question, found in zip(batch, answers, strict=True):
            if not question.answer.done():
                question.answer.set_result(found[: question.k])

    async def _in_thread(self, batch: Sequence[Question]) -> list[list[Candidate]]:
        loop = asyncio.get_running_loop()
        k = max(question.k for question in batch)
        return await loop.run_in_executor(self._threads, self._ask, as_listings(batch), k)


def _fail(question: Question, error: Exception) -> None:
    if not question.answer.done():
        question.answer.set_exception(error)


def as_listings(batch: Sequence[Question]) -> Listings:
    """A table of queries."""
    boxes = None
    if any(question.box is not None for question in batch):
        nothing = (np.nan,) * 4
        boxes = np.array([question.box or nothing for question in batch], np.float32)
    return Listings(
        ids=tuple(f"query-{i}" for i in range(len(batch))),
        titles=tuple(question.title for question in batch),
        images=tuple(question.image for question in batch),
        boxes=boxes,
    )
