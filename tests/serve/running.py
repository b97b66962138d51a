"""Services in processes of their own; ``python -m tests.serve.running`` is one in memory."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Service:
    """A process that serves.

    Attributes:
        process: The process.
        port: Where it listens.
        log: Lines of its log that were read so far.
    """

    def __init__(self, command: list[str], **environment: str):
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        self.log: list[dict] = []
        self.port = int(self.wait_for("listening")["port"])

    def wait_for(self, event: str) -> dict:
        """Read the log up to a line of this event."""
        for line in self.process.stderr:
            if not line.startswith("{"):
                continue
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == event:
                return self.log[-1]
        raise AssertionError(f"it ended before {event!r}: {self.log}")

    def end(self) -> list[dict]:
        """Wait until it has ended; returns the whole log."""
        rest = self.process.communicate()[1]
        self.log += [json.loads(line) for line in rest.splitlines() if line.startswith("{")]
        return self.log


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[Service]:
    """A service that is killed in the end, if it still runs."""
    service = Service(command, **environment)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.communicate()


def fake_service(folder: Path, slow: float = 0.0, drain: float = 0.0, stop: int = 30) -> list[str]:
    """The command of a service on a catalogue in memory."""
    options = [str(folder), "--slow", str(slow), "--drain", str(drain), "--stop", str(stop)]
    return [sys.executable, "-m", "tests.serve.running", *options]


def main() -> None:
    """Serve a catalogue in memory."""
    from matcher.serve.app import make_app
    from matcher.serve.keys import Keys
    from matcher.serve.run import run
    from matcher.serve.settings import ServeSettings
    from tests.serve.fake import FakeCatalog

    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--slow", type=float)
    parser.add_argument("--drain", type=float)
    parser.add_argument("--stop", type=int)
    given = parser.parse_args()
    settings = ServeSettings(drain_seconds=given.drain, stop_seconds=given.stop)
    catalog = FakeCatalog(slow=given.slow)
    references = {given.folder: catalog.references}
    app = make_app(
        {given.folder: catalog}, Keys(place=given.folder), settings, references=references
    )
    run(app, "127.0.0.1", 0, settings)


if __name__ == "__main__":
    main()
