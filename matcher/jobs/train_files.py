"""The small files of a run: its settings, its report, and what it depended on."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from matcher.errors import StoreError
from matcher.io.atomic import write_atomically
from matcher.io.versions import digest_of_code
from matcher.training.settings import TrainConfig
from matcher.types import UInt64

log = logging.getLogger(__name__)

RUN = "run.json"
SETTINGS = "training.yaml"
# Code that decides what a training gives.
_CODE = ("training/*.py", "models/*.py", "losses/*.py", "encoders/_*.py", "io/*.py")


def write_config(config: TrainConfig, folder: Path) -> None:
    """Write the settings, those not given included, so that they can be run again."""
    text = yaml.safe_dump(config.dump(), sort_keys=False, allow_unicode=True)
    write_atomically(folder / SETTINGS, lambda aside: aside.write_text(text, encoding="utf-8"))


def read_run(folder: Path) -> dict[str, Any]:
    """Read ``run.json``; empty where there is none.

    Raises:
        StoreError: If it is damaged or of another command.
    """
    path = folder / RUN
    if not path.exists():
        return {}
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is damaged. Remove it, or name another folder.") from error
    if not isinstance(run, dict) or run.get("command") != "train":
        raise StoreError(f"{path} is not of a training. Name another folder with --out.")
    return run


def digest_rows(ids: Iterable[str], digests: UInt64, labels: str) -> str:
    """Hash ids, the content of each row, and labels: 32 hex digits."""
    digest = blake2b(digest_size=16)
    digest.update(json.dumps(list(ids)).encode() + digests.astype("<u8").tobytes())
    digest.update(labels.encode())
    return digest.hexdigest()


def code_version() -> dict[str, str]:
    """Version of the package, and a hash of the code that trains."""
    try:
        release = version("matcher")
    except PackageNotFoundError:
        release = "unknown"
    return {"version": release, "sha256": digest_of_code(*_CODE)}


def warn_of_other_code(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Say so where a run goes on with other code or libraries than it began with."""
    if earlier.get("code") != now["code"] or earlier.get("versions") != now["versions"]:
        log.warning(
            "the run began with another version of this package or of a library; it goes on, "
            "but may not end with the weights that it would have had"
        )
