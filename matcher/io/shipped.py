"""Weights that come with the package: a network for pictures and one for titles.

Each is a folder as a training leaves it, its weights in float16. Settings call it ``base``.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

from matcher.errors import BackendError
from matcher.io.artifacts import TENSORS

# What ``weights`` calls them.
BASE = "base"
WEIGHTS = Path(str(files("matcher"))) / "weights"

Kind: TypeAlias = Literal["image", "title"]

_OTHERS = {
    "image": "imagenet (downloaded once) or the folder of a training",
    "title": "a Hugging Face BERT, e.g. sentence-transformers/all-MiniLM-L6-v2 (downloaded once), "
    "or the folder of a training",
}


def base_folder(kind: Kind) -> Path:
    """Folder of the weights that come with the package.

    Raises:
        BackendError: If this copy of the package has none.
    """
    folder = WEIGHTS / kind
    if not (folder / TENSORS).is_file():
        raise BackendError(
            f"weights: {BASE} are those that come with the package, but this copy of it has no "
            f"{folder / TENSORS}. Install matcher anew with its weights, or set weights: to "
            f"{_OTHERS[kind]}."
        )
    return folder


def named_folder(weights: str | Path, kind: Kind) -> Path:
    """Where weights lie that a setting names by ``base`` or by their folder; it may be missing."""
    return WEIGHTS / kind if str(weights) == BASE else Path(weights).expanduser()
