"""What is learnt of each listing beside its product: a teacher's vector, a second class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import DataError
from matcher.jobs.encoding import encode_table, take_listings
from matcher.jobs.train_rows import Rows
from matcher.similarity import l2_normalize
from matcher.training.networks import ALSO, TEACHER
from matcher.training.rows import code_levels
from matcher.training.settings import TrainConfig
from matcher.training.teaching import Teacher
from matcher.types import UNLABELLED, Embeddings, Float32, Int64, Listings


def learn_besides(rows: Rows, config: TrainConfig) -> dict[str, NDArray[Any]]:
    """Read or make, for each training row, what the network learns besides.

    Returns:
        By name, each with a row for each training row: classes of the second loss, int32, shape
        ``(n,)``; vectors of the teacher, float32, shape ``(n, d)``.

    Raises:
        BackendError: If the teacher's weights are missing.
        ConfigError: If there is no such column.
        DataError: If a row has no second class, or the teacher gives no vectors.
    """
    others: dict[str, NDArray[Any]] = {}
    if config.also is not None:
        others[ALSO] = second_classes(rows.listings, rows.sides.train, config.also.column)
    if config.teacher is not None and config.teacher.sees == "whole":
        others[TEACHER] = teach(config.teacher, rows.listings, rows.sides.train)
    return others


def second_classes(listings: Listings, rows: Int64, column: str) -> NDArray[np.int32]:
    """Class of some rows in a column, numbered from 0.

    Raises:
        ConfigError: If there is no such column.
        DataError: If one of the rows has nothing in it.
    """
    codes = code_levels(listings, [column])[rows, 0]
    if (codes == UNLABELLED).any():
        first = listings.ids[int(rows[np.argmax(codes == UNLABELLED)])]
        raise DataError(
            f"also.column: every listing that is trained on needs a {column!r}. "
            f"Missing in {int((codes == UNLABELLED).sum()):,}; the first is {first}."
        )
    return np.unique(codes, return_inverse=True)[1].astype(np.int32)


def teach(teacher: Teacher, listings: Listings, rows: Int64) -> Float32:
    """Vectors that a teacher gives some rows, less their mean, of length 1; 0 where it has none.

    The mean says what all listings have in common, which nothing is to be learnt of.
    """
    chosen = take_listings(listings, rows.tolist())
    encoder = teacher.make().fit(chosen)
    encoded = encode_table(encoder, chosen, "teacher").encoded
    if not isinstance(encoded, Embeddings) or not isinstance(encoded.vectors, np.ndarray):
        raise DataError(
            f"A teacher gives dense vectors, which {teacher.encoder!r} does not. Take image, "
            "efficientnet, mobilenet or bert."
        )
    known = encoded.present
    if not known.any():
        raise DataError(f"The teacher {teacher.encoder!r} can read none of the listings.")
    centered = np.zeros_like(encoded.vectors)
    centered[known] = encoded.vectors[known] - encoded.vectors[known].mean(axis=0)
    return l2_normalize(centered)
