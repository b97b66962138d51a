"""Importing deep-learning libraries without a word on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from matcher.errors import BackendError

_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Off by default on AMD, where convolutions take two to three times as long without it.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def quiet_libraries() -> None:
    """Ask TensorFlow, transformers and the Hugging Face hub to be silent.

    To be called before they are imported. What the user has set in the environment stays.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


def import_keras() -> None:
    """Import Keras and its backend, so that a later ``import keras`` is quick and silent.

    Raises:
        BackendError: If the backend is not installed.
    """
    if "keras" in sys.modules:
        return
    quiet_libraries()
    try:
        with _muted():
            import keras  # noqa: F401
    except ImportError as error:
        raise BackendError(
            f"Keras cannot be loaded: {error}. Install tensorflow, or name an installed "
            "backend in the environment variable KERAS_BACKEND."
        ) from error


@contextmanager
def _muted() -> Iterator[None]:
    """Drop what is written to file descriptor 2: TensorFlow greets from C++, past its own level."""
    try:
        kept = os.dup(2)
    except OSError:  # closed, as in a service
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
