"""Titles through BERT: what they mean, whatever words say it.

The weights are a Hugging Face folder or model id of type ``bert``, such as
``sentence-transformers/all-MiniLM-L6-v2`` (English) or
``sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2`` (50 languages).

Source: Devlin et al., arXiv:1810.04805; Reimers and Gurevych, arXiv:1908.10084.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matcher.encoders._hub import find_folder, fingerprint_model
from matcher.encoders._networks import Facts, load_runner
from matcher.errors import ConfigError, StoreError
from matcher.io.artifacts import CONFIG, TENSORS, Tensors, read_config, read_tensors
from matcher.progress import tracked
from matcher.runtime.loading import quiet_libraries
from matcher.runtime.networks import Precision
from matcher.runtime.probes import title_probe
from matcher.runtime.runner import Batch, Runner
from matcher.settings import Settings
from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Float32, Listings

# For the contract test; the folder is in the repository, not in the package.
TINY: dict[str, Any] = {"weights": "tests/fixtures/tiny_bert", "max_tokens": 20}

# Far more than 512 tokens; a tokenizer's normalisation is slow on longer junk.
MAX_CHARS = 5_000
# Titles tokenised and sorted by length together.
CHUNK = 4_096
# Lengths are rounded up to a multiple of this, so that few shapes occur.
STEP = 8
# Most tokens of a title on which the network is tried.
PROBED = 64

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
        precision: ``bfloat16`` is 1.6 to 2 times as fast as ``float32``; ``auto`` takes it
            where the processor has it, the extra ``fast`` is installed and the network bears
            it. Vectors of the two are not compared with each other.
    """

    weights: str = "sentence-transformers/all-MiniLM-L6-v2"
    pooling: Literal["mean", "cls"] = "mean"
    max_tokens: int = Field(70, ge=3)
    batch: int = Field(32, ge=1)
    precision: Precision = "auto"

    def fit(self, listings: Listings) -> BertEncoder:
        """Load the weights; nothing is learnt from ``listings``.

        Raises:
            BackendError: If the weights are missing, or the precision cannot be had.
            ConfigError: If they are of no BERT, or one with fewer positions than ``max_tokens``.
            StoreError: If they are damaged.
        """
        quiet_libraries()
        folder = find_folder(self.weights)
        _, tensors = read_tensors(folder / TENSORS)
        mark = fingerprint_model(folder, tensors)
        runner, facts = load_runner(
            {"model": mark, "pooling": self.pooling},
            lambda: self._build(folder, tensors),
            lambda facts: title_probe(facts["vocab_size"], min(PROBED, facts["positions"])),
            self.precision,
            self.batch,
            fixed=False,
        )
        self._check_length(facts["positions"])
        return BertEncoder(
            tokenizer=_load_tokenizer(folder, facts["vocab_size"]),
            runner=runner,
            width=facts["width"],
            max_tokens=self.max_tokens,
            batch=self.batch,
            source=f"bert:{self.pooling}:{self.max_tokens}:{mark}:{runner.precision}",
        )

    def _build(self, folder: Path, tensors: Tensors) -> tuple[Any, Facts]:
        from matcher.models.bert import build_bert, read_bert_config
        from matcher.models.bert_weights import load_bert_weights

        config = read_bert_config(read_config(folder), where=str(folder / CONFIG))
        self._check_length(config.max_position_embeddings)
        model = build_bert(config, self.pooling)
        load_bert_weights(model, tensors, str(folder / TENSORS))
        facts = {"vocab_size": config.vocab_size, "width": config.hidden_size}
        return model, facts | {"positions": config.max_position_embeddings}

    def _check_length(self, positions: int) -> None:
        if self.max_tokens > positions:
            raise ConfigError(
                f"max_tokens is at most {positions} for {self.weights}. "
                f"Received: {self.max_tokens}."
            )


@dataclass(frozen=True, slots=True)
class BertEncoder:
    """A tokenizer and a network that are ready to run.

    Attributes:
        tokenizer: From titles to token ids, of transformers.
        runner: From token ids and attention, both ``(batch, tokens)``, to ``(batch, width)``.
        width: Number of dimensions.
        max_tokens: Longest title, in tokens.
        batch: Titles that go through the network at once.
        source: Fingerprint.
    """

    tokenizer: Any
    runner: Runner
    width: int
    max_tokens: int
    batch: int
    source: str

    def contents(self, listings: Listings) -> tuple[str | None, ...]:
        """What each row is encoded from."""
        return listings.titles

    def encode(self, listings: Listings) -> Embeddings:
        """Encode each title; one without a word that the model knows is 0."""
        # Equal titles get equal vectors, and only one of them goes through the network.
        place = {title: i for i, title in enumerate(dict.fromkeys(listings.titles))}
        vectors = np.zeros((len(place), self.width), np.float32)
        for row, vector in tracked(self._encode_texts(list(place)), "bert", len(place)):
            vectors[row] = vector
        if len(place) < len(listings):
            vectors = vectors[[place[title] for title in listings.titles]]
        known = (vectors != 0).any(axis=1).tolist()
        problems = {
            row: "the model knows no word of the title"
            for row, title in enumerate(listings.titles)
            if title.strip() and not known[row]
        }
        return Embeddings(vectors, self.source, problems)

    def _encode_texts(self, texts: Sequence[str]) -> Iterator[tuple[int, Float32]]:
        """Each text's place and vector, in any order."""
        nothing = np.zeros(self.width, np.float32)
        for start in range(0, len(texts), CHUNK):
            tokens = self._tokenize(texts[start : start + CHUNK])
            yield from ((start + i, nothing) for i, ids in enumerate(tokens) if not ids)
            for rows, found in self.runner.stream_keyed(self._batches(tokens)):
                yield from ((start + i, v) for i, v in zip(rows, l2_normalize(found), strict=True))

    def _batches(self, tokens: Tokens) -> Iterator[tuple[list[int], Batch]]:
        """Texts that are padded to the same length, the longest first.

        So a text is padded the same whatever stands beside it, and its vector does not depend
        on that either.
        """
        buckets: dict[int, list[int]] = {}
        for i, ids in enumerate(tokens):
            if ids:
                buckets.setdefault(padded_length(len(ids), self.max_tokens), []).append(i)
        for length in sorted(buckets, reverse=True):
            rows = buckets[length]
            for first in range(0, len(rows), self.batch):
                batch = rows[first : first + self.batch]
                yield batch, pad([tokens[i] for i in batch], length)

    def _tokenize(self, texts: Sequence[str]) -> Tokens:
        """Token ids of each text, end marks included; none where no word is known."""
        cut = [text[:MAX_CHARS].encode("utf-8", "replace").decode() for text in texts]
        marks = set(self.tokenizer.all_special_ids)
        token_ids: Tokens = self.tokenizer(
            cut, truncation=True, max_length=self.max_tokens, return_attention_mask=False
        )["input_ids"]
        return [ids if not marks.issuperset(ids) else [] for ids in token_ids]


def padded_length(n_tokens: int, max_tokens: int) -> int:
    """Round a length up to a multiple of ``STEP``, but not past ``max_tokens``."""
    return max(n_tokens, min(math.ceil(n_tokens / STEP) * STEP, max_tokens))


def pad(tokens: Tokens, length: int) -> tuple[Int32, Int32]:
    """Bring token ids to one length.

    Returns:
        Token ids, and 1 where there is one and 0 for padding; both ``(batch, length)``.
    """
    token_ids = np.zeros((len(tokens), length), np.int32)
    attended = np.zeros_like(token_ids)
    for i, ids in enumerate(tokens):
        token_ids[i, : len(ids)] = ids
        attended[i, : len(ids)] = 1
    return token_ids, attended


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
