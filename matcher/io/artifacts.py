"""Weights that last: tensors and settings in one checksummed safetensors file, never a pickle.

A saved model is a folder. ``model.safetensors`` holds everything; ``config.json`` repeats the
settings for people and other tools.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError

TENSORS = "model.safetensors"
CONFIG = "config.json"
_HALVES = ("bfloat16", "float16")

Tensors = Mapping[str, NDArray[Any]]


def fingerprint(config: Mapping[str, Any], tensors: Tensors) -> str:
    """Hash settings and tensors: 64 hex digits, whatever the order of their names."""
    digest = hashlib.sha256(_to_json(config).encode())
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        digest.update(f"\0{name}\0{tensor.dtype}\0{tensor.shape}\0".encode())
        digest.update(tensor.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def save_model(folder: Path, config: Mapping[str, Any], tensors: Tensors) -> str:
    """Write a model so that a crash at any moment leaves the old one or the new one.

    Other files in the folder stay as they are.

    Args:
        folder: Made if it does not exist.
        config: Settings that JSON can hold.
        tensors: Arrays by name.

    Returns:
        The fingerprint stored with it.

    Raises:
        StoreError: If it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    text, mark = _to_json(config), fingerprint(config, tensors)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(mkdtemp(prefix=".saving-", dir=folder))
        try:
            # safetensors writes an array that is not in C order wrongly, without a word.
            in_order = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
            save_file(in_order, aside / TENSORS, {"config": text, "fingerprint": mark})
            (aside / CONFIG).write_text(text + "\n", encoding="utf-8")
            # safetensors writes for the owner alone.
            (aside / TENSORS).chmod((aside / CONFIG).stat().st_mode)
            for name in (TENSORS, CONFIG):
                _flush(aside / name)
            # Without its copy a model is whole; with the copy of another one it would not be.
            (folder / CONFIG).unlink(missing_ok=True)
            (aside / TENSORS).replace(folder / TENSORS)
            (aside / CONFIG).replace(folder / CONFIG)
            _flush(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except (OSError, SafetensorError) as error:  # the latter where the disk is full
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"The model could not be saved in {folder}: {reason}.") from error
    return mark


def load_model(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what ``save_model`` wrote and check its fingerprint.

    Returns:
        Settings, and arrays by name, of the types that they were saved with.

    Raises:
        StoreError: If it is missing, damaged, or not what was saved.
    """
    path = folder / TENSORS
    metadata, tensors = _read(path)
    if not {"config", "fingerprint"} <= metadata.keys():
        raise StoreError(
            f"{path} was not written by this package: it holds no settings. "
            "Name a folder that holds a model saved here."
        )
    config = _parse(metadata["config"], path)
    if fingerprint(config, tensors) != metadata["fingerprint"]:
        raise StoreError(f"{path} is damaged: its fingerprint does not fit. Copy or save it again.")
    copy = folder / CONFIG
    if copy.exists() and read_config(folder) != config:
        raise StoreError(
            f"{copy} has other settings than the model beside it was saved with. "
            "Delete it to use those stored in the model."
        )
    return config, tensors


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Read any safetensors file; bfloat16 and float16 come out as float32.

    Returns:
        Its metadata, and arrays by name.

    Raises:
        StoreError: If it is missing or damaged.
    """
    metadata, tensors = _read(path)
    return metadata, widen(tensors)


def widen(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Arrays of 16-bit floating point as float32, the others as they are."""
    return {
        name: tensor.astype(np.float32) if tensor.dtype.name in _HALVES else tensor
        for name, tensor in tensors.items()
    }


def _read(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Metadata and arrays of a file, as they are stored."""
    import ml_dtypes  # noqa: F401, teaches NumPy the name bfloat16
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return dict(file.metadata() or {}), tensors
    except FileNotFoundError as error:
        raise StoreError(f"{path} does not exist.") from error
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(
            f"{path} is damaged or no safetensors file: {reason}. Copy or download it again."
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read the ``config.json`` of a folder.

    Raises:
        StoreError: If it is missing or holds no JSON object.
    """
    path = folder / CONFIG
    try:
        return _parse(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StoreError(f"{path} cannot be read: {reason}.") from error


def _to_json(config: Mapping[str, Any]) -> str:
    return json.dumps(dict(config), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: its settings are no JSON.") from error
    if not isinstance(config, dict):
        raise StoreError(f"{path} is damaged: its settings must be a JSON object.")
    return config


def _flush(path: Path) -> None:
    """Have the disk hold what was written; a folder, where the system can (Windows cannot)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
