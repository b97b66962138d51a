"""sentence-transformers in a process of its own, which takes turns with ours.

torch and TensorFlow in one process get into each other's threads. The worker needs
sentence-transformers, and nothing of this repository: it may run in another environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

MISSING = 3  # exit status where sentence-transformers is not installed


class Worker:
    """The other end: starts the process and asks it for one turn at a time.

    Args:
        python: Interpreter of the environment to run in.
        weights: Folder of the model.
        titles: What to encode, each turn anew.
        out: Where the vectors of the last turn go, as ``.npy``.
        threads: How many torch may use.
        max_tokens: Longer titles are cut off there; None: where the model says.
        precision: ``float32``, which is the default of sentence-transformers, or ``bfloat16``.

    Raises:
        ImportError: If sentence-transformers is not installed there.
    """

    def __init__(
        self,
        python: str,
        weights: Path,
        titles: Sequence[str],
        out: Path,
        *,
        threads: int,
        max_tokens: int | None = None,
        precision: str = "float32",
    ) -> None:
        self.out = out
        self._process = subprocess.Popen(
            [python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        given = {
            **{"weights": str(weights), "titles": list(titles), "out": str(out)},
            **{"threads": threads, "max_tokens": max_tokens, "precision": precision},
        }
        if self._ask(given) is None:
            self.close()
            raise ImportError(f"{python} has no sentence-transformers")

    def __call__(self) -> Any:
        """Take a turn; return the vectors."""
        import numpy as np

        self.measure()
        return np.load(self.out)

    def measure(self) -> tuple[float, float, float]:
        """Take a turn; return its seconds, CPU seconds and bytes at the peak (not known: nan)."""
        answer = self._ask({})
        if answer is None:
            raise RuntimeError("The worker has stopped.")
        return answer["wall"], answer["cpu"], float("nan")

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._process.communicate()

    def _ask(self, question: dict[str, Any]) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            return None
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else None


def main() -> None:
    """Serve turns until standard input ends."""
    try:
        import numpy as np
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError:
        sys.exit(MISSING)
    given = json.loads(sys.stdin.readline())
    torch.set_num_threads(given["threads"])
    model = SentenceTransformer(given["weights"], device="cpu")
    if given["max_tokens"] is not None:
        model.max_seq_length = given["max_tokens"]
    if given["precision"] == "bfloat16":
        model = model.to(torch.bfloat16)
    print("{}", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = model.encode(given["titles"], show_progress_bar=False)
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        np.save(given["out"], vectors)
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
