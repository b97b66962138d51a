"""Titles as token ids, for the network and for its training alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError

# Far more than 512 tokens; a tokenizer's normalisation is slow on longer junk.
MAX_CHARS = 5_000
# Lengths are rounded up to a multiple of this, so that few shapes occur.
STEP = 8

Tokens: TypeAlias = list[list[int]]
Int32: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TitleTokenizer:
    """From titles to token ids.

    Attributes:
        tokenizer: Of transformers.
        max_tokens: Longest title, in tokens.
    """

    tokenizer: Any
    max_tokens: int

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Token ids of each text, end marks included; none where no word is known."""
        cut = [text[:MAX_CHARS].encode("utf-8", "replace").decode() for text in texts]
        marks = set(self.tokenizer.all_special_ids)
        token_ids: Tokens = self.tokenizer(
            cut, truncation=True, max_length=self.max_tokens, return_attention_mask=False
        )["input_ids"]
        return [ids if not marks.issuperset(ids) else [] for ids in token_ids]


def load_tokenizer(folder: Path, vocab_size: int, max_tokens: int) -> TitleTokenizer:
    """Read the tokenizer of a model's folder.

    Raises:
        StoreError: If it is damaged or belongs to another network.
    """
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
    return TitleTokenizer(tokenizer, max_tokens)


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
