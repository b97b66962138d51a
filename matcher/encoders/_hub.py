"""Finding the folder of a model: on this machine, or on the Hugging Face hub."""

from __future__ import annotations

import logging
import re
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from matcher.errors import BackendError, StoreError
from matcher.io.artifacts import CONFIG, TENSORS, Tensors, fingerprint

log = logging.getLogger(__name__)

# Seconds without an answer after which a download is given up.
PATIENCE = 5

_TOKENIZERS = ("tokenizer.json", "vocab.txt")
_TOKENIZER_FILES = (
    *("tokenizer*.json", "vocab.txt"),
    *("special_tokens_map.json", "added_tokens.json"),
)
_WANTED = (CONFIG, TENSORS, *_TOKENIZER_FILES)


def find_folder(weights: str) -> Path:
    """Find the folder of a model, downloading it if need be.

    Args:
        weights: The folder, or an id on huggingface.co.

    Raises:
        BackendError: If it is not on this machine and cannot be downloaded, or lacks a file.
    """
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", weights):
            raise BackendError(
                f"The bert encoder needs its weights, but there is no folder {folder}."
            )
        folder = _download(weights)
    if not (folder / TENSORS).is_file() and (folder / "pytorch_model.bin").is_file():
        raise BackendError(
            f"{folder} holds its weights as a pickle, pytorch_model.bin, which could run any code "
            f"and is not read. Where torch is installed, AutoModel.from_pretrained({weights!r})"
            ".save_pretrained(FOLDER) of transformers writes model.safetensors."
        )
    lacking = _lacking(folder)
    if lacking:
        raise BackendError(
            f"The bert encoder needs {lacking} in {folder}, which is not there. "
            "Download or save the whole folder again."
        )
    return folder


def fingerprint_model(folder: Path, tensors: Tensors) -> str:
    """Tell models apart by their weights, their settings and their tokenizers: 16 hex digits."""
    files = (file for name in _WANTED if name != TENSORS for file in folder.glob(name))
    digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in files}
    return fingerprint(digests, tensors)[:16]


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy the tokenizer of one model's folder into another's, which is made if need be.

    Raises:
        StoreError: If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() == source.resolve():
            return
        for name in _TOKENIZER_FILES:
            for file in sorted(source.glob(name)):
                shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise StoreError(f"The tokenizer could not be saved in {folder}: {error}.") from error


def _lacking(folder: Path) -> str:
    """Name the first file that a model folder lacks, or nothing."""
    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            return name
    found = any((folder / name).is_file() for name in _TOKENIZERS)
    return "" if found else " or ".join(_TOKENIZERS)


def _download(model_id: str) -> Path:
    """Take a model from the cache of the Hugging Face hub, or download it into that."""
    from huggingface_hub import constants, model_info, snapshot_download

    try:
        # Without a question to the hub where all is there already.
        with suppress(FileNotFoundError):
            folder = Path(snapshot_download(model_id, local_files_only=True))
            if not _lacking(folder):
                return folder
        # snapshot_download alone would wait for ever for a network that swallows questions.
        revision = model_info(model_id, timeout=PATIENCE).sha
        log.info("downloading %s", model_id)
        found = snapshot_download(model_id, revision=revision, allow_patterns=list(_WANTED))
        return Path(found)
    except Exception as error:  # the hub, its HTTP library and the disk raise many types
        offline = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else ""
        raise BackendError(
            f"The bert encoder needs the weights {model_id!r}, which are not on this machine and "
            f"could not be downloaded ({offline or _explain(error)}). Download the folder once "
            f"with `hf download {model_id} --local-dir FOLDER` on a machine with a network and "
            "set weights: to it, or leave bert out of the encoders."
        ) from error


def _explain(error: Exception) -> str:
    """Say in a few words why a download failed."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return f"huggingface.co answers {error.response.status_code}"
    return "huggingface.co does not answer"
