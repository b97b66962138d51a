"""What becomes of a photo that is posted again, as arithmetic on batches of pixels.

Blurred, set smaller, with a bar of letters across it, with the blocks of a JPEG. Matrices of
weights are ``(batch, new, old)``: a picture is multiplied by one for its rows and one for its
columns.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from matcher.errors import ConfigError

# Side of the blocks of a JPEG.
BLOCK = 8
# How wide detail is smeared where it is, in pixels, as a share of the picture's side.
BLUR = (0.002, 0.02)
# Smallest side of a picture that is set smaller, as a share of what it was.
SMALLEST = 0.6
# Steps in which the coefficients of a block are rounded: the lowest frequency, and how much
# coarser the others are.
STEPS = (8.0, 60.0)


def blurring(size: int, chosen: Any, strength: Any) -> Any:
    """Weights that smear pixels along one side, Gaussian.

    Args:
        size: Pixels along the side.
        chosen: 1 where a picture is blurred, else 0, shape ``(batch,)``.
        strength: How much, in [0, 1], shape ``(batch,)``.
    """
    along = ops.arange(size, dtype="float32")
    width = size * (BLUR[0] + (BLUR[1] - BLUR[0]) * strength * chosen)
    width = ops.where(chosen > 0, width, 0.05)  # so narrow that every pixel stays what it is
    apart = (along[:, None] - along[None, :])[None] / width[:, None, None]
    weights = ops.exp(-0.5 * apart * apart)
    return weights / ops.sum(weights, axis=2, keepdims=True)


def shrinking(size: int, extent: Any, start: Any) -> Any:
    """Weights that set a picture smaller along one side; outside it they are 0.

    Args:
        size: Pixels along the side.
        extent: What is left of the side, in (0, 1], shape ``(batch,)``.
        start: Where the picture begins, as a share of the side, shape ``(batch,)``.
    """
    along = ops.arange(size, dtype="float32")
    places = ((along + 0.5) / size - start[:, None]) / extent[:, None]
    inside = ops.cast(ops.logical_and(places >= 0, places <= 1), "float32")
    old = ops.clip(places * size - 0.5, 0.0, size - 1.0)
    weights = ops.maximum(1 - ops.abs(old[:, :, None] - along), 0.0)
    return weights * inside[:, :, None]


def overlay(pixels: Any, chosen: Any, u: Any, letters: Any) -> Any:
    """A bar across each chosen picture, opaque or not, with gaps as between letters.

    Args:
        pixels: In 0..255, shape ``(batch, size, size, 3)``.
        chosen: 1 where there is a bar, else 0, shape ``(batch,)``.
        u: Numbers in [0, 1) that place and colour it, shape ``(batch, 9)``.
        letters: Numbers in [0, 1), shape ``(batch, size)``.
    """
    size = pixels.shape[1]
    rows = _between(size, u[:, 0], 0.05 + 0.15 * u[:, 1])
    columns = _between(size, u[:, 2], 0.3 + 0.7 * u[:, 3])
    gaps = ops.cast(ops.logical_or(letters < 0.6, u[:, 8:9] < 0.5), "float32")
    bar = rows[:, :, None] * (columns * gaps)[:, None, :]
    opaque = (0.25 + 0.75 * u[:, 4]) * chosen
    colour = 255 * u[:, None, None, 5:8]
    return pixels + (bar * opaque[:, None, None])[..., None] * (colour - pixels)


def recompress(pixels: Any, chosen: Any, strength: Any) -> Any:
    """Round the frequencies of each block of 8 x 8 pixels, higher ones more coarsely.

    Args:
        pixels: In 0..255, shape ``(batch, size, size, 3)``, the size a multiple of 8.
        chosen: 1 where a picture is compressed, else 0, shape ``(batch,)``.
        strength: How badly, in [0, 1], shape ``(batch,)``.

    Raises:
        ConfigError: If the size is no multiple of 8.

    Source: ISO/IEC 10918-1, sections A.3.3 (transform) and A.3.4 (rounding), on red, green and
    blue alike.
    """
    size = pixels.shape[1]
    if size % BLOCK:
        raise ConfigError(
            f"augment.recompress works on blocks of {BLOCK} x {BLOCK} pixels: image.size must be a "
            f"multiple of {BLOCK}. Received: {size}."
        )
    waves = np.kron(np.eye(size // BLOCK, dtype=np.float32), _cosines())[None]
    u = np.arange(size, dtype=np.float32) % BLOCK / (BLOCK - 1)
    table = (STEPS[0] + STEPS[1] * (u[:, None] + u[None, :]) / 2)[None, :, :, None]
    steps = table * (0.3 + 2.0 * strength)[:, None, None, None]
    rounded = ops.round(multiply(waves, pixels, waves) / steps) * steps
    back = waves.transpose(0, 2, 1)
    again = ops.clip(multiply(back, rounded, back), 0.0, 255.0)
    return pixels + chosen[:, None, None, None] * (again - pixels)


def multiply(rows: Any, pixels: Any, columns: Any) -> Any:
    """Pictures ``(batch, old, old, 3)`` times weights for their rows, and for their columns.

    Weights are ``(batch, new, old)``, or ``(1, new, old)`` for all; what comes out is ``(batch,
    new, new, 3)``.
    """
    across = _weigh(rows, pixels)
    return ops.swapaxes(_weigh(columns, ops.swapaxes(across, 1, 2)), 1, 2)


def _weigh(weights: Any, pixels: Any) -> Any:
    """Weights times pictures, along the first side."""
    high, wide = pixels.shape[1:3]
    found = ops.matmul(weights, ops.reshape(pixels, (-1, high, wide * 3)))
    return ops.reshape(found, (-1, weights.shape[1], wide, 3))


def _cosines() -> Any:
    """Orthonormal cosine transform, row by row a frequency, shape ``(8, 8)``."""
    k, x = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None, :]
    waves = np.cos(math.pi * (2 * x + 1) * k / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    waves[0] /= math.sqrt(2)
    return waves.astype(np.float32)


def _between(size: int, middle: Any, side: Any) -> Any:
    """1 for the pixels along a side whose middle is in a part of it, ``(batch, size)``."""
    along = (ops.arange(size, dtype="float32") + 0.5) / size
    return ops.cast(ops.abs(along - middle[:, None]) < side[:, None] / 2, "float32")
