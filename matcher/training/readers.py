"""What a network takes of a listing: pixels or token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoders._tokens import Tokens, pad, padded_length
from matcher.io.images import read_pixels
from matcher.training.feeding import Inputs
from matcher.types import Int64, Listings


@dataclass(frozen=True, slots=True)
class PictureReader:
    """Reads pictures.

    Attributes:
        listings: The table.
        rows: Row in the table of each row that is asked for, shape ``(n,)``.
        size: Side of the pictures, in pixels.
    """

    listings: Listings
    rows: Int64
    size: int

    @property
    def lengths(self) -> None:
        """Pictures are brought to one size."""
        return None

    def read(self, row: int) -> NDArray[np.uint8]:
        """Pixels in 0..255, shape ``(size, size, 3)``.

        Raises:
            ImageError: If the picture cannot be read.
        """
        at, boxes = self.rows[row], self.listings.boxes
        ref = self.listings.images[at]
        if ref is None:
            raise ValueError(f"{self.listings.ids[at]} has no picture; leave it out.")
        box = None if boxes is None or np.isnan(boxes[at]).all() else boxes[at].tolist()
        return read_pixels(ref, self.size, box)

    def stack(self, items: Sequence[Any]) -> Inputs:
        """One batch as ``pixels``, shape ``(b, size, size, 3)``."""
        return {"pixels": np.stack(items)}


@dataclass(frozen=True, slots=True)
class TitleReader:
    """Hands out titles that are tokens already.

    Attributes:
        tokens: Token ids of each title of the table.
        rows: Row in the table of each row that is asked for, shape ``(n,)``.
        max_tokens: Longest title, in tokens.
    """

    tokens: Tokens
    rows: Int64
    max_tokens: int

    @property
    def lengths(self) -> Int64:
        """Number of tokens of each title, shape ``(n,)``."""
        return np.array([len(self.tokens[row]) for row in self.rows.tolist()], np.int64)

    def read(self, row: int) -> list[int]:
        """Token ids of a title."""
        return self.tokens[self.rows[row]]

    def stack(self, items: Sequence[Any]) -> Inputs:
        """One batch as ``token_ids`` and ``attended``, each ``(b, tokens)``.

        Titles are padded to the longest of the batch, rounded up so that few shapes occur.
        """
        length = padded_length(max(map(len, items)), self.max_tokens)
        token_ids, attended = pad(list(items), length)
        return {"token_ids": token_ids, "attended": attended}
