"""Resizing equals a definition written down plainly, and Pillow's up to its rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matcher.io.decoding import to_pixels
from matcher.io.resizing import resize

SIDES = st.integers(1, 70)


def mean_under_triangles(pixels, size):
    """The definition, in float64: triangles along both sides, as wide as two new pixels."""

    def weights(old):
        step = old / size
        centers = (np.arange(size) + 0.5) * step
        away = np.abs(np.arange(old) + 0.5 - centers[:, None])
        heights = np.maximum(1 - away / max(step, 1), 0)
        return heights / heights.sum(axis=1, keepdims=True)

    height, width, _ = pixels.shape
    return np.einsum("yi,xj,ijc->yxc", weights(height), weights(width), pixels.astype(float))


@given(height=SIDES, width=SIDES, size=SIDES, seed=st.integers(0, 9))
@settings(deadline=None)
def test_resizing_follows_its_definition_and_pillow(height, width, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    found = resize(pixels, size)
    assert found.shape == (size, size, 3)
    assert found.dtype == np.uint8
    assert np.abs(found - mean_under_triangles(pixels, size)).max() < 0.5 + 1e-4
    image = Image.fromarray(pixels)
    theirs = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    assert np.abs(found.astype(int) - theirs).max() <= 1
    np.testing.assert_array_equal(to_pixels(image, size), found)  # four bytes a pixel in Pillow


def test_by_hand():
    # 4 to 2: centres at 1 and 3 (edges of pixels), weights 3/4 and 1/4 to each side within reach,
    # cut off at the border: (3 a + 3 b + c) / 7, and mirrored.
    row = np.array([[[0] * 3, [70] * 3, [140] * 3, [210] * 3]], np.uint8)
    assert resize(row, 2)[..., 0].tolist() == [[50, 160], [50, 160]]


def test_the_same_size_keeps_every_value():
    pixels = np.arange(300, dtype=np.uint16).astype(np.uint8).reshape(10, 10, 3)
    np.testing.assert_array_equal(resize(pixels, 10), pixels)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_one_colour_stays_it(value):
    assert (resize(np.full((801, 517, 3), value, np.uint8), 224) == value).all()


def test_a_fourth_value_is_passed_over():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8)
    np.testing.assert_array_equal(resize(pixels, 5), resize(pixels[..., :3], 5))


def test_a_picture_in_several_pieces_of_memory_and_a_strip():
    # Pillow allocates 16 MiB at once: 3,000 x 2,000 pixels of four bytes need two pieces.
    pixels = np.random.default_rng(0).integers(0, 256, (3000, 2000, 3), np.uint8)
    np.testing.assert_array_equal(to_pixels(Image.fromarray(pixels), 64), resize(pixels, 64))
    strip = np.random.default_rng(1).integers(0, 256, (65_535, 1, 3), np.uint8)
    assert np.abs(resize(strip, 8) - mean_under_triangles(strip, 8)).max() < 0.6


def test_pixels_outlive_their_picture():
    image = Image.new("RGB", (300, 300), (9, 8, 7))
    pixels = to_pixels(image, 300)
    image.paste((0, 0, 0), (0, 0, 300, 300))
    del image
    assert (pixels == (9, 8, 7)).all()


def test_rows_that_are_padded_in_memory():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 61, 3), np.uint8)
    Image.core.set_alignment(64)
    try:
        found = to_pixels(Image.fromarray(pixels), 7)
    finally:
        Image.core.set_alignment(1)
    np.testing.assert_array_equal(found, resize(pixels, 7))
