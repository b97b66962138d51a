"""Inputs on which a fast network is compared with the one that it was made of."""

from __future__ import annotations

import numpy as np

from matcher.runtime.runner import Batch

N_PICTURES = 8
N_TITLES = 4


def picture_probe(size: int) -> tuple[Batch, ...]:
    """Make pictures that a network takes for real ones.

    Their energy falls with the square of the frequency, as that of photographs does (Field,
    JOSA A 4, 1987); half of them show a thing on white, as product pictures do.

    Args:
        size: Side, in pixels.

    Returns:
        One batch: pixels in 0..255, uint8, shape ``(8, size, size, 3)``. The same each time.
    """
    rng = np.random.default_rng(0)
    along = np.fft.fftfreq(size)
    frequency = np.hypot(along[:, None], along)
    frequency[0, 0] = 1 / size
    pixels = np.empty((N_PICTURES, size, size, 3), np.uint8)
    for picture in pixels:  # one at a time, to be sparing of memory
        noise = np.fft.fft2(rng.normal(size=(4, size, size))) / frequency
        layers = np.fft.ifft2(noise).real
        layers /= layers.std(axis=(1, 2), keepdims=True)
        # Brightness varies more than colour.
        values = 128 + 45 * (layers[3:] + 0.4 * layers[:3])
        picture[:] = np.clip(values, 0, 255).transpose(1, 2, 0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    pixels[::4, np.hypot(x, y) > 0.35] = 255
    pixels[2::4, np.maximum(np.abs(x) * 4, np.abs(y) * 3) > 1] = 255
    return ((pixels,),)


def title_probe(vocab_size: int, max_tokens: int) -> tuple[Batch, ...]:
    """Make titles of several lengths out of random tokens.

    Returns:
        Batches of token ids and attention, both int32, shape ``(4, tokens)``; in each some
        titles are padded. The same each time.
    """
    rng = np.random.default_rng(0)
    batches = []
    for longest in sorted({max_tokens, max(max_tokens // 3, 3), min(8, max_tokens)}):
        lengths = rng.integers(2, longest + 1, N_TITLES)
        lengths[0] = longest
        attended = (np.arange(longest) < lengths[:, None]).astype(np.int32)
        token_ids = rng.integers(0, vocab_size, attended.shape).astype(np.int32) * attended
        batches.append((token_ids, attended))
    return tuple(batches)
