"""Titles through BERT: what they mean, whatever words say it.

The weights are those that come with the package, or a Hugging Face folder or model id of type
``bert``, such as ``sentence-transformers/all-MiniLM-L6-v2`` (English) or
``sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2`` (50 languages).

Source: Devlin et al., arXiv:1810.04805; Reimers and Gurevych, arXiv:1908.10084.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from matcher.encoders._artefacts import Saved, build_saved, check_length, read_title
from matcher.encoders._hub import find_folder, fingerprint_model
from matcher.encoders._networks import Facts, load_runner
from matcher.encoders._tokens import TitleTokenizer, Tokens, load_tokenizer, pad, padded_length
from matcher.io.artifacts import CONFIG, TENSORS
from matcher.io.shipped import BASE, named_folder
from matcher.models.settings import TitlePooling
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

# Titles tokenised and sorted by length together.
CHUNK = 4_096
# Most tokens of a title on which the network is tried.
PROBED = 64


class Spec(Settings):
    """Settings.

    Attributes:
        weights: ``base``, those that come with the package; a folder with ``config.json``,
            ``model.safetensors`` and a tokenizer, or the id of such a model on huggingface.co,
            which is downloaded once; or the folder of an artefact.
        pooling: One vector from those of the tokens: their ``mean``, or the first (``cls``).
            What the model was trained with; None is what an artefact says, or ``mean``.
        max_tokens: Longer titles are cut off there, the two end marks included; None is what an
            artefact says, or 70.
        batch: Titles that go through the network at once.
        precision: ``bfloat16`` is 1.6 to 2 times as fast as ``float32``; ``auto`` takes it
            where the processor has it, the extra ``fast`` is installed and the network bears
            it. Vectors of the two are not compared with each other.
    """

    weights: str = BASE
    pooling: TitlePooling | None = None
    max_tokens: int | None = Field(None, ge=3)
    batch: int = Field(32, ge=1)
    precision: Precision = "auto"

    @property
    def weights_folder(self) -> Path:
        """Where the weights lie, if they are an artefact's."""
        return named_folder(self.weights, "title")

    def reads(self, listings: Listings) -> bool:
        """Whether any listing has a title."""
        return any(title.strip() for title in listings.titles)

    def fit(self, listings: Listings) -> BertEncoder:
        """Load the weights; nothing is learnt from ``listings``.

        Raises:
            BackendError: If the weights are missing, or the precision cannot be had.
            ConfigError: If they are of no BERT, or one with fewer positions than ``max_tokens``.
            StoreError: If they are damaged.
        """
        quiet_libraries()
        folder = find_folder(self.weights)
        architecture, saved = read_title(folder, self.pooling, self.max_tokens)
        mark = fingerprint_model(folder, saved.tensors)
        runner, facts = load_runner(
            {"model": mark, "pooling": architecture.pooling},
            lambda: self._build(folder, saved, architecture.max_tokens),
            lambda facts: title_probe(facts["vocab_size"], min(PROBED, facts["positions"])),
            self.precision,
            self.batch,
            fixed=False,
        )
        tokens = architecture.max_tokens
        check_length(tokens, facts["positions"], self.weights)
        return BertEncoder(
            tokenizer=load_tokenizer(folder, facts["vocab_size"], tokens),
            runner=runner,
            width=facts["width"],
            batch=self.batch,
            source=f"bert:{architecture.pooling}:{tokens}:{mark}:{runner.precision}",
        )

    def _build(self, folder: Path, saved: Saved, max_tokens: int) -> tuple[Any, Facts]:
        from matcher.models.bert import read_bert_config

        config = read_bert_config(saved.config, where=str(folder / CONFIG))
        check_length(max_tokens, config.max_position_embeddings, self.weights)
        model = build_saved(saved, str(folder / TENSORS))
        facts = {"vocab_size": config.vocab_size, "width": int(model.output_shape[-1])}
        return model, facts | {"positions": config.max_position_embeddings}


@dataclass(frozen=True, slots=True)
class BertEncoder:
    """A tokenizer and a network that are ready to run.

    Attributes:
        tokenizer: From titles to token ids.
        runner: From token ids and attention, both ``(batch, tokens)``, to ``(batch, width)``.
        width: Number of dimensions.
        batch: Titles that go through the network at once.
        source: Fingerprint.
    """

    tokenizer: TitleTokenizer
    runner: Runner
    width: int
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
            tokens = self.tokenizer(texts[start : start + CHUNK])
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
                buckets.setdefault(padded_length(len(ids), self.tokenizer.max_tokens), []).append(i)
        for length in sorted(buckets, reverse=True):
            rows = buckets[length]
            for first in range(0, len(rows), self.batch):
                batch = rows[first : first + self.batch]
                yield batch, pad([tokens[i] for i in batch], length)
