"""What a TF-IDF encoder has learnt, as bytes and back: arrays and text, never pickled objects."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoders._character_runs import RunsVectorizer
from matcher.errors import StoreError


@dataclass(frozen=True, slots=True)
class Learnt:
    """A vocabulary and its weights.

    Attributes:
        terms: In the order of the dimensions.
        idf: Inverse document frequencies, shape ``(d,)``, of the type that they were learnt in.
    """

    terms: tuple[str, ...]
    idf: NDArray[Any]


def write_learnt(vectorizer: Any) -> bytes:
    """What a fitted vectorizer has learnt; None has learnt nothing."""
    if vectorizer is None:
        return _pack({})
    if isinstance(vectorizer, RunsVectorizer):
        return _pack(vectorizer.arrays())
    terms = json.dumps(vectorizer.get_feature_names_out().tolist()).encode("ascii")
    return _pack({"terms": np.frombuffer(terms, np.uint8), "idf": vectorizer.idf_})


def read_learnt(state: bytes) -> Learnt | RunsVectorizer | None:
    """What ``write_learnt`` wrote: runs of characters come back ready to use.

    Raises:
        StoreError: If these are other bytes.
    """
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if not arrays:
            return None
        if "keys" in arrays:
            return RunsVectorizer.restored(arrays)
        terms = json.loads(arrays["terms"].tobytes().decode("ascii"))
        if len(terms) != len(arrays["idf"]) or not all(isinstance(term, str) for term in terms):
            raise ValueError("terms and weights that do not fit each other")
        return Learnt(tuple(terms), arrays["idf"])
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            "What a TF-IDF encoder had learnt cannot be read back: it is damaged "
            f"({error or type(error).__name__}). Put a backup in its place, or make it anew."
        ) from error


def _pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    packed: dict[str, Any] = arrays
    np.savez_compressed(file, **packed)
    return file.getvalue()
