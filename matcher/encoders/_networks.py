"""Networks of encoders, kept on disk as they were converted.

A network is kept under everything that it depends on: the weights, what shapes it, the code that
builds it and the libraries that convert it. With a kept one an encoder starts without Keras and
TensorFlow.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError
from matcher.io.artifacts import TENSORS, fingerprint, load_model, save_model
from matcher.io.cache_place import make_folder, networks_folder, tidy_networks
from matcher.io.versions import digest_of_code, installed_versions
from matcher.runtime.compiled import compile_model
from matcher.runtime.loading import import_keras
from matcher.runtime.networks import (
    Network,
    Precision,
    UnfitError,
    check_precision,
    compile_network,
    has_openvino,
)
from matcher.runtime.runner import Batch, Runner

log = logging.getLogger(__name__)

_LIBRARIES = ("keras", "tensorflow", "tensorflow-cpu", "openvino", "numpy")
# What builds and converts networks, makes what they are tried on, and says what must be known.
_CODE = ("models/*.py", "runtime/*.py", "encoders/*.py")

Facts = Mapping[str, Any]
Probe = Callable[[Facts], tuple[Batch, ...]]


def load_runner(
    origin: Facts | None,
    build: Callable[[], tuple[Any, Facts]],
    probe: Probe,
    precision: Precision,
    rows: int | None = None,
    fixed: bool = True,
) -> tuple[Runner, Facts]:
    """Take a network from the cache, or build and convert it.

    A kept one that does not do on this machine, for whatever reason, is made anew.

    Args:
        origin: All that the network depends on, as JSON can hold it; None if that is not known
            before it is built: then it is not kept.
        build: Gives the Keras model, and what must be known of it to use it.
        probe: From those facts to inputs like those to come.
        precision: As for ``compile_model``.
        rows: As for ``compile_model``.
        fixed: As for ``compile_model``.

    Returns:
        A runner, and the facts.

    Raises:
        BackendError: As ``compile_model`` does.
        Exception: What ``build`` raises.
    """
    check_precision(precision)
    folder = None if origin is None else _folder_of(origin)
    kept = None if folder is None else _read(folder)
    if kept is not None:
        network, facts = kept
        try:
            return compile_network(network, precision, probe(facts), rows if fixed else None), facts
        except UnfitError as error:
            log.info("a kept network is made anew: %s", error)
    import_keras()
    model, facts = build()

    def keep(network: Network) -> None:
        if folder is not None:
            _write(folder, network, facts)

    return compile_model(model, precision, probe(facts), rows, fixed, keep), facts


def digest_of(path: Path) -> str:
    """Hash a file: 64 hex digits.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _folder_of(origin: Facts) -> Path | None:
    """Where a network is kept; None if it cannot be."""
    place = networks_folder()
    if place is None or not has_openvino() or _backend() != "tensorflow":
        return None
    made_by = {"code": digest_of_code(*_CODE), "libraries": installed_versions(_LIBRARIES)}
    return place / fingerprint({"origin": dict(origin)} | made_by, {})[:32]


def _backend() -> str:
    """What Keras runs on, or would."""
    if "keras" in sys.modules:
        import keras

        return str(keras.backend.backend())
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def _read(folder: Path) -> tuple[Network, Facts] | None:
    """A network kept earlier, None if there is none that is whole."""
    try:
        if not (folder / TENSORS).is_file():
            return None
        facts, arrays = load_model(folder)
        network = Network(arrays["graph"].tobytes(), arrays["weights"], arrays["expected"])
    except (StoreError, OSError, KeyError) as error:
        log.warning("a kept network is made anew: %s", error)
        return None
    with suppress(OSError):
        os.utime(folder)  # those not used for longest make room
    return network, facts


def _write(folder: Path, network: Network, facts: Facts) -> None:
    """Keep a network; where that is not possible only time is lost."""
    graph: NDArray[Any] = np.frombuffer(network.graph, np.uint8)
    arrays = {"graph": graph, "weights": network.weights, "expected": network.expected}
    try:
        make_folder(folder)
        save_model(folder, facts, arrays)
    except (StoreError, OSError) as error:
        log.info("the network is not kept: %s", error)
    tidy_networks(folder.parent)
