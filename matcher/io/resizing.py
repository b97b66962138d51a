"""Pictures brought to one size, several times faster than Pillow does it.

Each new pixel is the mean of all old ones under a triangle as wide as two new pixels, or two old
ones where the picture grows: Pillow's ``BILINEAR``, without its rounding between the two passes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.machine_code import compiled
from matcher.types import Float32


def resize(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize to a square, stretching where needed.

    Args:
        pixels: RGB in 0..255, shape ``(height, width, 3)``, both sides at least 1; or 4 values
            a pixel, of which the last is passed over.
        size: Side, in pixels.

    Returns:
        uint8, shape ``(size, size, 3)``; no value is further than 1 from Pillow's.
    """
    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels).view()
    rows.flags.writeable = False  # or else machine code is made for both kinds
    resized = np.empty((size, size, 3), np.uint8)
    _resample(rows, *_weights(height, size), *_weights(width, size), channels, resized)
    return resized


@lru_cache(256)
def _weights(old: int, new: int) -> tuple[NDArray[np.int64], Float32]:
    """First old pixel of each new one, and the weights of those from there on.

    Returns:
        Shapes ``(new,)`` and ``(new, taps)``; each row of weights sums to 1.
    """
    step = old / new
    reach = max(step, 1.0)
    centers = (np.arange(new) + 0.5) * step
    first = np.maximum(centers - reach + 0.5, 0).astype(np.int64)
    last = np.minimum(centers + reach + 0.5, old).astype(np.int64)
    taps = int((last - first).max())
    first = np.minimum(first, old - taps)
    away = np.abs(first[:, None] + np.arange(taps) + 0.5 - centers[:, None])
    weights = np.maximum(1 - away / reach, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return first, weights.astype(np.float32)


@compiled()
def _resample(  # pragma: no cover - machine code
    rows: NDArray[np.uint8],
    first_rows: NDArray[np.int64],
    row_weights: Float32,
    first_columns: NDArray[np.int64],
    column_weights: Float32,
    channels: int,
    resized: NDArray[np.uint8],
) -> None:
    """Fill ``resized``; ``rows`` has the channels of a pixel beside each other, red first."""
    mixed = np.empty(rows.shape[1], np.float32)
    # Unsigned, since a compiler that must allow for negative indices takes half as long again.
    one, two, step = np.uint64(1), np.uint64(2), np.uint64(channels)
    taps: Any = np.uint64(column_weights.shape[1])
    for y in range(len(first_rows)):
        mixed[:] = np.float32(0.5)  # so that cutting off the fraction rounds
        for k in range(row_weights.shape[1]):
            weight, row = row_weights[y, k], rows[first_rows[y] + k]
            for j in range(len(mixed)):
                mixed[j] += weight * np.float32(row[j])
        for x in range(len(first_columns)):
            red = green = blue = np.float32(0)
            at = np.uint64(channels * first_columns[x])
            for k in range(taps):
                weight = column_weights[x, k]
                red += weight * mixed[at]
                green += weight * mixed[at + one]
                blue += weight * mixed[at + two]
                at += step
            resized[y, x, 0] = np.uint8(np.int32(red))
            resized[y, x, 1] = np.uint8(np.int32(green))
            resized[y, x, 2] = np.uint8(np.int32(blue))
