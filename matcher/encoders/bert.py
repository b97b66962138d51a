"""Titles through BERT: what they mean, whatever words say it.

The weights are a Hugging Face folder or model id of type ``bert``, such as
``sentence-transformers/all-MiniLM-L6-v2`` (English) or
``sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2`` (50 languages).

Source: Devlin et al., arXiv:1810.04805; Reimers and Gurevych, arXiv:1908.10084.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matcher.errors import BackendError, ConfigError, StoreError
from matcher.io.artifacts import CONFIG, TENSORS, fingerprint, read_config, read_tensors
from matcher.progress import tracked
from matcher.runtime.compiled import Run, compile_model
from matcher.runtime.loading import import_keras, quiet_libraries
from matcher.settings import Settings
from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Float32, Listings

# For the contract test; the folder is in the repository, not in the package.
TINY: dict[str, Any] = {"weights": "tests/fixtures/tiny_bert", "max_tokens": 20}

log = logging.getLogger(__name__)

# Far more than 512 tokens; a tokenizer's normalisation is slow on longer junk.
MAX_CHARS = 5_000
# Titles tokenised and sorted by length together.
CHUNK = 4_096
# Lengths are rounded up to a multiple of this, so that few shapes occur.
STEP = 8
# Seconds without an answer after which a download is given up.
PATIENCE = 5

_TOKENIZERS = ("tokenizer.json", "vocab.txt")
_WANTED = (CONFIG, TENSORS, "tokenizer*.json", "vocab.txt", "special_tokens_map.json")

Tokens: TypeAlias = list[list[int]]
Int32: TypeAlias = NDArray[np.int32]


class Spec(Settings):
    """Settings.

    Attributes:
        weights: Folder with ``config.json``, ``model.safetensors`` and a tokenizer, or the id
            of such a model on huggingface.co, which is downloaded once.
        pooling: One vector from those of the tokens: their ``mean``, or the first (``cls``).
            What the model was trained with.
        max_tokens: Longer titles are cut off there, the two end marks included.
        batch: Titles that go through the network at once.
    """

    weights: str = "sentence-transformers/all-MiniLM-L6-v2"
    pooling: Literal["mean", "cls"] = "mean"
    max_tokens: int = Field(70, ge=3)
    batch: int = Field(64, ge=1)

    def fit(self, listings: Listings) -> BertEncoder:
        """Load the weights; nothing is learnt from ``listings``.

        Raises:
            BackendError: If the weights are missing.
            ConfigError: If they are of no BERT, or one with fewer positions than ``max_tokens``.
            StoreError: If they are damaged.
        """
        quiet_libraries()
        folder = find_folder(self.weights)
        import_keras()
        from matcher.models.bert import build_bert, read_bert_config
        from matcher.models.bert_weights import load_bert_weights

        config = read_bert_config(read_config(folder), where=str(folder / CONFIG))
        if self.max_tokens > config.max_position_embeddings:
            raise ConfigError(
                f"max_tokens is at most {config.max_position_embeddings} for {self.weights}. "
                f"Received: {self.max_tokens}."
            )
        tokenizer = _load_tokenizer(folder, config.vocab_size)
        _, tensors = read_tensors(folder / TENSORS)
        model = build_bert(config, self.pooling)
        load_bert_weights(model, tensors, str(folder / TENSORS))
        return BertEncoder(
            tokenizer=tokenizer,
            run=compile_model(model),
            width=config.hidden_size,
            max_tokens=self.max_tokens,
            batch=self.batch,
            source=f"bert:{self.pooling}:{self.max_tokens}:{fingerprint({}, tensors)[:8]}",
        )


@dataclass(frozen=True, slots=True)
class BertEncoder:
    """A tokenizer and a network that are ready to run.

    Attributes:
        tokenizer: From titles to token ids, of transformers.
        run: From token ids and attention, both ``(batch, tokens)``, to ``(batch, width)``.
        width: Number of dimensions.
        max_tokens: Longest title, in tokens.
        batch: Titles that go through the network at once.
        source: Fingerprint.
    """

    tokenizer: Any
    run: Run
    width: int
    max_tokens: int
    batch: int
    source: str

    def encode(self, listings: Listings) -> Embeddings:
        """Encode each title; one without a word that the model knows is 0."""
        # Equal titles get equal vectors, and only one of them goes through the network.
        place = {title: i for i, title in enumerate(dict.fromkeys(listings.titles))}
        vectors = self._encode_texts(list(place))
        if len(place) < len(listings):
            vectors = vectors[[place[title] for title in listings.titles]]
        known = (vectors != 0).any(axis=1).tolist()
        problems = {
            row: "the model knows no word of the title"
            for row, title in enumerate(listings.titles)
            if title.strip() and not known[row]
        }
        return Embeddings(vectors, self.source, problems)

    def _encode_texts(self, texts: Sequence[str]) -> Float32:
        vectors = np.zeros((len(texts), self.width), np.float32)
        sizes = (min(CHUNK, len(texts) - start) for start in range(0, len(texts), CHUNK))
        n_batches = sum(math.ceil(size / self.batch) for size in sizes)
        for rows, tokens in tracked(self._batches(texts), "bert", n_batches):
            if rows:
                vectors[rows] = l2_normalize(self.run(*pad(tokens, self.max_tokens)))
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Tokens]]:
        """Rows of texts of like length, with their tokens; texts without known words left out."""
        for start in range(0, len(texts), CHUNK):
            tokens = self._tokenize(texts[start : start + CHUNK])
            order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
            for first in range(0, len(order), self.batch):
                batch = [i for i in order[first : first + self.batch] if tokens[i]]
                yield [start + i for i in batch], [tokens[i] for i in batch]

    def _tokenize(self, texts: Sequence[str]) -> Tokens:
        """Token ids of each text, end marks included; none where no word is known."""
        cut = [text[:MAX_CHARS].encode("utf-8", "replace").decode() for text in texts]
        marks = set(self.tokenizer.all_special_ids)
        token_ids: Tokens = self.tokenizer(
            cut, truncation=True, max_length=self.max_tokens, return_attention_mask=False
        )["input_ids"]
        return [ids if not marks.issuperset(ids) else [] for ids in token_ids]


def pad(tokens: Tokens, max_tokens: int) -> tuple[Int32, Int32]:
    """Bring token ids to one length, the longest rounded up to a multiple of ``STEP``.

    Returns:
        Token ids, and 1 where there is one and 0 for padding; both ``(batch, tokens)``.
    """
    longest = max(len(ids) for ids in tokens)
    length = max(longest, min(math.ceil(longest / STEP) * STEP, max_tokens))
    token_ids = np.zeros((len(tokens), length), np.int32)
    attended = np.zeros_like(token_ids)
    for i, ids in enumerate(tokens):
        token_ids[i, : len(ids)] = ids
        attended[i, : len(ids)] = 1
    return token_ids, attended


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


def _load_tokenizer(folder: Path, vocab_size: int) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers and tokenizers raise many types on damaged files
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise StoreError(
            f"The tokenizer in {folder} cannot be read: {reason}. Download the folder again."
        ) from error
    if len(tokenizer) > vocab_size:
        raise StoreError(
            f"The tokenizer in {folder} has {len(tokenizer)} tokens, the network {vocab_size}: "
            "they do not belong together. Download the folder again."
        )
    return tokenizer
