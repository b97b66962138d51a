"""Where the data lies, and on what machine figures are made."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from matcher.config import RunConfig

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"


def data_folder() -> Path:
    """The folder that ``MATCHER_DATA`` names."""
    return Path(os.environ.get("MATCHER_DATA", str(ROOT.parent / "shared" / "data")))


def machine() -> str:
    """The machine, in a few words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}"


def config(name: str) -> RunConfig:
    """A config of this repository."""
    return RunConfig.load(CONFIGS / f"{name}.yaml")
