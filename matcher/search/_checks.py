"""What may be searched in what."""

from __future__ import annotations

import numpy as np

from matcher.errors import DataError
from matcher.types import Encoded, Hashes


def kind_of(encoded: Encoded) -> str:
    """One of ``"dense vectors"``, ``"sparse vectors"`` and ``"hashes"``."""
    if isinstance(encoded, Hashes):
        return "hashes"
    return "dense vectors" if isinstance(encoded.vectors, np.ndarray) else "sparse vectors"


def describe(encoded: Encoded) -> str:
    """Name kind, encoder and width, e.g. ``dense vectors of 384 dimensions from 'bert'``."""
    width = "" if isinstance(encoded, Hashes) else f" of {encoded.vectors.shape[1]} dimensions"
    return f"{kind_of(encoded)}{width} from {encoded.source!r}"


def check_kind(encoded: Encoded, kinds: tuple[str, ...], holder: str) -> None:
    """Raise DataError unless ``encoded`` is of one of the kinds that ``holder`` can hold."""
    if kind_of(encoded) not in kinds:
        raise DataError(
            f"{holder} holds {' or '.join(kinds)}. Received: {describe(encoded)}. "
            "make_index(encoded) picks the index that fits."
        )


def check_comparable(queries: Encoded, held: Encoded) -> None:
    """Raise DataError unless both came from the same encoder."""
    if describe(queries) != describe(held):
        raise DataError(
            f"Queries are {describe(queries)}, but the index holds {describe(held)}. "
            "Encode both with the same encoder."
        )
