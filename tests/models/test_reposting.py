"""What becomes of a photo that is posted again: each change by itself."""

import numpy as np
import pytest
from scipy.fft import dctn, idctn

from matcher.errors import ConfigError
from matcher.models.settings import Augmentation

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.augmentation import build_augmentation  # noqa: E402
from matcher.models.reposting import (  # noqa: E402
    STEPS,
    blurring,
    multiply,
    overlay,
    recompress,
    shrinking,
)

SIZE = 16
OFF = {
    **{"flip": False, "area": (1.0, 1.0), "aspect": 1.0},
    **{"brightness": 0.0, "contrast": 0.0, "saturation": 0.0},
}


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (30, SIZE, SIZE, 3)).astype(np.float32)


def f32(*values):
    return np.array(values, np.float32)


def test_multiplying_is_a_matrix_for_rows_and_one_for_columns(rng):
    rows, columns = rng.normal(size=(2, 4, 4)), rng.normal(size=(2, 4, 4))
    pictures = rng.normal(size=(2, 4, 4, 3))
    found = np.asarray(multiply(*(x.astype(np.float32) for x in (rows, pictures, columns))))
    np.testing.assert_allclose(
        found, np.einsum("bri,bijc,bkj->brkc", rows, pictures, columns), rtol=1e-4, atol=1e-5
    )


def test_blurring_smears_the_chosen_ones_and_keeps_their_sum():
    weights = np.asarray(blurring(SIZE, f32(0, 1, 1), f32(1, 0, 1)))
    np.testing.assert_allclose(weights[0], np.eye(SIZE), atol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    peaks = weights[:, SIZE // 2, SIZE // 2]
    assert peaks[0] >= peaks[1] > peaks[2]


def test_shrinking_by_half_by_hand():
    weights = np.asarray(shrinking(4, f32(0.5, 1.0), f32(0.25, 0.0)))
    # the picture takes the two pixels in the middle, each between two of its own
    np.testing.assert_allclose(
        weights[0], [[0, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 0]], atol=1e-6
    )
    np.testing.assert_allclose(weights[1], np.eye(4), atol=1e-6)


def test_a_bar_is_painted_over_chosen_pictures_alone(pixels, rng):
    chosen = (np.arange(len(pixels)) % 2).astype(np.float32)
    u, letters = rng.random((len(pixels), 9)), rng.random((len(pixels), SIZE))
    u[:, 0], u[:, 2] = 0.5, 0.5  # in the middle
    found = np.asarray(overlay(pixels, chosen, u.astype(np.float32), letters.astype(np.float32)))
    np.testing.assert_array_equal(found[::2], pixels[::2])
    changed = np.abs(found[1::2] - pixels[1::2]).max(axis=3) > 0.5
    assert (changed.any(axis=(1, 2))).all()
    assert changed.any(axis=2).sum(axis=1).max() <= 0.2 * SIZE + 2  # a bar, not a half
    assert (found.min(), found.max()) >= (0, 0)
    assert found.max() <= 255


def test_compression_rounds_the_frequencies_of_each_block(pixels):
    strength = 0.4
    found = np.asarray(
        recompress(pixels, np.ones(30, np.float32), np.full(30, strength, np.float32))
    )
    u = np.arange(8) / 7
    steps = (STEPS[0] + STEPS[1] * (u[:, None] + u[None]) / 2) * (0.3 + 2 * strength)
    block = pixels[0, 8:16, 0:8, 1].astype(np.float64)
    rounded = np.round(dctn(block, norm="ortho") / steps) * steps
    np.testing.assert_allclose(
        found[0, 8:16, 0:8, 1], idctn(rounded, norm="ortho").clip(0, 255), atol=0.02
    )


def test_compression_leaves_the_others_and_plain_pictures(pixels):
    untouched = np.asarray(recompress(pixels, np.zeros(30, np.float32), np.ones(30, np.float32)))
    np.testing.assert_array_equal(untouched, pixels)
    plain = np.full((1, SIZE, SIZE, 3), 128, np.float32)
    assert np.abs(np.asarray(recompress(plain, f32(1), f32(0))) - plain).max() < 2


def test_compression_wants_whole_blocks():
    augmentation = build_augmentation(Augmentation(recompress=1.0), 20)
    with pytest.raises(ConfigError, match=r"multiple of 8.*20"):
        augmentation(np.zeros((1, 20, 20, 3), np.uint8), training=True)


@pytest.mark.parametrize("change", ["tint", "blur", "shrink", "overlay", "recompress"])
def test_each_change_is_drawn_for_its_share(pixels, change):
    def run(value, seed=3):
        augmentation = build_augmentation(Augmentation(**OFF | {change: value}), SIZE, seed)
        return np.asarray(augmentation(pixels, training=True))

    far = np.abs(run(0.5) - pixels).max(axis=(1, 2, 3)) > 1
    few = 1 if change == "blur" else 6  # a weak blur changes little at 16 pixels
    assert few <= far.sum() <= (30 if change == "tint" else 25)
    np.testing.assert_array_equal(run(0.5), run(0.5))
    assert (run(0.5, 4) != run(0.5)).any()
    assert run(0.5).min() >= 0
    assert run(0.5).max() <= 255.001


def test_the_part_comes_out_as_it_is_beside_the_changed_one(pixels):
    settings = Augmentation(**OFF | {"area": (0.5, 0.9), "tint": 0.5, "shrink": 1.0, "blur": 1.0})
    part, changed = build_augmentation(settings, SIZE, 5).views(pixels)
    np.testing.assert_array_equal(
        changed, build_augmentation(settings, SIZE, 5)(pixels, training=True)
    )
    only_cropped = build_augmentation(Augmentation(**OFF | {"area": (0.5, 0.9)}), SIZE, 5)
    np.testing.assert_allclose(part, only_cropped(pixels, training=True), atol=1e-3)
    assert (np.abs(np.asarray(changed) - np.asarray(part)).max(axis=(1, 2, 3)) > 1).all()
