"""Finding the folder of a model: on this machine, or on the Hugging Face hub."""

from __future__ import annotations

import logging
import re
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from matcher.errors import BackendError, StoreError
from matcher.io.artifacts import CONFIG, TENSORS, Tensors, fingerprint
from matcher.io.shipped import BASE, base_folder

log = logging.getLogger(__name__)

# Seconds without an answer after which a download is given up.
PATIENCE = 5

_TOKENIZERS = ("tokenizer.json", "vocab.txt")
_TOKENIZER_FILES = (
    *("tokenizer*.json", "vocab.txt"),
    *("special_tokens_map.json", "added_tokens.json"),
)
_WANTED = (CONFIG, TENSORS, *_TOKENIZER_FILES)


class Wanted(NamedTuple):
    """What is wanted of a model's folder.

    Attributes:
        encoder: Which encoder wants it, for messages.
        needed: Files that must be there; of several side by side, one.
        files: Patterns of those that are downloaded.
        named: What a setting ``weights`` names of a folder that people downloaded.
    """

    encoder: str
    needed: tuple[tuple[str, ...], ...]
    files: tuple[str, ...]
    named: str


TITLES = Wanted("bert", ((CONFIG,), (TENSORS,), _TOKENIZERS), _WANTED, "it")
PICTURES = Wanted("image", ((TENSORS,),), (TENSORS,), f"FOLDER/{TENSORS}")


def find_folder(weights: str, wanted: Wanted = TITLES) -> Path:
    """Find the folder of a model, downloading it if need be.

    Args:
        weights: The folder, or an id on huggingface.co; ``base`` is the network for titles that
            comes with the package.
        wanted: Which files, and for whom.

    Raises:
        BackendError: If it is not on this machine and cannot be downloaded, or lacks a file.
    """
    folder = base_folder("title") if weights == BASE else Path(weights).expanduser()
    if not folder.is_dir():
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", weights):
            raise BackendError(
                f"The {wanted.encoder} encoder needs its weights, but there is no folder {folder}."
            )
        folder = _download(weights, wanted)
    if not (folder / TENSORS).is_file() and (folder / "pytorch_model.bin").is_file():
        raise BackendError(
            f"{folder} holds its weights as a pickle, pytorch_model.bin, which could run any code "
            f"and is not read. Where torch is installed, AutoModel.from_pretrained({weights!r})"
            ".save_pretrained(FOLDER) of transformers writes model.safetensors."
        )
    lacking = _lacking(folder, wanted)
    if lacking:
        raise BackendError(
            f"The {wanted.encoder} encoder needs {lacking} in {folder}, which is not there. "
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


def _lacking(folder: Path, wanted: Wanted) -> str:
    """Name the first file that a model folder lacks, or nothing."""
    for names in wanted.needed:
        if not any((folder / name).is_file() for name in names):
            return " or ".join(names)
    return ""


def _download(model_id: str, wanted: Wanted) -> Path:
    """Take a model from the cache of the Hugging Face hub, or download it into that."""
    from huggingface_hub import constants, model_info, snapshot_download

    try:
        # Without a question to the hub where all is there already.
        with suppress(FileNotFoundError):
            folder = Path(snapshot_download(model_id, local_files_only=True))
            if not _lacking(folder, wanted):
                return folder
        # snapshot_download alone would wait for ever for a network that swallows questions.
        revision = model_info(model_id, timeout=PATIENCE).sha
        log.info("downloading %s", model_id)
        found = snapshot_download(model_id, revision=revision, allow_patterns=list(wanted.files))
        return Path(found)
    except Exception as error:  # the hub, its HTTP library and the disk raise many types
        offline = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else ""
        raise BackendError(
            f"The {wanted.encoder} encoder needs the weights {model_id!r}, which are not on this "
            f"machine and could not be downloaded ({offline or _explain(error)}). Download the "
            f"folder once with `hf download {model_id} --local-dir FOLDER` on a machine with a "
            f"network and set weights: to {wanted.named}, or leave {wanted.encoder} out of the "
            "encoders."
        ) from error


def _explain(error: Exception) -> str:
    """Say in a few words why a download failed."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return f"huggingface.co answers {error.response.status_code}"
    return "huggingface.co does not answer"
